"""TD0.2 on the embedded record: does this patient have a record here, and may this structure feed it?

The engine decides it as the filing of a letter; a patient who opposed, closed or never had a space has no record, and
none of the three can be told from the others. Source: dmp.md §1.2 (GIE SESAM-Vitale TD0.2).
"""

import uuid
from dataclasses import replace
from datetime import UTC

from lxml import etree

from access_core.case_facts import filing_facts
from access_core.case_inputs import DocumentFacts, FilingRequest
from access_core.facts import Confidentiality
from access_core.reasons import Reason
from access_core.trace.decisions import About, decision_entry
from access_core.trace.entries import record
from dmp_bridge.external.existence import AUTHORISATION, FORBIDDEN, HL7, Existence, RecordState
from dmp_bridge.services.registry_service import Call
from dmp_bridge.xds.identifiers import CX
from vaguemestre.kernel.database import Transaction

TESTED = "existence_tested"
LETTER = "11488-4"
_XSI = "http://www.w3.org/2001/XMLSchema-instance"
_AUTHORISATIONS = "1.2.250.1.213.4.1.2.6.2"
_NAMES = {"h": HL7}


def existence_of(tx: Transaction, call: Call, *, presume_care: bool) -> Existence:
    """Decide and trace whether the caller may feed the record of the patient whom the VIHF names."""
    profile = call.caller.profile
    if profile is None:
        return Existence(RecordState.ABSENT)
    letter = DocumentFacts(type_code=LETTER, confidentiality=frozenset({Confidentiality.N}))
    request = FilingRequest(
        sender=call.caller.sender, ins=profile.ins, document=letter, now=call.now, presume_care=presume_care
    )
    case = filing_facts(tx, request)
    decision = case.decide()
    entry = decision_entry(case, decision, About(resource_kind="profile", resource_id=profile.id), at=call.now)
    record(tx, replace(entry, act=TESTED, obligations=()))
    if decision.allowed:
        return Existence(RecordState.ACTIVE, "VALIDE")
    if decision.reason.startswith("D_"):
        return Existence(RecordState.ABSENT)
    refused = decision.reason is Reason.H_HORS_PRISE_EN_CHARGE
    return Existence(RecordState.ACTIVE, "NON_EXISTE" if refused else FORBIDDEN)


def existence_answer(existence: Existence, query: etree._Element, patient: CX, call: Call) -> etree._Element:
    """Write PRPA_IN201308UV02 for a query: the patient is in it when there is a record."""
    root = etree.Element(f"{{{HL7}}}PRPA_IN201308UV02", nsmap={None: HL7, "xsi": _XSI}, ITSVersion="XML_1.0")  # type: ignore[dict-item]
    _add(root, "id", root=f"2.25.{uuid.uuid4().int}")
    _add(root, "creationTime", value=f"{call.now.astimezone(UTC):%Y%m%d%H%M%S}")
    _add(root, "interactionId", root="2.16.840.1.113883.1.6", extension="PRPA_IN201308UV02")
    for name, code in (("processingCode", "P"), ("processingModeCode", "T"), ("acceptAckCode", "NE")):
        _add(root, name, code=code)
    if existence.authorisation:
        line = _add(root, "attentionLine")
        _add(line, "keyWordText", code="AUTORISATION", codeSystem=AUTHORISATION)
        value = _add(line, "value", code=existence.authorisation, codeSystem=_AUTHORISATIONS)
        value.set(f"{{{_XSI}}}type", "CV")
    _copy(_add(_add(root, "acknowledgement", typeCode="AA"), "targetMessage"), query, "h:id", "id")
    process = _add(root, "controlActProcess", classCode="CACT", moodCode="EVN")
    _add(process, "reasonCode", code="TEST_EXST", codeSystem="1.2.250.1.213.1.1.4.11")
    if existence.state is not RecordState.ABSENT:
        _patient(process, existence, patient)
    acknowledged = _add(process, "queryAck")
    _copy(acknowledged, query, "h:controlActProcess/h:queryByParameter/h:queryId", "queryId")
    _add(acknowledged, "queryResponseCode", code="NF" if existence.state is RecordState.ABSENT else "OK")
    return root


def _patient(process: etree._Element, existence: Existence, patient: CX) -> None:
    event = _add(_add(process, "subject", typeCode="SUBJ"), "registrationEvent", classCode="REG", moodCode="EVN")
    _add(event, "statusCode", code="completed")
    found = _add(_add(event, "subject1", typeCode="SBJ"), "patient", classCode="PAT")
    _add(found, "id", root=patient.oid, extension=patient.value)
    _add(found, "statusCode", code=existence.state)


def _copy(parent: etree._Element, query: etree._Element, path: str, name: str) -> None:
    """Repeat an id of the question."""
    asked = query.find(path, _NAMES)
    if asked is not None:
        _add(parent, name, **{key: asked.get(key, "") for key in ("root", "extension") if asked.get(key)})


def _add(parent: etree._Element, name: str, **attributes: str) -> etree._Element:
    element = etree.SubElement(parent, f"{{{HL7}}}{name}")
    for key, value in attributes.items():
        element.set(key, value)
    return element
