"""Who may read the trace, and what of it: decided by the engine (`read_access_history`), then filtered and traced.

The patient's side reads every line about her; a representative not what a minor keeps from her parents; the attending
doctor and administrators every line; any other professional the lines of his own acts. What concerns a document that
is hidden from the reader is left out: the caller, who knows the record, says which those are.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, or_, select

from access_core.acts import Act
from access_core.case_acts import Asking, act_facts
from access_core.case_inputs import CaseFacts, Sender, Session
from access_core.decision import Decision, Obligation
from access_core.facts import Context, Mode, Resource, Scope, Subject
from access_core.profiles import Profile
from access_core.tables import trace_entry
from access_core.trace.decisions import About, decision_entry
from access_core.trace.entries import TraceEntry, record
from access_core.trace.reader import Recorded, history_of_patient
from vaguemestre.kernel.database import Transaction

PAGE = 500
_SECRET_OBLIGATIONS = (
    Obligation.NE_PAS_NOTIFIER_RL,
    Obligation.FORCER_INVISIBLE_RL,
    Obligation.ALERTE_INVISIBLE_RL,
)
_SECRETS = select(trace_entry.c.resource_id, trace_entry.c.message_id_header).where(
    trace_entry.c.profile_id == bindparam("profile"),
    or_(
        trace_entry.c.mode == Mode.SECRET.value,
        *(trace_entry.c.obligations.contains(each.value) for each in _SECRET_OBLIGATIONS),
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """The decision, and the lines that it lets the reader see, newest first; none when refused."""

    decision: Decision
    lines: tuple[Recorded, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfessionalReader:
    """A professional who asks to read, how she signed in, when."""

    sender: Sender
    session: Session
    now: datetime


def read_history(
    tx: Transaction, asking: Asking, *, scope: Scope = Scope.TOUTES, hidden: frozenset[str] = frozenset()
) -> History:
    """Decide and trace a reading of the whole history of one patient, and read it.

    Args:
        tx: a transaction that may write: the reading is traced like any act.
        asking: who asks, about whom.
        scope: `PROPRES`, the reader's own acts: all that a professional without a special standing may have.
        hidden: ids of the resources that the reader must not know of.
    """
    decision = decide_history(tx, asking, scope)
    if not decision.allowed:
        return History(decision=decision)
    return History(decision=decision, lines=tuple(lines_for(tx, asking, decision, scope, hidden)))


def decide_history(tx: Transaction, asking: Asking, scope: Scope = Scope.TOUTES) -> Decision:
    """Decide whether somebody may read the history of a patient; the answer is traced."""
    case = act_facts(tx, asking, Act.READ_ACCESS_HISTORY, Context(portee=scope))
    decision = case.decide()
    about = About(resource_kind="trace", resource_id=asking.profile.id)
    record(tx, decision_entry(case, decision, about, at=asking.now))
    return decision


def decide_own_acts(tx: Transaction, reader: ProfessionalReader) -> Decision:
    """Decide whether a professional may read her own acts, whoever they were about; the answer is traced."""
    return _decide_without_profile(tx, reader, Resource(), Scope.PROPRES)


def decide_unknown(tx: Transaction, reader: ProfessionalReader, resource: Resource) -> Decision:
    """Decide a reading about somebody who has no profile here; RESOURCE says why. The answer, a refusal, is traced."""
    return _decide_without_profile(tx, reader, resource, Scope.TOUTES)


def _decide_without_profile(tx: Transaction, reader: ProfessionalReader, resource: Resource, scope: Scope) -> Decision:
    sender, session = reader.sender, reader.session
    case = CaseFacts(
        act=Act.READ_ACCESS_HISTORY,
        subject=Subject(
            auth=session.auth,
            sujet=sender.kind,
            profession=sender.profession,
            session_min=session.since_min,
            inactif_min=session.idle_min,
            annuaire=sender.directory,
        ),
        resource=resource,
        context=Context(mode=session.mode, portee=scope),
        profile=None,
        actor_id=sender.id,
        actor_label=sender.label,
    )
    decision = case.decide()
    record(tx, decision_entry(case, decision, About(resource_kind="trace", resource_id=sender.id), at=reader.now))
    return decision


def lines_for(
    tx: Transaction, asking: Asking, decision: Decision, scope: Scope, hidden: frozenset[str]
) -> Iterator[Recorded]:
    """Yield what a permitted reader sees, newest first."""
    secret = _secrets(tx, asking.profile) if Obligation.FILTRER_SECRET in decision.obligations else frozenset()
    own = not isinstance(asking.actor, Profile) and scope is Scope.PROPRES
    for each in _pages(tx, asking.profile.id):
        entry = each.entry
        if own and entry.subject_id != asking.actor_id:
            continue
        if entry.resource_id in hidden or _is_secret(entry, secret):
            continue
        yield each


def without_secrets(tx: Transaction, profile: Profile, lines: Iterable[Recorded]) -> list[Recorded]:
    """Leave out what a minor keeps from her representatives, and whatever else concerns the same resource."""
    secret = _secrets(tx, profile)
    return [each for each in lines if not _is_secret(each.entry, secret)]


def _secrets(tx: Transaction, profile: Profile) -> frozenset[str]:
    rows = tx.execute(_SECRETS, {"profile": profile.id})
    whole_space = {profile.id, profile.account_id}
    return frozenset(value for row in rows for value in row if value) - whole_space | {""}


def _is_secret(entry: TraceEntry, secret: frozenset[str]) -> bool:
    if not secret:
        return False
    kept = entry.mode == Mode.SECRET or not {*entry.obligations}.isdisjoint(_SECRET_OBLIGATIONS)
    return kept or entry.resource_id in secret or entry.message_id_header in secret


def _pages(tx: Transaction, profile_id: str) -> Iterator[Recorded]:
    before: int | None = None
    while lines := history_of_patient(tx, profile_id, PAGE, before):
        yield from lines
        before = lines[-1].seq
