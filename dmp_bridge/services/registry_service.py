"""The registry: stored queries (ITI-18) and metadata updates (ITI-57) on the embedded record."""

from dataclasses import dataclass, replace
from datetime import datetime

from lxml import etree

from access_core.case_acts import Asking
from access_core.case_inputs import Sender
from access_core.decision import Verdict
from access_core.performing import Outcome
from access_core.profiles import Profile
from access_core.reasons import REGISTER, Reason
from access_core.trace.entries import TraceEntry, record
from dmp_bridge.record import acts
from dmp_bridge.record.holdings import load_holdings
from dmp_bridge.record.model import Filing, RecordedDocument, RecordedSet
from dmp_bridge.record.registry import new_entry_uuid
from dmp_bridge.record.search import patient_of_query, search
from dmp_bridge.refusals import ExchangeError
from dmp_bridge.services.callers import Caller
from dmp_bridge.services.updates import Operation, Update, absent, read_update, target_of
from dmp_bridge.services.visible import Reader
from dmp_bridge.xds.answers import query_response, registry_response
from dmp_bridge.xds.ebrim_reader import read_submission
from dmp_bridge.xds.errors import XdsErrorCode, XdsRefusal
from dmp_bridge.xds.identifiers import CX
from dmp_bridge.xds.metadata import Described, Submission
from dmp_bridge.xds.queries import StoredQuery
from vaguemestre.kernel.database import Transaction
from vaguemestre.kernel.ids import new_id

SEARCHED = "documents_searched"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request of a caller who was let in, at an instant."""

    caller: Caller
    now: datetime

    @property
    def profile(self) -> Profile:
        """The patient of the call.

        Raises:
            XdsRefusal: the record has no such patient.
        """
        if self.caller.profile is None:
            raise XdsRefusal.of(XdsErrorCode.UNKNOWN_PATIENT, "Ce patient n'a pas de dossier ici.")
        return self.caller.profile

    @property
    def reader(self) -> Reader:
        """The caller in front of the patient's record."""
        return Reader(caller=self.caller, profile=self.profile, now=self.now)


def same_patient(given: CX | None, call: Call) -> bool:
    """Tell whether a patient id of a request is that of its VIHF; a CX may go on after its type."""
    proved = call.caller.patient_id
    return given is not None and (given.value, given.oid) == (proved.value, proved.oid)


def check_patient(submission: Submission, call: Call, code: XdsErrorCode) -> None:
    """Check that a whole submission is about the patient of its VIHF, who has a record here.

    Raises:
        XdsRefusal: CODE, or that there is no such patient.
    """
    described: tuple[Described, ...] = (submission.submission_set, *submission.entries, *submission.folders)
    patients = [each.patient_id for each in described]
    if call.profile.id and not all(same_patient(each, call) for each in patients):
        raise XdsRefusal.of(code, "Le patient n'est pas celui du VIHF.")


def answer_query(tx: Transaction, call: Call, query: StoredQuery, *, max_results: int) -> etree._Element:
    """Answer ITI-18 from what the caller may see.

    Raises:
        XdsRefusal: another patient, a faulty query, too many results.
    """
    named = patient_of_query(query)
    profile = call.profile
    if named is not None and not same_patient(CX(named), call):
        raise XdsRefusal.of(XdsErrorCode.PATIENT_DIFFERS, "Le patient n'est pas celui du VIHF.")
    holdings = call.reader.visible(tx, load_holdings(tx, profile.id), references=query.references)
    found = search(holdings, query)
    if not query.references and len(found) > max_results:
        raise XdsRefusal.of(XdsErrorCode.TOO_MANY_RESULTS, "Trop de réponses : demandez des références.")
    versions = {each.entry.entry_id: each.version for each in holdings.documents}
    return query_response(found, versions, references=query.references)


def note_search(tx: Transaction, call: Call, query: str) -> None:
    """Trace a search, whatever it found; QUERY is the id of a stored query, or the resource that FHIR searches."""
    sender, profile = call.caller.sender, call.profile
    record(
        tx,
        TraceEntry(
            at=call.now,
            act=SEARCHED,
            verdict=Verdict.PERMIT,
            reason="OK",
            subject_kind=sender.kind,
            subject_id=sender.id,
            subject_label=sender.label,
            profile_id=profile.id,
            mailbox_id=profile.account_id,
            resource_kind="query",
            resource_id=query,
            mode=call.caller.session.mode,
        ),
    )


def note_no_patient(tx: Transaction, sender: Sender, act: str, now: datetime) -> None:
    """Trace that somebody asked for a patient who has no record here."""
    record(
        tx,
        TraceEntry(
            at=now,
            act=act,
            verdict=Verdict.DENY,
            reason=Reason.D_PROFIL_INEXISTANT,
            subject_kind=sender.kind,
            subject_id=sender.id,
            subject_label=sender.label,
            mailbox_id=sender.id,
            resource_kind="profile",
        ),
    )


def answer_update(tx: Transaction, call: Call, body: etree._Element) -> etree._Element:
    """Answer ITI-57: one change of one document, decided by the engine.

    Raises:
        XdsRefusal: not one change, another version or status than the record's; nothing was changed or traced.
    """
    try:
        submission = read_submission(body)
    except ExchangeError:
        raise XdsRefusal.of(XdsErrorCode.REGISTRY_METADATA, "Les métadonnées sont incomplètes.") from None
    check_patient(submission, call, XdsErrorCode.UPDATE_PATIENT)
    profile = call.profile
    holdings = load_holdings(tx, profile.id)
    found = target_of(submission, holdings)
    if not may_know(tx, call, found):
        raise absent(submission)
    update = read_update(submission, found)
    sender = call.caller.sender
    sent = RecordedSet(
        id=new_id(),
        profile_id=profile.id,
        submission_set=replace(submission.submission_set, entry_id=new_entry_uuid()),
        filing=Filing(filed_at=call.now, label=sender.label, filed_by=sender.id),
    )
    asking = Asking(profile=profile, actor=sender, session=call.caller.session, now=call.now)
    outcome = carry_out_update(tx, update, acts.Change(asking=asking, found=found, sent=sent))
    if not outcome.decision.allowed:
        entry = REGISTER[outcome.decision.reason]
        raise Denied.of(XdsErrorCode.ACCESS_DENIED, f"{entry.sentence} [{entry.shown}]")
    return registry_response()


class Denied(XdsRefusal):
    """A refusal of the engine: nothing changed, but it is traced, so that its transaction is to be committed."""


def may_know(tx: Transaction, call: Call, found: RecordedDocument) -> bool:
    """Tell whether a document is there for somebody who would change it: its filer, or who may find it."""
    return found.filing.filed_by == call.caller.sender.id or call.reader.sees(tx, found, references=True)


def carry_out_update(tx: Transaction, update: Update, change: acts.Change) -> Outcome[RecordedDocument]:
    """Do what an update asks, by the engine's decision, traced; whatever carries it (ITI-57, PDSm flux 03)."""
    match update.operation:
        case Operation.MASK:
            return acts.mask_document(tx, change)
        case Operation.UNMASK:
            return acts.unmask_document(tx, change)
        case Operation.SHOW:
            return acts.make_visible(tx, change, update.lifted)
        case Operation.DELETE:
            return acts.delete_document(tx, change)
        case Operation.ARCHIVE:
            return acts.archive_document(tx, change, archived=True)
        case Operation.RESTORE:
            return acts.archive_document(tx, change, archived=False)
