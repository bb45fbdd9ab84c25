"""Who a document is from and about: authors, authenticator and source patient, in XDS and as contained resources.

An author is a PractitionerRole with the professional and his structure, the patient herself, or a device.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from dmp_bridge.fhir import codes
from dmp_bridge.fhir.dates import date_time_of, dtm_of
from dmp_bridge.fhir.elements import CodeableConcept, Coding, Extension, HumanName, Identifier, Reference
from dmp_bridge.fhir.identity import (
    believed,
    cx_of,
    device_of,
    keeping,
    kept_text,
    organization_of,
    patient_author_of,
    patient_identifier,
    practitioner_of,
    xcn_of,
    xcn_of_number,
    xon_of,
)
from dmp_bridge.fhir.problems import FhirProblem, IssueType
from dmp_bridge.fhir.resources import Device, Organization, Party, Patient, Practitioner, PractitionerRole
from dmp_bridge.refusals import Refusal
from dmp_bridge.xds.identifiers import CX, INS_OIDS, XCN, XON
from dmp_bridge.xds.metadata import Author, Code

INSTITUTION = "urn:vaguemestre:fhir:institution"
_SEARCHED = re.compile(r"Patient\?identifier=([^|&]*)(?:\||%7C)([^|&]+)")
_GENDERS = {"M": "male", "F": "female", "U": "unknown", "O": "other"}
_SEXES = {gender: sex for sex, gender in _GENDERS.items()}


class Containing:
    """The contained resources of one resource that is being written."""

    def __init__(self) -> None:
        self._held: list[Party] = []

    @property
    def parties(self) -> tuple[Party, ...]:
        """What was put in, in order."""
        return tuple(self._held)

    def put(self, party: Party) -> Reference:
        """Put a party in, under its own id; returns the reference to it."""
        self._held.append(party)
        return Reference(reference=f"#{party.id}")

    def author(self, author: Author, name: str) -> Reference:
        """Put an author in, with everybody that it takes."""
        institutions = [
            self.put(organization_of(each, f"{name}-structure{place}"))
            for place, each in enumerate(author.institutions, 1)
        ]
        alone = not (author.roles or author.specialties)
        person = author.person
        if person is not None and alone and not institutions and person.oid in INS_OIDS:
            return self.put(patient_author_of(person, name))
        if person is not None and alone and len(institutions) < 2 and person.kind == "RI":
            device = device_of(person, name)
            return self.put(_owned(device, institutions[0]) if institutions else device)
        return self.put(
            PractitionerRole(
                id=name,
                practitioner=self.person(person, f"{name}-personne") if person is not None else None,
                organization=institutions[0] if institutions else None,
                code=tuple(CodeableConcept(text=each) for each in author.roles),
                specialty=tuple(_specialty(each) for each in author.specialties),
                extension=tuple(Extension(url=INSTITUTION, value_reference=each) for each in institutions[1:]),
            )
        )

    def person(self, person: XCN, name: str) -> Reference:
        """Put a professional in, or whoever signs as one."""
        return self.put(practitioner_of(person, name))

    def source_patient(self, number: CX | None, lines: Sequence[str], name: str) -> Reference:
        """Put the patient in as the source knows her."""
        return self.put(_source_patient(number, lines, name))


def _owned(device: Device, owner: Reference) -> Device:
    return Device(
        id=device.id,
        identifier=device.identifier,
        device_name=device.device_name,
        model_number=device.model_number,
        owner=owner,
        extension=device.extension,
    )


def _specialty(text: str) -> CodeableConcept:
    """Write a specialty `code^label^nomenclature`; what is not written so is a text."""
    code, display, scheme = (*text.split("^"), "", "")[:3]
    coding = codes.coding_of(Code(code, scheme, display)) if code else Coding()
    concept = CodeableConcept(coding=(coding,))
    return concept if code and _specialty_text(concept) == text else CodeableConcept(text=text)


def _specialty_text(concept: CodeableConcept) -> str:
    code = codes.code_of_concept(concept)
    return concept.text or "" if code is None else f"{code.code}^{code.display}^{code.scheme}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """Where the references of a resource are looked up: what it contains, what is beside it, patients of ours.

    Attributes:
        contained: by id.
        beside: resources of the bundle by fullUrl.
        patients: identifiers of our patients by `Patient/id`.
    """

    contained: Mapping[str, Party] = field(default_factory=dict)
    beside: Mapping[str, Party] = field(default_factory=dict)
    patients: Mapping[str, CX] = field(default_factory=dict)

    def within(self, contained: Sequence[Party]) -> "Surroundings":
        """Return the surroundings of a resource that contains these."""
        return replace(self, contained={each.id: each for each in contained if each.id})

    def find(self, reference: Reference | None) -> Party | None:
        """Return what a reference designates here; None when it designates nothing here."""
        target = "" if reference is None else reference.reference or ""
        if target.startswith("#"):
            return self.contained.get(target[1:])
        return self.beside.get(target)

    def patient(self, reference: Reference | None, place: str) -> CX | None:
        """Return the patient that a reference designates, by her INS when she has one.

        Raises:
            FhirProblem: the reference designates nobody here; nothing is fetched from elsewhere.
        """
        if reference is None:
            return None
        found = self.find(reference)
        if isinstance(found, Patient):
            return number_of(found.identifier)
        if reference.identifier is not None:
            return cx_of(reference.identifier)
        target = reference.reference or ""
        searched = _SEARCHED.fullmatch(target)
        if searched is not None:
            return cx_of(Identifier(system=searched[1], value=searched[2]))
        if target in self.patients:
            return self.patients[target]
        raise FhirProblem.of(IssueType.NOT_FOUND, Refusal.FHIR_REFERENCE, place, status=422)


def number_of(identifiers: Sequence[Identifier]) -> CX | None:
    """Return the INS of a patient, else her first number."""
    numbers = [cx_of(each) for each in identifiers if each.value or each.extension]
    return next((each for each in numbers if each.oid in INS_OIDS), next(iter(numbers), None))


def author_of(reference: Reference, around: Surroundings, place: str) -> Author:
    """Read an author.

    Raises:
        FhirProblem: the reference designates nobody here.
    """
    party = around.find(reference)
    match party:
        case PractitionerRole():
            return _of_role(party, around)
        case Organization():
            return Author(institutions=(xon_of(party),))
        case Device():
            return Author(person=xcn_of(party), institutions=_institutions([party.owner], around))
        case Practitioner() | Patient():
            return Author(person=xcn_of(party))
    if reference.identifier is not None:
        return Author(person=xcn_of_number((reference.identifier,)))
    raise FhirProblem.of(IssueType.NOT_FOUND, Refusal.FHIR_REFERENCE, place, status=422)


def _of_role(role: PractitionerRole, around: Surroundings) -> Author:
    person = around.find(role.practitioner)
    named = role.practitioner.identifier if role.practitioner is not None else None
    others = [each.value_reference for each in role.extension if each.url == INSTITUTION]
    return Author(
        person=(
            xcn_of(person)
            if isinstance(person, Practitioner)
            else xcn_of_number((named,) if named is not None else role.identifier)
        ),
        institutions=_institutions([role.organization, *others], around),
        roles=tuple(text for text in map(_text, role.code) if text),
        specialties=tuple(text for text in map(_specialty_text, role.specialty) if text),
    )


def _institutions(references: Sequence[Reference | None], around: Surroundings) -> tuple[XON, ...]:
    found = []
    for reference in references:
        party = around.find(reference)
        if isinstance(party, Organization):
            found.append(xon_of(party))
        elif reference is not None and reference.identifier is not None:
            found.append(xon_of(Organization(identifier=(reference.identifier,), name=reference.display)))
    return tuple(found)


def _text(concept: CodeableConcept) -> str:
    named = (each.display or each.code for each in concept.coding)
    return concept.text or next((each for each in named if each), "")


def source_patient_of(reference: Reference | None, around: Surroundings) -> tuple[CX | None, tuple[str, ...]]:
    """Read the patient as the source knows her: her local number, and the PID lines; both empty when not given."""
    party = around.find(reference)
    if isinstance(party, Patient):
        return _first_number(party.identifier), _lines(party)
    known = None if reference is None else around.patients.get(reference.reference or "")
    if known is not None:
        return known, ()
    number = None if reference is None else reference.identifier
    return (None if number is None else cx_of(number)), ()


def _first_number(identifiers: Sequence[Identifier]) -> CX | None:
    return next((cx_of(each) for each in identifiers if each.value or each.extension), None)


def _source_patient(number: CX | None, lines: Sequence[str], name: str | None = None) -> Patient:
    plain = _from_lines(number, lines, name)
    text = "\n".join(lines)
    return Patient(
        id=name,
        identifier=plain.identifier,
        name=plain.name,
        gender=plain.gender,
        birth_date=plain.birth_date,
        extension=keeping(text, "\n".join(_plain_lines(plain))),
    )


def _from_lines(number: CX | None, lines: Sequence[str], name: str | None) -> Patient:
    values = dict(line.split("|", 1) for line in reversed(lines) if "|" in line)
    family, given = (*values.get("PID-5", "").split("^"), "")[:2]
    born = date_time_of(values.get("PID-7", "")[:8])
    return Patient(
        id=name,
        identifier=(patient_identifier(number),) if number is not None else (),
        name=(HumanName(family=family or None, given=(given,) if given else ()),) if family or given else (),
        gender=_GENDERS.get(values.get("PID-8", "")),
        birth_date=born,
    )


def _lines(patient: Patient) -> tuple[str, ...]:
    plain = _plain_lines(patient)

    def same(text: str) -> bool:
        written = _from_lines(None, text.split("\n"), None)
        return (written.name, written.gender, written.birth_date) == (patient.name, patient.gender, patient.birth_date)

    text = believed(kept_text(patient.extension), "\n".join(plain), same)
    return tuple(text.split("\n")) if text else ()


def _plain_lines(patient: Patient) -> tuple[str, ...]:
    name = patient.name[0] if patient.name else HumanName()
    lines = (
        ("PID-5", f"{name.family or ''}^{' '.join(name.given)}^^^^^L" if patient.name else ""),
        ("PID-7", dtm_of(patient.birth_date or "") or ""),
        ("PID-8", _SEXES.get(patient.gender or "", "")),
    )
    return tuple(f"{label}|{value}" for label, value in lines if value)
