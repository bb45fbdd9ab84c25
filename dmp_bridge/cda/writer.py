"""Writer of CDA R2 level 1: a header and one file in nonXMLBody (CI-SIS; dmp.md §3.5).

What `read_cda` reads from the result is the header that was given. The result is valid against
`CDA_extended.xsd`; whether the header says enough for the DMP is the caller's business (`level_1.py`).
"""

import base64

from lxml import etree

from dmp_bridge.cda import writer_people as people
from dmp_bridge.cda.body import Body
from dmp_bridge.cda.elements import HL7
from dmp_bridge.cda.header import CDADocument, Encounter, InstanceId, Person, RelatedDocument, ServiceEvent
from dmp_bridge.cda.nodes import add, add_code, add_id, add_time, add_unknown

_TYPE_ID = InstanceId("2.16.840.1.113883.1.3", "POCD_HD000040")
_LINE_CHARACTERS = 76


def write_cda(document: CDADocument, body: Body) -> bytes:
    """Write DOCUMENT around BODY, in UTF-8 with an XML declaration.

    The media type of the body is the one that BODY gives; texts must be legal in XML.
    """
    root = etree.Element(f"{{{HL7}}}ClinicalDocument", nsmap={None: HL7})  # type: ignore[dict-item]
    add(root, "realmCode", code="FR")
    add_id(root, "typeId", _TYPE_ID)
    for template in document.templates:
        add(root, "templateId", root=template)
    _identity(root, document)
    people.add_patient(root, document.patient)
    for author in document.authors:
        people.add_author(root, author)
    people.add_custodian(root, document.custodian)
    for recipient in document.recipients:
        people.add_recipient(root, recipient)
    if document.legal_authenticator:
        people.add_authenticator(root, document.legal_authenticator)
    _links(root, document)
    _body(root, body)
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True)


def _identity(root: etree._Element, document: CDADocument) -> None:
    add_id(root, "id", document.id)
    add_code(root, "code", document.code)
    add(root, "title").text = document.title
    add_time(root, "effectiveTime", document.effective_time)
    add_code(root, "confidentialityCode", document.confidentiality)
    if document.language:
        add(root, "languageCode", code=document.language)
    if document.set_id:
        add_id(root, "setId", document.set_id)
    if document.version is not None:
        add(root, "versionNumber", value=str(document.version))


def _links(root: etree._Element, document: CDADocument) -> None:
    for order in document.orders:
        add_id(add(add(root, "inFulfillmentOf"), "order"), "id", order)
    for event in document.service_events:
        _event(root, event)
    for link in document.related:
        _related(root, link)
    if document.encounter:
        _encounter(root, document.encounter)


def _event(root: etree._Element, event: ServiceEvent) -> None:
    element = add(add(root, "documentationOf"), "serviceEvent")
    add_code(element, "code", event.code)
    _interval(element, event.start, event.stop)
    if event.performer:
        _performer(element, event.performer)


def _performer(event: etree._Element, person: Person) -> None:
    performer = add(event, "performer", typeCode="PRF")
    if person.time:
        add_time(performer, "time", person.time)
    people.add_entity(performer, person)


def _related(root: etree._Element, link: RelatedDocument) -> None:
    parent = add(add(root, "relatedDocument", typeCode=link.kind), "parentDocument")
    for identifier in link.parents:
        add_id(parent, "id", identifier)


def _encounter(root: etree._Element, encounter: Encounter) -> None:
    element = add(add(root, "componentOf"), "encompassingEncounter")
    _interval(element, encounter.start, encounter.stop)
    if encounter.facility:
        facility = add(add(element, "location"), "healthCareFacility")
        add_code(facility, "code", encounter.facility)


def _interval(parent: etree._Element, start: str | None, stop: str | None) -> None:
    if start is None and stop is None:
        add_unknown(parent, "effectiveTime")
        return
    element = add(parent, "effectiveTime")
    if start:
        add_time(element, "low", start)
    if stop:
        add_time(element, "high", stop)


def _body(root: etree._Element, body: Body) -> None:
    encoded = base64.b64encode(body.content).decode("ascii")
    lines = (encoded[start : start + _LINE_CHARACTERS] for start in range(0, len(encoded), _LINE_CHARACTERS))
    holder = add(add(root, "component"), "nonXMLBody")
    add(holder, "text", mediaType=body.media_type, representation="B64").text = "\n".join(lines)
