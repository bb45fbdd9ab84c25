"""From ebRIM 3.0 (METADATA.XML, ITI-41, ITI-57) to metadata values.

Reads what it knows and ignores the rest (notes, other slots): extra elements never cause a refusal.
"""

from collections.abc import Iterator

from lxml import etree

from dmp_bridge.refusals import ExchangeError, Refusal
from dmp_bridge.xds import schemes
from dmp_bridge.xds.identifiers import CX, XCN, XON
from dmp_bridge.xds.metadata import Association, Author, Code, DocumentEntry, Folder, Submission, SubmissionSet

MAX_SIZE_DIGITS = 15
_RIM = {"rim": schemes.RIM}
_LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"


def read_submission(root: etree._Element) -> Submission:
    """Read an `lcm:SubmitObjectsRequest` of ebRS 3.0.

    Raises:
        ExchangeError: METADATA_FORMAT, another root or namespace; METADATA_INCOMPLETE, not exactly one
            submission set, or an object without id or uniqueId.
    """
    if root.tag != f"{{{schemes.LCM}}}SubmitObjectsRequest":
        raise ExchangeError(Refusal.METADATA_FORMAT)
    listed = root.find("rim:RegistryObjectList", _RIM)
    if listed is None:
        raise ExchangeError(Refusal.METADATA_FORMAT)
    packages = _packages(listed, schemes.SUBMISSION_SET_NODE)
    if len(packages) != 1:
        raise ExchangeError(Refusal.METADATA_INCOMPLETE)
    return Submission(
        submission_set=_submission_set(packages[0]),
        entries=read_entries(listed),
        associations=tuple(_association(each) for each in listed.iterfind("rim:Association", _RIM)),
        folders=tuple(_folder(each) for each in _packages(listed, schemes.FOLDER_NODE)),
    )


def read_entries(listed: etree._Element) -> tuple[DocumentEntry, ...]:
    """Read the document entries of a RegistryObjectList, as a registry answers it.

    Raises:
        ExchangeError: METADATA_INCOMPLETE, an entry without id or uniqueId.
    """
    return tuple(_entry(each) for each in listed.iterfind("rim:ExtrinsicObject", _RIM))


def _packages(listed: etree._Element, node: str) -> list[etree._Element]:
    """Return the submission sets or the folders, by the NODE that classifies them."""
    return [each for each in listed.iterfind("rim:RegistryPackage", _RIM) if _is_classified(each, listed, node)]


def _is_classified(package: etree._Element, listed: etree._Element, wanted: str) -> bool:
    """Tell a submission set from a folder by its classification node, beside it or inside it."""
    name = package.get("id")
    return any(
        node.get("classificationNode") == wanted and node.get("classifiedObject") in (name, None)
        for parent in (listed, package)
        for node in parent.iterfind("rim:Classification", _RIM)
    )


def _entry(element: etree._Element) -> DocumentEntry:
    size = _slot(element, "size") or ""
    patient, source_patient = _external(element, schemes.DOCUMENT_PATIENT_ID), _slot(element, "sourcePatientId")
    authenticator = _slot(element, "legalAuthenticator")
    return DocumentEntry(
        entry_id=_required(element.get("id")),
        unique_id=_required(_external(element, schemes.DOCUMENT_UNIQUE_ID)),
        mime_type=element.get("mimeType", ""),
        patient_id=CX(patient) if patient else None,
        source_patient_id=CX(source_patient) if source_patient else None,
        source_patient_info=_slots(element, "sourcePatientInfo"),
        hash=_slot(element, "hash"),
        size_bytes=int(size) if size.isascii() and size.isdigit() and len(size) <= MAX_SIZE_DIGITS else None,
        uri=_slot(element, "URI"),
        title=_localized(element, "Name"),
        comments=_localized(element, "Description"),
        language=_slot(element, "languageCode"),
        creation_time=_slot(element, "creationTime"),
        service_start=_slot(element, "serviceStartTime"),
        service_stop=_slot(element, "serviceStopTime"),
        authors=_authors(element, schemes.DOCUMENT_AUTHOR),
        legal_authenticator=XCN(authenticator) if authenticator else None,
        class_code=_code(element, schemes.DOCUMENT_CLASS),
        type_code=_code(element, schemes.DOCUMENT_TYPE),
        format_code=_code(element, schemes.DOCUMENT_FORMAT),
        facility_type=_code(element, schemes.DOCUMENT_FACILITY),
        practice_setting=_code(element, schemes.DOCUMENT_PRACTICE),
        confidentiality=_codes(element, schemes.DOCUMENT_CONFIDENTIALITY),
        event_codes=_codes(element, schemes.DOCUMENT_EVENT),
        reference_ids=_slots(element, "urn:ihe:iti:xds:2013:referenceIdList"),
        repository_id=_slot(element, "repositoryUniqueId"),
        status=element.get("status"),
        logical_id=element.get("lid"),
    )


def _submission_set(element: etree._Element) -> SubmissionSet:
    patient = _external(element, schemes.SET_PATIENT_ID)
    return SubmissionSet(
        entry_id=_required(element.get("id")),
        unique_id=_required(_external(element, schemes.SET_UNIQUE_ID)),
        source_id=_external(element, schemes.SET_SOURCE_ID) or "",
        patient_id=CX(patient) if patient else None,
        submission_time=_slot(element, "submissionTime"),
        title=_localized(element, "Name"),
        comments=_localized(element, "Description"),
        authors=_authors(element, schemes.SET_AUTHOR),
        content_type=_code(element, schemes.SET_CONTENT_TYPE),
    )


def _folder(element: etree._Element) -> Folder:
    patient = _external(element, schemes.FOLDER_PATIENT_ID)
    return Folder(
        entry_id=_required(element.get("id")),
        unique_id=_external(element, schemes.FOLDER_UNIQUE_ID) or "",
        patient_id=CX(patient) if patient else None,
        updated_at=_slot(element, "lastUpdateTime"),
        title=_localized(element, "Name"),
        comments=_localized(element, "Description"),
        codes=_codes(element, schemes.FOLDER_CODES),
    )


def _association(element: etree._Element) -> Association:
    slots = {slot.get("name", ""): _values(slot) for slot in element.iterfind("rim:Slot", _RIM)}
    return Association(
        association_id=_required(element.get("id")),
        kind=element.get("associationType", ""),
        source=element.get("sourceObject", ""),
        target=element.get("targetObject", ""),
        slots=slots,
    )


def _required(text: str | None) -> str:
    if not text:
        raise ExchangeError(Refusal.METADATA_INCOMPLETE)
    return text


def _values(slot: etree._Element) -> tuple[str, ...]:
    values = (each.text or "" for each in slot.iterfind("rim:ValueList/rim:Value", _RIM))
    return tuple(value for value in (each.strip() for each in values) if value)


def _slots(element: etree._Element, name: str) -> tuple[str, ...]:
    return tuple(
        value for slot in element.iterfind("rim:Slot", _RIM) if slot.get("name") == name for value in _values(slot)
    )


def _slot(element: etree._Element, name: str) -> str | None:
    values = _slots(element, name)
    return values[0] if values else None


def _external(element: etree._Element, scheme: str) -> str | None:
    for each in element.iterfind("rim:ExternalIdentifier", _RIM):
        if each.get("identificationScheme") == scheme:
            return (each.get("value") or "").strip()
    return None


def _localized(element: etree._Element, name: str) -> str:
    """Return the French text of Name or Description, else its first; empty when there is none."""
    texts = element.findall(f"rim:{name}/rim:LocalizedString", _RIM)
    french = [each for each in texts if (each.get(_LANGUAGE) or "").lower().startswith("fr")]
    return next((each.get("value", "").strip() for each in [*french, *texts]), "")


def _classifications(element: etree._Element, scheme: str) -> Iterator[etree._Element]:
    for each in element.iterfind("rim:Classification", _RIM):
        if each.get("classificationScheme") == scheme:
            yield each


def _codes(element: etree._Element, scheme: str) -> tuple[Code, ...]:
    return tuple(
        Code(each.get("nodeRepresentation", ""), _slot(each, "codingScheme") or "", _localized(each, "Name"))
        for each in _classifications(element, scheme)
        if each.get("nodeRepresentation")
    )


def _code(element: etree._Element, scheme: str) -> Code | None:
    codes = _codes(element, scheme)
    return codes[0] if codes else None


def _authors(element: etree._Element, scheme: str) -> tuple[Author, ...]:
    return tuple(_author(each) for each in _classifications(element, scheme))


def _author(element: etree._Element) -> Author:
    person = _slot(element, "authorPerson")
    return Author(
        person=XCN(person) if person else None,
        institutions=tuple(XON(each) for each in _slots(element, "authorInstitution")),
        roles=_slots(element, "authorRole"),
        specialties=_slots(element, "authorSpecialty"),
    )
