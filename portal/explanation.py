"""What happened to one message, decision by decision: the same words for `vaguemestre explain` and for the API.

A line of the trace keeps codes; the sentence and the article or requirement come from the registers. Whoever reads
about herself gets the code that may be shown to her, never the true code of a refusal that must not tell.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from access_core.acts import ACT_SOURCES, Act
from access_core.case_acts import Asking, act_facts
from access_core.decision import Decision, Obligation, Verdict
from access_core.facts import Context, Scope
from access_core.profiles import profile_by_id
from access_core.reasons import REGISTER, Reason
from access_core.trace.entries import TraceEntry
from access_core.trace.export import export_history
from access_core.trace.history import ProfessionalReader, decide_history, decide_own_acts, lines_for, without_secrets
from access_core.trace.reader import Recorded, by_message
from dmp_bridge import refusals
from portal.delivery import RecipientLine, recipient_lines
from portal.documents.record import hidden_documents, hidden_from
from portal.patient.viewer import Viewer
from portal.pro.viewer import ProfessionalViewer
from portal.sentences import sentence_of
from portal.services import PortalServices
from smtp_gateway.receipts.states import states_named
from vaguemestre.kernel.database import Transaction

OUTCOME = "recipient_state"
"""Stands where a line of the trace has its act, for the one state of each recipient; such a line has no number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """One line: what was decided or done, by whom, why, and what the rule rests on."""

    seq: int
    at: datetime
    act: str
    verdict: str
    code: str
    sentence: str
    sources: tuple[str, ...]
    actor: str
    mode: str
    resource_kind: str | None
    matrix_version: str | None


@dataclass(frozen=True, slots=True)
class Explanation:
    """The decision on the one who asks, and the lines that she may read, oldest first."""

    decision: Decision
    lines: tuple[Explained, ...] = ()


def explained(recorded: Recorded) -> Explained:
    """Say one line of the trace with its sentence and its sources."""
    entry = recorded.entry
    return Explained(
        seq=recorded.seq,
        at=entry.at,
        act=entry.act,
        verdict=entry.verdict,
        code=_shown(entry.reason),
        sentence=sentence_of(entry.reason),
        sources=sources_of(recorded),
        actor=entry.subject_label,
        mode=entry.mode,
        resource_kind=entry.resource_kind,
        matrix_version=entry.matrix_version,
    )


def explained_outcome(line: RecipientLine) -> Explained:
    """Say where a message stands for one of its recipients, as the line after those of the trace."""
    return Explained(
        seq=0,
        at=line.at,
        act=OUTCOME,
        verdict=line.verdict,
        code=line.reason or Reason.OK,
        sentence=line.words,
        sources=(),
        actor=line.recipient,
        mode="-",
        resource_kind="message",
        matrix_version=None,
    )


def bracketed(message_id: str) -> str:
    """Return a Message-ID with its angle brackets, given with them or without."""
    return message_id if message_id.startswith("<") else f"<{message_id}>"


def sources_of(recorded: Recorded) -> tuple[str, ...]:
    """Return the articles or requirements: what grants a permitted act, what a refusal applies."""
    entry = recorded.entry
    if entry.verdict == Verdict.PERMIT:
        return ACT_SOURCES.get(Act(entry.act), ()) if entry.act in set(Act) else ()
    if entry.reason in set(refusals.Refusal):
        return (refusals.REGISTER[refusals.Refusal(entry.reason)].source,)
    return REGISTER[Reason(entry.reason)].sources if entry.reason in set(Reason) else ()


async def explain_to(services: PortalServices, viewer: Viewer, message_id: str) -> Explanation:
    """Explain a message to the patient whose it is; the engine decides, the reading is traced."""
    return await services.database.write(partial(_explain_to, services=services, viewer=viewer, message_id=message_id))


async def explain_to_professional(services: PortalServices, viewer: ProfessionalViewer, message_id: str) -> Explanation:
    """Explain a message to a professional: her own acts on it, and every line where the engine gives her all.

    What concerns only her mailbox, and no patient, is hers to read too. The reading is traced.
    """
    reader = viewer.reader(services.clock.now())
    return await services.database.write(partial(_explain_to_professional, reader=reader, message_id=message_id))


async def download_history(services: PortalServices, viewer: Viewer, public_key: bytes) -> dict[str, object] | Decision:
    """Return the patient's whole history with its proofs, or the refusal. Only the decision takes the writer's time."""
    asking = _asking(services, viewer)
    decision = await services.database.write(partial(decide_history, asking=asking))
    if not decision.allowed:
        return decision

    def work(tx: Transaction) -> dict[str, object]:
        hidden = hidden_documents(tx, services, viewer)
        lines = tuple(lines_for(tx, asking, decision, Scope.TOUTES, hidden))
        return export_history(tx, viewer.profile, lines, public_key, at=asking.now)

    return await services.database.read(work)


def _explain_to(tx: Transaction, services: PortalServices, viewer: Viewer, message_id: str) -> Explanation:
    decision = decide_history(tx, _asking(services, viewer))
    if not decision.allowed:
        return Explanation(decision)
    hidden = hidden_documents(tx, services, viewer)
    lines: Iterable[Recorded] = (
        each
        for each in by_message(tx, message_id)
        if each.entry.profile_id == viewer.profile.id and each.entry.resource_id not in hidden
    )
    if Obligation.FILTRER_SECRET in decision.obligations:
        lines = without_secrets(tx, viewer.profile, lines)
    sent = states_named(tx, bracketed(message_id), viewer.mailbox_id)
    outcomes = (explained_outcome(each) for each in recipient_lines(sent))
    return Explanation(decision, (*(explained(each) for each in lines), *outcomes))


def _explain_to_professional(tx: Transaction, reader: ProfessionalReader, message_id: str) -> Explanation:
    decision = decide_own_acts(tx, reader)
    if not decision.allowed:
        return Explanation(decision)
    found = by_message(tx, message_id)
    concerned = {each.entry.profile_id for each in found if each.entry.profile_id is not None}
    hidden = {profile_id: _hidden_for(tx, reader, profile_id) for profile_id in sorted(concerned)}
    lines = (each for each in found if _is_readable(each.entry, reader, hidden))
    sent = states_named(tx, bracketed(message_id), reader.sender.id)
    outcomes = (explained_outcome(each) for each in recipient_lines(sent))
    return Explanation(decision, (*(explained(each) for each in lines), *outcomes))


@dataclass(frozen=True, slots=True)
class _Share:
    """What of one patient's lines a professional may read: ALL, or her own; never those about HIDDEN documents."""

    all: bool
    hidden: frozenset[str]


def _hidden_for(tx: Transaction, reader: ProfessionalReader, profile_id: str) -> _Share:
    profile = profile_by_id(tx, profile_id)
    assert profile is not None
    asking = Asking(profile=profile, actor=reader.sender, session=reader.session, now=reader.now)
    case = act_facts(tx, asking, Act.READ_ACCESS_HISTORY, Context(portee=Scope.TOUTES))
    hidden = hidden_from(tx, reader.sender, profile, reader.session, reader.now)
    return _Share(case.decide().allowed, hidden)


def _is_readable(entry: TraceEntry, reader: ProfessionalReader, shares: Mapping[str, _Share]) -> bool:
    own = entry.subject_id == reader.sender.id
    if entry.profile_id is None:
        return own or entry.mailbox_id == reader.sender.id
    share = shares[entry.profile_id]
    return (own or share.all) and entry.resource_id not in share.hidden


def _asking(services: PortalServices, viewer: Viewer) -> Asking:
    now = services.clock.now()
    return Asking(profile=viewer.profile, actor=viewer.profile, session=viewer.facts(now), now=now)


def _shown(reason: str) -> str:
    return REGISTER[Reason(reason)].shown.value if reason in set(Reason) else reason
