"""TD0.2, the existence test: has this patient a record there, is it open, may this structure feed it? Pure.

HL7 v3 query PRPA_IN201307UV02 and its answer 201308; only what decides is read. Source: dmp.md §1.2 (sample TD0.2).
"""

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from lxml import etree

from dmp_bridge.xds.identifiers import CX
from vaguemestre.kernel.errors import ProtocolError

HL7 = "urn:hl7-org:v3"
EXISTENCE = f"{HL7}:PRPA_IN201307UV02"
EXISTENCE_ANSWER = f"{HL7}:PRPA_IN201308UV02"
AUTHORISATION = "1.2.250.1.213.4.1.2.6.1"
_TEST = {"code": "TEST_EXST", "codeSystem": "1.2.250.1.213.1.1.4.11", "displayName": "Test d'existence de dossier"}
_NIL = "{http://www.w3.org/2001/XMLSchema-instance}nil"
_NAMES = {"h": HL7}
FORBIDDEN = "INTERDIT"


class RecordState(StrEnum):
    """What the patient has there."""

    ACTIVE = "active"
    CLOSED = "terminated"
    ABSENT = "absent"


@dataclass(frozen=True, slots=True)
class Existence:
    """The answer; AUTHORISATION: VALIDE, EXPIRE, INTERDIT, NON_EXISTE, "" when it is not said."""

    state: RecordState
    authorisation: str = ""

    @property
    def may_feed(self) -> bool:
        """Whether a document may be sent: the record is open and the patient has not forbidden the structure."""
        return self.state is RecordState.ACTIVE and self.authorisation != FORBIDDEN


@dataclass(frozen=True, slots=True, kw_only=True)
class Devices:
    """Who asks whom: OID and name of our software, OID of the record's device."""

    sender: str
    sender_name: str
    receiver: str


def existence_query(patient: CX, devices: Devices, now: datetime) -> etree._Element:
    """Write the query for one patient."""
    root = etree.Element(_tag("PRPA_IN201307UV02"), ITSVersion="XML_1.0", nsmap={"h": HL7})
    _add(root, "id", root=f"2.25.{uuid.uuid4().int}")
    _add(root, "creationTime", value=f"{now.astimezone(UTC):%Y%m%d%H%M%S}")
    _add(root, "interactionId", root="2.16.840.1.113883.1.6", extension="PRPA_IN201307UV02")
    for name, code in (("processingCode", "P"), ("processingModeCode", "T"), ("acceptAckCode", "AL")):
        _add(root, name, code=code)
    _device(root, "receiver", "RCV", devices.receiver, "DMP")
    _device(root, "sender", "SND", devices.sender, devices.sender_name)
    process = _add(root, "controlActProcess", classCode="CACT", moodCode="EVN")
    _add(process, "reasonCode", **_TEST)
    query = _add(process, "queryByParameter")
    _add(query, "queryId", root=f"2.25.{uuid.uuid4().int}")
    _add(query, "statusCode", code="new")
    parameters = _add(query, "parameterList")
    _add(parameters, "dataSource").set(_NIL, "true")
    identifier = _add(parameters, "patientIdentifier")
    _add(identifier, "value", root=patient.oid, extension=patient.value)
    _add(identifier, "semanticsText").text = "Patient.id"
    return root


@dataclass(frozen=True, slots=True)
class Told:
    """What an answer says: the existence, or the codes of a refusal."""

    existence: Existence | None
    codes: tuple[str, ...] = ()


def read_existence(body: etree._Element) -> Told:
    """Read the answer: no patient in it is no record; an acknowledgement in error without one is a refusal.

    Raises:
        ProtocolError: it is no such answer, or says a state that is not known.
    """
    acknowledgement = body.find("h:acknowledgement", _NAMES)
    if body.tag != _tag("PRPA_IN201308UV02") or acknowledgement is None:
        raise ProtocolError("TD0.2: not an answer")
    status = body.find("h:controlActProcess/h:subject/h:registrationEvent/h:subject1/h:patient/h:statusCode", _NAMES)
    if status is not None:
        return Told(Existence(_state(status.get("code", "")), _authorisation(body)))
    details = acknowledgement.findall("h:acknowledgementDetail/h:code", _NAMES)
    response = body.find("h:controlActProcess/h:queryAck/h:queryResponseCode", _NAMES)
    is_not_found = response is not None and response.get("code") == "NF"
    if acknowledgement.get("typeCode") != "AA" and not is_not_found:
        return Told(None, tuple(each.get("code", "")[:80] for each in details))
    return Told(Existence(RecordState.ABSENT, _authorisation(body)))


def _state(code: str) -> RecordState:
    if code not in (RecordState.ACTIVE, RecordState.CLOSED):
        raise ProtocolError("TD0.2: a state that is not known")
    return RecordState(code)


def _authorisation(body: etree._Element) -> str:
    for line in body.iterfind("h:attentionLine", _NAMES):
        word, value = line.find("h:keyWordText", _NAMES), line.find("h:value", _NAMES)
        if word is not None and word.get("codeSystem") == AUTHORISATION and value is not None:
            return value.get("code", "").strip()
    return ""


def _device(root: etree._Element, role: str, kind: str, oid: str, name: str) -> None:
    device = _add(_add(root, role, typeCode=kind), "device", classCode="DEV", determinerCode="INSTANCE")
    _add(device, "id", root=oid)
    _add(device, "softwareName").text = name


def _add(parent: etree._Element, name: str, **attributes: str) -> etree._Element:
    element = etree.SubElement(parent, _tag(name))
    for key, value in attributes.items():
        element.set(key, value)
    return element


def _tag(name: str) -> str:
    return f"{{{HL7}}}{name}"
