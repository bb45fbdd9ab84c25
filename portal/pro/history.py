"""What a professional may read of the trace: her own acts; a whole patient's history when the engine lets her.

A line says what was done or asked, in general words, and the sentence of a refusal; a document that is hidden from
the reader is in no line (access.md §10.7, 5). The name of a patient is shown only beside an act that was permitted:
beside a refusal it would tell that the profile exists.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import islice

from access_core.case_acts import Asking
from access_core.decision import Decision, Verdict
from access_core.facts import IdentityStatus, ProfileState, Resource, Scope
from access_core.identifiers import INS
from access_core.profiles import profile_by_id, profile_by_ins
from access_core.trace.history import ProfessionalReader, decide_history, decide_own_acts, decide_unknown, lines_for
from access_core.trace.reader import HISTORY_PAGE, Recorded, acts_of
from portal.documents.record import hidden_from
from portal.pro.viewer import ProfessionalViewer
from portal.pro.words import act_words
from portal.sentences import sentence_of
from portal.services import PortalServices
from vaguemestre.kernel.database import Transaction
from vaguemestre.kernel.errors import InvalidIdentifier

_OUTCOMES = {Verdict.PERMIT: "", Verdict.DENY: "Refusé", Verdict.DEFER: "Remis à plus tard"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ActLine:
    """One line: what, how it ended ("" when permitted), why not, who did it, about whom, in which message."""

    seq: int
    at: datetime
    what: str
    outcome: str
    why: str
    actor: str
    patient: str
    message_id: str


@dataclass(frozen=True, slots=True)
class ActPage:
    """The decision, and lines, newest first; `older` is the number before which the next page starts."""

    decision: Decision
    lines: tuple[ActLine, ...] = ()
    older: int | None = None


async def read_own_acts(services: PortalServices, viewer: ProfessionalViewer, before: int | None = None) -> ActPage:
    """Return a page of what this professional did; decided and traced."""
    reader = viewer.reader(services.clock.now())
    decision = await services.database.write(partial(decide_own_acts, reader=reader))
    if not decision.allowed:
        return ActPage(decision)
    return await services.database.read(partial(_own_page, reader=reader, decision=decision, before=before))


async def read_patient_history(
    services: PortalServices, viewer: ProfessionalViewer, ins_text: str, before: int | None = None
) -> ActPage:
    """Return a page of the history of a patient, by her INS; decided and traced, unknown patients included."""
    reader = viewer.reader(services.clock.now())
    decided = await services.database.write(partial(_decide_patient, reader=reader, ins_text=ins_text))
    if isinstance(decided, Decision):
        return ActPage(decided)
    asking, decision = decided
    return await services.database.read(partial(_patient_page, asking=asking, decision=decision, before=before))


def _own_page(tx: Transaction, reader: ProfessionalReader, decision: Decision, before: int | None) -> ActPage:
    assert reader.sender.id is not None
    found = acts_of(tx, reader.sender.id, HISTORY_PAGE + 1, before)
    older = found[HISTORY_PAGE - 1].seq if len(found) > HISTORY_PAGE else None
    return ActPage(decision, tuple(_own_lines(tx, reader, found[:HISTORY_PAGE])), older)


def _own_lines(tx: Transaction, reader: ProfessionalReader, found: Iterable[Recorded]) -> Iterator[ActLine]:
    hidden: dict[str, frozenset[str]] = {}
    names: dict[str, str] = {}
    for each in found:
        profile_id = each.entry.profile_id
        profile = None if profile_id is None else profile_by_id(tx, profile_id)
        if profile is not None and profile.id not in names:
            names[profile.id] = profile.name
        if profile is not None and each.entry.resource_kind == "document":
            if profile.id not in hidden:
                hidden[profile.id] = hidden_from(tx, reader.sender, profile, reader.session, reader.now)
            if each.entry.resource_id in hidden[profile.id]:
                continue
        yield act_line(each, names.get(profile_id or "", ""))


def _decide_patient(tx: Transaction, reader: ProfessionalReader, ins_text: str) -> Decision | tuple[Asking, Decision]:
    try:
        ins = INS.parse(ins_text, strict=False)
    except InvalidIdentifier:
        return decide_unknown(tx, reader, Resource(ins=IdentityStatus.MALFORMEE))
    profile = profile_by_ins(tx, ins)
    if profile is None:
        return decide_unknown(tx, reader, Resource(profil=ProfileState.INEXISTANT))
    asking = Asking(profile=profile, actor=reader.sender, session=reader.session, now=reader.now)
    decision = decide_history(tx, asking)
    return (asking, decision) if decision.allowed else decision


def _patient_page(tx: Transaction, asking: Asking, decision: Decision, before: int | None) -> ActPage:
    hidden = hidden_from(tx, asking.actor, asking.profile, asking.session, asking.now)
    lines = lines_for(tx, asking, decision, Scope.TOUTES, hidden)
    found = list(islice((each for each in lines if before is None or each.seq < before), HISTORY_PAGE + 1))
    older = found[HISTORY_PAGE - 1].seq if len(found) > HISTORY_PAGE else None
    return ActPage(decision, tuple(act_line(each, asking.profile.name) for each in found[:HISTORY_PAGE]), older)


def act_line(recorded: Recorded, patient: str) -> ActLine:
    """Say one entry; PATIENT is her name, "" when it is not to be shown."""
    entry = recorded.entry
    permitted = entry.verdict == Verdict.PERMIT
    return ActLine(
        seq=recorded.seq,
        at=entry.at,
        what=act_words(entry.act),
        outcome=_OUTCOMES[Verdict(entry.verdict)],
        why="" if permitted else sentence_of(entry.reason),
        actor=entry.subject_label or "Le service",
        patient=patient if permitted else "",
        message_id=entry.message_id_header or "",
    )
