"""The trace as FHIR R4 AuditEvent, in the profile TDEAuditEvent of the French volet Traçabilité des événements.

At most one subtype, `period.start`, at most two agents, each with `who`. A permit has outcome 0, a refusal 4 with its
reason code in `outcomeDesc`, a technical failure 8. Entities: the patient by INS, then the document or message.

Source: access.md §7; FHIR R4 AuditEvent; DICOM PS3.15 A.5
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

from access_core.decision import Verdict
from access_core.facts import Mode, SubjectKind
from access_core.identifiers import INS
from access_core.trace.reader import Recorded

PROFILE: Final = "https://interop.esante.gouv.fr/ig/fhir/tde/StructureDefinition/tde-auditevent"
ACTS: Final = "urn:vaguemestre:act"
SUBJECTS: Final = "urn:vaguemestre:subject-kind"
MODES: Final = "urn:vaguemestre:access-mode"
_DCM: Final = "http://dicom.nema.org/resources/ontology/DCM"
_REASON: Final = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
_ENTITY_TYPE: Final = "http://terminology.hl7.org/CodeSystem/audit-entity-type"
_ENTITY_ROLE: Final = "http://terminology.hl7.org/CodeSystem/object-role"
_PATIENT_RECORD: Final = ("110110", "Patient Record")
_TYPES: Final = {
    **dict.fromkeys(("sign_in", "second_factor", "sign_out", "session_closed"), ("110114", "User Authentication")),
    "export_data": ("110106", "Export"),
    "file_document": ("110107", "Import"),
    "open_break_glass": ("110113", "Security Alert"),
}
_ACTIONS: Final = {
    **dict.fromkeys(("read_document", "message_read", "attachment_read", "read_access_history", "export_data"), "R"),
    **dict.fromkeys(("file_document", "deliver_to_patient", "reply_by_patient", "profile_opened"), "C"),
    **dict.fromkeys(("mask_document", "unmask_document", "make_visible", "block_professional"), "U"),
    **dict.fromkeys(("unblock_professional", "grant_access", "withdraw_access", "delegate_access"), "U"),
    **dict.fromkeys(("revoke_delegation", "close_profile", "reopen_profile", "password_changed"), "U"),
    "delete_document": "D",
}
_PURPOSES: Final = {
    Mode.BRIS_DE_GLACE: ("BTG", "break the glass"),
    Mode.CENTRE_15: ("ETREAT", "emergency treatment"),
    Mode.NORMAL: ("TREAT", "treatment"),
}
_OUTCOMES: Final = {Verdict.PERMIT: "0", Verdict.DENY: "4", Verdict.DEFER: "8"}
_PERSONS: Final = frozenset({SubjectKind.TITULAIRE, SubjectKind.RL, SubjectKind.AIDANT})


def audit_events(recorded: Iterable[Recorded], ins: INS, observer: str, *, at: datetime) -> dict[str, Any]:
    """Build the Bundle of a patient's entries; OBSERVER names the instance, AT is when the bundle was made."""
    entries = [{"resource": audit_event(each, ins, observer)} for each in recorded]
    return {"resourceType": "Bundle", "type": "collection", "timestamp": at.isoformat(), "entry": entries}


def audit_event(recorded: Recorded, ins: INS, observer: str) -> dict[str, Any]:
    """Build one AuditEvent about the patient INS."""
    entry = recorded.entry
    code, display = _TYPES.get(entry.act, _PATIENT_RECORD)
    return {
        "resourceType": "AuditEvent",
        "id": f"trace-{recorded.seq}",
        "meta": {"profile": [PROFILE]},
        "type": {"system": _DCM, "code": code, "display": display},
        "subtype": [{"system": ACTS, "code": entry.act}],
        "action": _ACTIONS.get(entry.act, "E"),
        "period": {"start": entry.at.isoformat()},
        "recorded": entry.at.isoformat(),
        "outcome": _OUTCOMES[Verdict(entry.verdict)],
        "outcomeDesc": entry.reason,
        "purposeOfEvent": _purpose(entry.mode),
        "agent": [_agent(recorded)],
        "source": {"observer": {"display": observer}},
        "entity": [_patient(ins), *_resource(recorded)],
    }


def _purpose(mode: str) -> list[dict[str, Any]]:
    known = _PURPOSES.get(Mode(mode)) if mode in set(Mode) else None
    codings = [{"system": MODES, "code": mode}] if mode != "-" else []
    if known is not None:
        codings.append({"system": _REASON, "code": known[0], "display": known[1]})
    return [{"coding": codings}] if codings else []


def _agent(recorded: Recorded) -> dict[str, Any]:
    entry = recorded.entry
    who: dict[str, Any] = {"display": entry.subject_label or entry.subject_kind}
    if entry.subject_id is not None:
        kind = "profile" if entry.subject_kind in _PERSONS else "account"
        who["identifier"] = {"system": f"urn:vaguemestre:{kind}", "value": entry.subject_id}
    role = {"coding": [{"system": SUBJECTS, "code": entry.subject_kind}]}
    return {"role": [role], "who": who, "requestor": True}


def _patient(ins: INS) -> dict[str, Any]:
    return {
        "what": {"identifier": {"system": f"urn:oid:{ins.oid}", "value": ins.value}},
        "type": {"system": _ENTITY_TYPE, "code": "1", "display": "Person"},
        "role": {"system": _ENTITY_ROLE, "code": "1", "display": "Patient"},
    }


def _resource(recorded: Recorded) -> list[dict[str, Any]]:
    """Name the document, message or other thing concerned, with what the engine applied."""
    entry = recorded.entry
    details = {"matrix": entry.matrix_version, "obligations": ";".join(entry.obligations)}
    value = entry.message_id_header or entry.resource_id
    if value is None or entry.resource_kind is None:
        return []
    found: dict[str, Any] = {
        "what": {"identifier": {"system": f"urn:vaguemestre:{entry.resource_kind}", "value": value}},
        "type": {"system": _ENTITY_TYPE, "code": "2", "display": "System Object"},
    }
    detail = [{"type": name, "valueString": text} for name, text in details.items() if text]
    return [{**found, "detail": detail} if detail else found]
