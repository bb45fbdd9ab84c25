"""Fictional clinical documents: a PDF, a CDA level 1 around it, an IHE_XDM.zip around that.

Used by tests, by the demo and by people who try the program. Everything is built by the program's own writers, so
that what is sent here is what a real sender of ours would send.
"""

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta, timezone

from dmp_bridge.cda.body import Body
from dmp_bridge.cda.header import InstanceId, Organization, PatientIdentity, Person
from dmp_bridge.cda.level_1 import Level1Request, compose_level_1
from dmp_bridge.packaging import package_documents
from dmp_bridge.xds.identifiers import INS_NIR_TEST, PROFESSIONALS, STRUCTURES
from dmp_bridge.xds.metadata import Code
from vaguemestre.kernel.pdf import write_pdf

WINTER_IN_PARIS = timezone(timedelta(hours=1))
WRITTEN_AT = datetime(2026, 1, 15, 10, 15, tzinfo=WINTER_IN_PARIS)
SOURCE_ID = "2.25.326455647509324498658414954543363588181"
GENERAL_PRACTICE = Code("G15_10/SM26", "1.2.250.1.213.1.1.4.5", "Médecin - Qualifié en Médecine Générale (SM)")


@dataclass(frozen=True, slots=True, kw_only=True)
class FictionalPatient:
    """A patient as her document names her; no such person exists."""

    ins: str = "279035121518989"
    oid: str = INS_NIR_TEST
    family: str = "PAT-TROIS"
    given: str = "DOMINIQUE"
    birth_date: date = date(1979, 3, 28)
    sex: str = "F"
    birth_place: str = "51215"

    @property
    def identity(self) -> PatientIdentity:
        """The patient as a CDA header says it."""
        return PatientIdentity(
            ids=(InstanceId(self.oid, self.ins),),
            birth_family=self.family,
            given=self.given,
            first_given=self.given.split()[0],
            sex=self.sex,
            birth_date=f"{self.birth_date:%Y%m%d}",
            birth_place=self.birth_place,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class FictionalAuthor:
    """A professional who writes documents, with her structure."""

    national_id: str = "810101234567"
    family: str = "MARTIN"
    given: str = "Camille"
    specialty: Code = GENERAL_PRACTICE
    structure_id: str = "10B0127189"
    structure_name: str = "CABINET DU DR MARTIN"

    @property
    def person(self) -> Person:
        """The author as a CDA header says it."""
        structure = Organization(identifier=InstanceId(STRUCTURES, self.structure_id), name=self.structure_name)
        return Person(
            identifier=InstanceId(PROFESSIONALS, self.national_id),
            family=self.family,
            given=self.given,
            specialty=self.specialty,
            organization=structure,
        )


DOMINIQUE = FictionalPatient()
CAMILLE_MARTIN = FictionalAuthor()


def fictional_pdf(*lines: str) -> bytes:
    """Return a PDF whose title is the first of LINES."""
    title, *rest = lines or ("Document fictif",)
    return write_pdf(title, rest)


def fictional_cda(
    patient: FictionalPatient = DOMINIQUE,
    author: FictionalAuthor = CAMILLE_MARTIN,
    *,
    title: str = "Compte rendu de consultation",
    pdf: bytes | None = None,
    **header: object,
) -> bytes:
    """Return a CDA R2 level 1 around a PDF, with a fresh id.

    Args:
        patient: whom it is about.
        author: who signs it.
        title: also the text of the PDF when none is given.
        pdf: the file to wrap.
        header: other fields of `Level1Request` (`type_code`, `written_at`, `replaces`…).
    """
    body = Body("application/pdf", pdf or fictional_pdf(title, f"{author.given} {author.family}"))
    request = Level1Request(
        patient=patient.identity, author=author.person, body=body, written_at=WRITTEN_AT, title=title
    )
    return compose_level_1(replace(request, **header))  # type: ignore[arg-type]


def fictional_archive(*documents: bytes, author: FictionalAuthor = CAMILLE_MARTIN) -> bytes:
    """Return an IHE_XDM.zip with these CDA documents, or with one fictional report."""
    return package_documents(
        documents or (fictional_cda(author=author),),
        sender=author.structure_name,
        source_id=SOURCE_ID,
        sent_at=WRITTEN_AT + timedelta(minutes=1),
    )
