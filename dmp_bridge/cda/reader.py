"""Reader of CDA R2: bytes to a header, or one refusal (CI-SIS Structuration minimale; dmp.md §3.3).

A DOCTYPE is refused before anything is read. The document may stand inside its own style sheet
(« auto-présentable ») or inside an enveloping signature: it is unwrapped for reading, the bytes are kept as they are.
Elements that are not known never cause a refusal.
"""

from lxml import etree

from dmp_bridge.cda.elements import HL7, child, children, code_of, id_of, ids_of, text_of, time_of
from dmp_bridge.cda.header import CDADocument, Encounter, InstanceId, RelatedDocument, ServiceEvent
from dmp_bridge.cda.people import organization_of, patient_of, person_of, recipient_of
from dmp_bridge.refusals import ExchangeError, Refusal
from vaguemestre.kernel.errors import ProtocolError
from vaguemestre.kernel.xml import parse_xml

MAX_DOCUMENT_BYTES = 25 * 1024 * 1024
MAX_VERSION_DIGITS = 9
_CHARSETS = frozenset({"UTF-8", "US-ASCII", "ASCII"})
"""CI-SIS: a document is in UTF-8, of which ASCII is a part."""
_WRAPPERS = frozenset(
    {"{http://www.w3.org/1999/XSL/Transform}stylesheet", "{http://www.w3.org/2000/09/xmldsig#}Signature"}
)


def read_cda(data: bytes, *, max_bytes: int = MAX_DOCUMENT_BYTES) -> CDADocument:
    """Read the header of a document.

    Raises:
        ExchangeError: CDA_UNREADABLE (not XML, DOCTYPE, too large), DOCUMENT_NOT_CDA (another root),
            CDA_INCOMPLETE (no id, code, effectiveTime or recordTarget).
    """
    return header_of(clinical_document(data, max_bytes=max_bytes))


def clinical_document(data: bytes, *, max_bytes: int = MAX_DOCUMENT_BYTES) -> etree._Element:
    """Parse DATA and return its ClinicalDocument element, unwrapped.

    Raises:
        ExchangeError: CDA_UNREADABLE, DOCUMENT_NOT_CDA.
    """
    try:
        root = parse_xml(data, max_bytes=max_bytes)
    except ProtocolError:
        raise ExchangeError(Refusal.CDA_UNREADABLE) from None
    if (root.getroottree().docinfo.encoding or "UTF-8").upper() not in _CHARSETS:
        raise ExchangeError(Refusal.CDA_UNREADABLE)
    if root.tag == f"{{{HL7}}}ClinicalDocument":
        return root
    inner = root.find(f".//{{{HL7}}}ClinicalDocument") if root.tag in _WRAPPERS else None
    if inner is None:
        raise ExchangeError(Refusal.DOCUMENT_NOT_CDA)
    return inner


def header_of(document: etree._Element) -> CDADocument:
    """Read the header of a parsed ClinicalDocument.

    Raises:
        ExchangeError: CDA_INCOMPLETE.
    """
    identifier, code = id_of(child(document, "id")), code_of(child(document, "code"))
    effective_time = time_of(child(document, "effectiveTime"))
    role = child(document, "recordTarget", "patientRole")
    if identifier is None or code is None or effective_time is None or role is None:
        raise ExchangeError(Refusal.CDA_INCOMPLETE)
    body = child(document, "component", "nonXMLBody", "text")
    language, authenticator = child(document, "languageCode"), child(document, "legalAuthenticator")
    return CDADocument(
        id=identifier,
        code=code,
        title=text_of(child(document, "title")),
        effective_time=effective_time,
        patient=patient_of(role),
        set_id=id_of(child(document, "setId")),
        version=_version(document),
        confidentiality=code_of(child(document, "confidentialityCode")),
        language=None if language is None else language.get("code"),
        templates=tuple(each.get("root", "") for each in children(document, "templateId")),
        authors=tuple(person_of(each, "assignedAuthor") for each in children(document, "author")),
        custodian=organization_of(
            child(document, "custodian", "assignedCustodian", "representedCustodianOrganization")
        ),
        recipients=tuple(recipient_of(each) for each in children(document, "informationRecipient")),
        legal_authenticator=None if authenticator is None else person_of(authenticator, "assignedEntity"),
        service_events=tuple(_event(each) for each in children(document, "documentationOf", "serviceEvent")),
        related=tuple(_related(each) for each in children(document, "relatedDocument")),
        encounter=_encounter(child(document, "componentOf", "encompassingEncounter")),
        orders=tuple(found for order in children(document, "inFulfillmentOf", "order") for found in ids_of(order)),
        body_media_type=None if body is None else body.get("mediaType", "text/plain"),
        self_presenting=document.getparent() is not None,
    )


def _version(document: etree._Element) -> int | None:
    element = child(document, "versionNumber")
    text = "" if element is None else element.get("value", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) <= MAX_VERSION_DIGITS else None


def _event(element: etree._Element) -> ServiceEvent:
    performer = child(element, "performer")
    return ServiceEvent(
        code=code_of(child(element, "code")),
        start=time_of(child(element, "effectiveTime", "low")) or time_of(child(element, "effectiveTime")),
        stop=time_of(child(element, "effectiveTime", "high")),
        performer=None if performer is None else person_of(performer, "assignedEntity"),
    )


def _related(element: etree._Element) -> RelatedDocument:
    parents: list[InstanceId] = []
    for parent in children(element, "parentDocument"):
        parents.extend(ids_of(parent))
    return RelatedDocument(element.get("typeCode", ""), tuple(parents))


def _encounter(element: etree._Element | None) -> Encounter | None:
    if element is None:
        return None
    return Encounter(
        start=time_of(child(element, "effectiveTime", "low")),
        stop=time_of(child(element, "effectiveTime", "high")),
        facility=code_of(child(element, "location", "healthCareFacility", "code")),
    )
