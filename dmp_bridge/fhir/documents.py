"""DocumentEntry of XDS and DocumentReference of FHIR, each from the other without loss.

Hash: hexadecimal there, base64 here. Times: any precision there, seconds here. The entryUUID and the logical id are
identifiers, the version of the metadata is `meta.versionId`, « archived » is the extension of PDSm.

Source: PDSm 3.1; MHD mapping XDS; PDSM4DMP annexe « Mapping XDS/FHIR »
"""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass

from dmp_bridge.fhir import codes
from dmp_bridge.fhir.dates import date_time_of, dtm_of
from dmp_bridge.fhir.elements import Attachment, CodeableConcept, Coding, Extension, Identifier, Meta, Period, Reference
from dmp_bridge.fhir.identity import (
    HL7_TYPES,
    OID_PREFIX,
    URI_SYSTEM,
    UUID_PREFIX,
    believed,
    keeping,
    kept_text,
    patient_identifier,
    unique_id_of,
    unique_identifier,
    xcn_of,
    xcn_of_number,
    xon_of,
)
from dmp_bridge.fhir.parties import Containing, Surroundings, author_of, source_patient_of
from dmp_bridge.fhir.resources import (
    Content,
    Context,
    Device,
    DocumentReference,
    Organization,
    Patient,
    Practitioner,
    PractitionerRole,
    RelatesTo,
)
from dmp_bridge.xds.identifiers import CX, XCN
from dmp_bridge.xds.metadata import (
    APPENDS,
    APPROVED,
    ARCHIVED,
    DELETED,
    DEPRECATED,
    REPLACES,
    SIGNS,
    TRANSFORMS,
    Code,
    DocumentEntry,
)

PDSM = "https://interop.esante.gouv.fr/ig/fhir/pdsm/StructureDefinition"
COMPREHENSIVE = f"{PDSM}/pdsm-comprehensive-document-reference"
IS_ARCHIVED, IS_DELETED = f"{PDSM}/pdsm-ext-is-archived", f"{PDSM}/pdsm-ext-is-deleted"
CREATION, START, END = (f"urn:vaguemestre:fhir:dtm:{name}" for name in ("creation", "start", "end"))
RELATIONS = {REPLACES: "replaces", TRANSFORMS: "transforms", APPENDS: "appends", SIGNS: "signs"}
ASSOCIATIONS = {code: kind for kind, code in RELATIONS.items()}
_SAID = {IS_ARCHIVED: ARCHIVED, IS_DELETED: DELETED}
_SHA1_BYTES = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What a server says of a document beside its metadata.

    Attributes:
        id: of the resource, the same in all versions of the metadata.
        indexed: when it was filed, an instant as FHIR writes it.
        url: of the Binary.
        patient: id of the Patient.
        relations: association kind and resource id of the target.
    """

    id: str
    version: int
    indexed: str
    url: str
    patient: str
    relations: tuple[tuple[str, str], ...] = ()


def document_reference(entry: DocumentEntry, shown: Shown) -> DocumentReference:
    """Write an entry as PDSm's comprehensive DocumentReference."""
    held = Containing()
    authors = tuple(held.author(each, f"auteur{place}") for place, each in enumerate(entry.authors, 1))
    signer = entry.legal_authenticator
    return DocumentReference(
        id=shown.id,
        meta=Meta(version_id=str(shown.version), last_updated=shown.indexed, profile=(COMPREHENSIVE,)),
        extension=tuple(Extension(url=url, value_boolean=True) for url, said in _SAID.items() if entry.status == said),
        master_identifier=unique_identifier(entry.unique_id),
        identifier=_identifiers(entry),
        status="superseded" if entry.status in (DEPRECATED, DELETED) else "current",
        type=codes.concept_of(entry.type_code) if entry.type_code else None,
        category=(codes.concept_of(entry.class_code),) if entry.class_code else (),
        subject=_subject(entry.patient_id, shown.patient),
        date=shown.indexed,
        author=authors,
        authenticator=held.person(signer, "authentificateur") if signer is not None else None,
        custodian=_custodian(entry.repository_id),
        relates_to=tuple(
            RelatesTo(code=RELATIONS[kind], target=Reference(reference=f"DocumentReference/{target}"))
            for kind, target in shown.relations
            if kind in RELATIONS
        ),
        description=entry.comments or None,
        security_label=tuple(codes.concept_of(each) for each in entry.confidentiality),
        content=(_content(entry, shown.url),),
        context=_context(entry, held),
        contained=held.parties,
    )


def _identifiers(entry: DocumentEntry) -> tuple[Identifier, ...]:
    found = [Identifier(use="official", system=URI_SYSTEM, value=entry.entry_id)]
    if entry.logical_id:
        found.append(Identifier(use="secondary", system=URI_SYSTEM, value=entry.logical_id))
    return tuple(found)


def _subject(patient_id: CX | None, name: str) -> Reference:
    number = None if patient_id is None else patient_identifier(patient_id)
    return Reference(reference=f"Patient/{name}", type="Patient", identifier=number)


def _custodian(repository_id: str | None) -> Reference | None:
    """Name the repository that keeps the document."""
    if repository_id is None:
        return None
    number = Identifier(system=URI_SYSTEM, value=f"{OID_PREFIX}{repository_id}")
    return Reference(type="Organization", identifier=number)


def _content(entry: DocumentEntry, url: str) -> Content:
    creation = date_time_of(entry.creation_time or "")
    attachment = Attachment(
        content_type=entry.mime_type or None,
        language=entry.language,
        url=url,
        size=entry.size_bytes,
        hash=_base64(entry.hash),
        title=entry.title or None,
        creation=creation,
        extension=_dtm(CREATION, entry.creation_time, creation),
    )
    return Content(attachment=attachment, format=codes.coding_of(entry.format_code) if entry.format_code else None)


def _context(entry: DocumentEntry, held: Containing) -> Context:
    start, end = date_time_of(entry.service_start or ""), date_time_of(entry.service_stop or "")
    kept = (*_dtm(START, entry.service_start, start), *_dtm(END, entry.service_stop, end))
    source = entry.source_patient_id is not None or entry.source_patient_info
    return Context(
        event=tuple(codes.concept_of(each) for each in entry.event_codes),
        period=Period(start=start, end=end, extension=kept) if start or end else None,
        facility_type=codes.concept_of(entry.facility_type) if entry.facility_type else None,
        practice_setting=codes.concept_of(entry.practice_setting) if entry.practice_setting else None,
        source_patient_info=(
            held.source_patient(entry.source_patient_id, entry.source_patient_info, "patient") if source else None
        ),
        related=tuple(Reference(identifier=_related(each)) for each in entry.reference_ids),
    )


def _dtm(url: str, dtm: str | None, written: str | None) -> tuple[Extension, ...]:
    return () if dtm is None or written is None else keeping(dtm, dtm_of(written), url)


def _base64(digest: str | None) -> str | None:
    try:
        return base64.b64encode(bytes.fromhex(digest)).decode() if digest else None
    except ValueError:
        return None


def _related(text: str) -> Identifier:
    """Write a CXi: value, authority and the URN of its type."""
    parts = (*text.split("^"), "", "", "", "")[:5]
    oid = CX(text).oid
    kind = CodeableConcept(coding=(Coding(system=URI_SYSTEM, code=parts[4]),)) if parts[4] else None
    plain = Identifier(type=kind, system=f"{OID_PREFIX}{oid}" if oid else None, value=parts[0] or None)
    return Identifier(
        type=plain.type, system=plain.system, value=plain.value, extension=keeping(text, _plain_related(plain))
    )


def _plain_related(identifier: Identifier) -> str:
    codings = () if identifier.type is None else identifier.type.coding
    kind = next((each.code for each in codings if each.code and each.system != HL7_TYPES), "")
    system = identifier.system or ""
    oid = system.removeprefix(OID_PREFIX) if system.startswith(OID_PREFIX) else ""
    return f"{identifier.value or ''}^^^{f'&{oid}&ISO' if oid else ''}^{kind}"


def reference_id_of(identifier: Identifier) -> str:
    """Read a reference id."""
    rebuilt = _plain_related(identifier)
    return believed(kept_text(identifier.extension), rebuilt, lambda text: _related(text) == identifier)


def document_entry(reference: DocumentReference, around: Surroundings, *, entry_id: str = "") -> DocumentEntry:
    """Read a DocumentReference; what it does not say is None or empty.

    Args:
        around: where its references are looked up; its contained resources are added.
        entry_id: id inside a submission; by default the entryUUID that it carries.

    Raises:
        FhirProblem: a reference designates nobody.
    """
    around = around.within(reference.contained)
    content = reference.content[0] if reference.content else Content(attachment=Attachment())
    attachment, context = content.attachment, reference.context or Context()
    source_id, source_lines = source_patient_of(context.source_patient_info, around)
    period = context.period or Period()
    category = reference.category[0] if reference.category else None
    return DocumentEntry(
        entry_id=entry_id or _identified(reference, "official") or "",
        unique_id=unique_id_of_reference(reference) or "",
        mime_type=attachment.content_type or "",
        patient_id=around.patient(reference.subject, "DocumentReference.subject"),
        source_patient_id=source_id,
        source_patient_info=source_lines,
        hash=_hexadecimal(attachment.hash),
        size_bytes=attachment.size,
        title=attachment.title or "",
        comments=reference.description or "",
        language=attachment.language,
        creation_time=_time(attachment.creation, kept_text(attachment.extension, CREATION)),
        service_start=_time(period.start, kept_text(period.extension, START)),
        service_stop=_time(period.end, kept_text(period.extension, END)),
        authors=tuple(author_of(each, around, "DocumentReference.author") for each in reference.author),
        legal_authenticator=_signer(reference.authenticator, around),
        class_code=codes.code_of_concept(category),
        type_code=codes.code_of_concept(reference.type),
        format_code=codes.code_of(content.format) if content.format is not None else None,
        facility_type=codes.code_of_concept(context.facility_type),
        practice_setting=codes.code_of_concept(context.practice_setting),
        confidentiality=_all(reference.security_label),
        event_codes=_all(context.event),
        reference_ids=tuple(reference_id_of(each.identifier) for each in context.related if each.identifier),
        repository_id=_repository(reference.custodian),
        status=_status(reference),
        logical_id=_identified(reference, "secondary"),
    )


def unique_id_of_reference(reference: DocumentReference) -> str | None:
    """Return the uniqueId of a document; None when it has none that can be read."""
    number = reference.master_identifier or next((each for each in reference.identifier if each.use == "usual"), None)
    return None if number is None else unique_id_of(number.system, number.value)


def _identified(reference: DocumentReference, use: str) -> str | None:
    named = (each.value for each in reference.identifier if each.use == use and each.value)
    return next((each for each in named if each.startswith(UUID_PREFIX)), None)


def _all(concepts: Sequence[CodeableConcept]) -> tuple[Code, ...]:
    found = (codes.code_of_concept(each) for each in concepts)
    return tuple(each for each in found if each is not None)


def _hexadecimal(digest: str | None) -> str | None:
    """Read a SHA-1; a text that is none is kept as it is, so that it differs from any."""
    if not digest:
        return None
    try:
        data = base64.b64decode(digest, validate=True)
    except (binascii.Error, ValueError):
        return digest
    return data.hex() if len(data) == _SHA1_BYTES else digest


def _time(date_time: str | None, kept: str | None) -> str | None:
    if date_time is None:
        return None
    rebuilt = dtm_of(date_time)
    return None if rebuilt is None else believed(kept, rebuilt, lambda text: date_time_of(text) == date_time)


def _signer(reference: Reference | None, around: Surroundings) -> XCN | None:
    """Read who answers for a document: a person, or the professional of a role; a structure has no place in XDS."""
    party = around.find(reference)
    if isinstance(party, Practitioner | Patient | Device):
        return xcn_of(party)
    if isinstance(party, PractitionerRole):
        return author_of(reference or Reference(), around, "DocumentReference.authenticator").person
    if isinstance(party, Organization):
        structure = xon_of(party)
        return XCN.build(structure.identifier, structure.name, "", oid=structure.oid, kind="IDNST")
    number = None if reference is None else reference.identifier
    return None if number is None else xcn_of_number((number,))


def _repository(custodian: Reference | None) -> str | None:
    number = None if custodian is None else custodian.identifier
    value = "" if number is None else number.value or ""
    return value.removeprefix(OID_PREFIX) if value.startswith(OID_PREFIX) else None


def says(reference: DocumentReference, url: str) -> bool:
    """Tell whether an extension (IS_ARCHIVED, IS_DELETED) says so."""
    return any(each.url == url and each.value_boolean for each in reference.extension)


def _status(reference: DocumentReference) -> str | None:
    states = {
        "current": ARCHIVED if says(reference, IS_ARCHIVED) else APPROVED,
        "superseded": DELETED if says(reference, IS_DELETED) else DEPRECATED,
    }
    return states.get(reference.status or "")
