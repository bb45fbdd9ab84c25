"""The one door through which an act on a space takes effect: decide, trace, change, carry out the obligations.

Everything happens in the caller's transaction. A refusal is traced and changes nothing. An obligation that cannot be
carried out raises and takes the whole unit with it; `settle` then traces in a fresh one that the act did not take
effect. A database that fails while facts are loaded gives the same answer: not now, and never a permit.
"""

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from access_core.acts import Act
from access_core.case_acts import Asking
from access_core.case_inputs import CaseFacts
from access_core.decision import Decision, Obligation, Verdict
from access_core.obligations import Deed, ObligationFailed, carry_out
from access_core.reasons import REGISTER, Reason
from access_core.trace.decisions import About, decision_entry
from access_core.trace.entries import TraceEntry, record
from vaguemestre.kernel.database import DATABASE_ERRORS, Database, Transaction
from vaguemestre.kernel.errors import TemporaryFailure
from vaguemestre.kernel.log import get_logger

log = get_logger(__name__)
_FAILURES = (TemporaryFailure, ObligationFailed, *DATABASE_ERRORS)
T = TypeVar("T")
Step = Callable[[Transaction], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Doing(Generic[T]):
    """What an act does once it is permitted.

    Attributes:
        about: the resource, for the trace.
        effect: the change itself; its result reaches the caller.
        professional_id: whom the act is about, for notices.
        duties: obligations that only the caller can carry out, each with its step, in the same transaction.
    """

    about: About
    effect: Callable[[Transaction], T]
    professional_id: str | None = None
    duties: Mapping[Obligation, Step] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Outcome(Generic[T]):
    """The decision, and what the effect returned: None unless it was permitted."""

    decision: Decision
    value: T | None = None


def perform(tx: Transaction, asking: Asking, case: CaseFacts, doing: Doing[T]) -> Outcome[T]:
    """Decide a case whose facts this transaction loaded, trace it, and do it when it is permitted.

    Raises:
        ObligationFailed: a step that goes with the permit cannot be carried out: nothing takes effect.
    """
    decision = case.decide()
    record(tx, decision_entry(case, decision, doing.about, at=asking.now))
    if not decision.allowed:
        return Outcome(decision)
    value = doing.effect(tx)
    for obligation in decision.obligations:
        if (step := doing.duties.get(obligation)) is not None:
            step(tx)
    carry_out(tx, decision, _deed(asking, case, doing), done=doing.duties.keys())
    return Outcome(decision, value)


def settle(database: Database, asking: Asking, act: Act, work: Callable[[Transaction], Outcome[T]]) -> Outcome[T]:
    """Run a unit that ends in `perform`, blocking.

    Returns:
        Its outcome; `unavailable` when the database or an obligation failed: nothing took effect.
    """
    try:
        return database.write_now(work)
    except _FAILURES as error:
        log.error("act_failed", act=act, error=error)
        with contextlib.suppress(*_FAILURES):
            database.write_now(lambda tx: _note_failure(tx, asking, act))
        return Outcome(unavailable())


async def settle_soon(
    database: Database, asking: Asking, act: Act, work: Callable[[Transaction], Outcome[T]]
) -> Outcome[T]:
    """Do as `settle` does, from an event loop."""
    try:
        return await database.write(work)
    except _FAILURES as error:
        log.error("act_failed", act=act, error=error)
        with contextlib.suppress(*_FAILURES):
            await database.write(lambda tx: _note_failure(tx, asking, act))
        return Outcome(unavailable())


def unavailable() -> Decision:
    """Return the answer to a request whose facts cannot be had, or whose obligations cannot be met: not now."""
    reason = Reason.D_SERVICE_INDISPONIBLE
    return Decision(Verdict.DEFER, reason, (), REGISTER[reason].sources)


def _note_failure(tx: Transaction, asking: Asking, act: Act) -> None:
    decision, profile = unavailable(), asking.profile
    record(
        tx,
        TraceEntry(
            at=asking.now,
            act=act,
            verdict=decision.verdict,
            reason=decision.reason,
            subject_kind="-",
            subject_id=asking.actor_id,
            subject_label=asking.actor_label,
            profile_id=profile.id,
            mailbox_id=profile.account_id,
            resource_kind="profile",
            resource_id=profile.id,
        ),
    )


def _deed(asking: Asking, case: CaseFacts, doing: Doing[T]) -> Deed:
    """Describe the act to what carries its obligations out; its instant tells two like acts apart."""
    resource_id = f"{doing.about.resource_id or asking.profile.id}:{asking.now.isoformat()}"
    return Deed(
        act=case.act,
        profile=asking.profile,
        resource_kind=doing.about.resource_kind,
        resource_id=resource_id,
        now=asking.now,
        professional_id=doing.professional_id,
        rules=asking.rules,
    )
