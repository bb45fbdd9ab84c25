"""From a CDA header to XDS metadata (CI-SIS annex « Liens entre entête CDA et métadonnées XDS »; dmp.md §3.4).

The document is the source of truth: what it says is mapped, nothing is invented. Visibility (JDV_J58) is not in a
CDA; the caller adds it.
"""

import hashlib

from dmp_bridge.cda.header import CDADocument, InstanceId, PatientIdentity, Person
from dmp_bridge.xds import terminology
from dmp_bridge.xds.identifiers import CX, INS_OIDS, XCN, XON
from dmp_bridge.xds.metadata import NORMAL, Author, Code, DocumentEntry
from dmp_bridge.xds.times import utc_from_cda

MAX_TITLE_CHARACTERS = 128
SELF_PRESENTING_TYPE = "application/xslt+xml"
CDA_TYPE = "text/xml"


def document_entry(document: CDADocument, content: bytes, *, entry_id: str) -> DocumentEntry:
    """Map a header; hash and size are those of CONTENT, the document's bytes.

    Returns:
        An entry without URI; attributes that the header does not give are None or empty.
    """
    event, encounter = document.main_event, document.encounter
    # A number that names nobody (a root alone) is no number of the patient.
    local_ids = [each for each in document.patient.ids if each.root not in INS_OIDS and each.extension]
    return DocumentEntry(
        entry_id=entry_id,
        unique_id=document.id.xds,
        mime_type=SELF_PRESENTING_TYPE if document.self_presenting else CDA_TYPE,
        patient_id=_patient_id(document.patient.ins),
        source_patient_id=_patient_id(next(iter(local_ids), document.patient.ins)),
        source_patient_info=_patient_info(document.patient),
        hash=hashlib.sha1(content, usedforsecurity=False).hexdigest(),
        size_bytes=len(content),
        title=(document.title or document.code.display)[:MAX_TITLE_CHARACTERS],
        language=document.language,
        creation_time=utc_from_cda(document.effective_time),
        service_start=utc_from_cda(event.start) if event and event.start else None,
        service_stop=utc_from_cda(event.stop) if event and event.stop else None,
        authors=tuple(_author(each) for each in document.authors),
        legal_authenticator=_person(document.legal_authenticator) if document.legal_authenticator else None,
        class_code=terminology.class_of_type(document.code.code),
        type_code=_type_code(document.code),
        format_code=_format(document),
        facility_type=encounter.facility if encounter else None,
        practice_setting=document.practice_setting,
        confidentiality=(document.confidentiality or NORMAL,),
        event_codes=tuple(each.code for each in document.service_events if each.code),
        reference_ids=tuple(_order(each) for each in document.orders),
    )


def _patient_id(identifier: InstanceId | None) -> CX | None:
    if identifier is None:
        return None
    return CX.build(identifier.extension, identifier.root, "NH" if identifier.root in INS_OIDS else "PI")


def _patient_info(patient: PatientIdentity) -> tuple[str, ...]:
    given = patient.first_given or patient.given or ""
    lines = (
        ("PID-5", f"{patient.birth_family}^{given}^^^^^L" if patient.birth_family else ""),
        ("PID-7", patient.birth_date or ""),
        ("PID-8", patient.sex or ""),
    )
    return tuple(f"{name}|{value}" for name, value in lines if value)


def _person(person: Person) -> XCN | None:
    if person.identifier is None:
        return None
    oid = person.identifier.root
    kind = "RI" if person.is_device else "NH" if oid in INS_OIDS else "IDNPS"
    return XCN.build(person.identifier.extension, person.family, person.given, oid=oid, kind=kind)


def _author(person: Person) -> Author:
    specialty = person.specialty
    return Author(
        person=_person(person),
        institutions=_institutions(person),
        roles=(person.role,) if person.role else (),
        specialties=(f"{specialty.code}^{specialty.display}^{specialty.scheme}",) if specialty else (),
    )


def _institutions(person: Person) -> tuple[XON, ...]:
    structure = person.organization
    if structure is None or structure.identifier is None:
        return ()
    return (XON.build(structure.name, structure.identifier.extension, oid=structure.identifier.root),)


def _type_code(code: Code) -> Code:
    """Prefer the label of the nomenclature over the sender's."""
    known = terminology.type_code(code.code)
    return known if known and known.scheme == code.scheme else code


def _format(document: CDADocument) -> Code:
    if document.body_media_type is not None:
        return terminology.format_of_media_type(document.body_media_type)
    return terminology.format_of_templates(document.templates)


def _order(identifier: InstanceId) -> str:
    return f"{identifier.extension}^^^&{identifier.root}&ISO^urn:ihe:iti:xds:2013:order"
