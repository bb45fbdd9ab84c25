"""What comes due by time, done by the worker: each task finds out whether its cause still stands, then acts once.

A handler has no slow work of its own: it returns the unit that does everything together with the end of the task, so
that a worker killed at any instant has done all of it or nothing. A task whose cause is gone ends without effect.
"""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from functools import partial

from access_core import closing, delegation, profiles, sharing
from access_core.acts import Act
from access_core.closing import Eraser, holding_of, keep_archive
from access_core.config import LifeSettings
from access_core.obligations import Deed, Notice, notify, tell
from access_core.planning import Due, plan_majority
from access_core.profiles import Profile, ProfileStatus, profile_by_id
from access_core.trace.events import note_event
from vaguemestre.kernel.clock import Clock
from vaguemestre.kernel.database import Transaction
from vaguemestre.kernel.errors import TemporaryFailure
from vaguemestre.kernel.outbox import Task

Handler = Callable[[Task], Awaitable[Callable[[Transaction], None] | None]]
Step = Callable[[Transaction, str, datetime], None]
_SHUT = frozenset({ProfileStatus.CLOS, ProfileStatus.DECEDE})


class Schedule:
    """The handlers of what this package plans.

    Args:
        clock: tells when the act happened; whether it is due was the outbox's question.
        rules: delays in force.
        eraser: erases what a closed space holds, in the stores above.
    """

    def __init__(self, clock: Clock, rules: LifeSettings, eraser: Eraser) -> None:
        self._clock = clock
        self._rules = rules
        self._eraser = eraser

    def handlers(self) -> Mapping[str, Handler]:
        """Return the handler of each kind of task."""
        steps = {
            Due.OPENING: self._open,
            Due.CLOSURE: self._close,
            Due.ERASURE: self._erase,
            Due.MAJORITY: self._come_of_age,
            Due.DELEGATION_END: self._end_delegation,
        }
        return {kind: partial(self._hand_over, step) for kind, step in steps.items()}

    async def _hand_over(self, step: Step, task: Task) -> Callable[[Transaction], None]:
        """Return the unit that does a task.

        Raises:
            TemporaryFailure: the clock went backwards since the task was leased; it runs again later.
        """
        subject_id, due = str(task.payload["id"]), datetime.fromisoformat(str(task.payload["at"]))
        if self._clock.now() < due:
            raise TemporaryFailure("schedule: not due any more")
        return lambda tx: step(tx, subject_id, due)

    def _open(self, tx: Transaction, profile_id: str, _due: datetime) -> None:
        found = profile_by_id(tx, profile_id)
        if found is not None and found.status is ProfileStatus.ANNONCE:
            now = self._clock.now()
            note_event(tx, "profile_opened", profiles.open_announced(tx, profile_id, now=now), now=now)

    def _close(self, tx: Transaction, profile_id: str, due: datetime) -> None:
        """Close what was suspended and met no objection; suspended afresh since, it has another task."""
        found = profile_by_id(tx, profile_id)
        now = self._clock.now()
        if found is not None and found.status is ProfileStatus.SUSPENDU and holding_of(tx, profile_id).closes_at == due:
            closed = profiles.close(tx, profile_id, now=now)
            keep_archive(tx, profile_id, self._rules, now=now)
            note_event(tx, "profile_closed", closed, now=now)

    def _erase(self, tx: Transaction, profile_id: str, due: datetime) -> None:
        found = profile_by_id(tx, profile_id)
        if found is not None and found.status in _SHUT and holding_of(tx, profile_id).erase_at == due:
            now = self._clock.now()
            closing.erase(tx, found, self._eraser, now=now)
            note_event(tx, "profile_erased", found, now=now)

    def _come_of_age(self, tx: Transaction, profile_id: str, _due: datetime) -> None:
        """End what hung on minority and tell her, and those who acted for her."""
        found = profile_by_id(tx, profile_id)
        if found is None:
            return
        now = self._clock.now()
        if now < found.majority():  # the setting was raised since this was planned
            plan_majority(tx, profile_id, found.majority())
            return
        told = sharing.end_for_majority(tx, found, now=now)
        note_event(tx, "representation_ended", found, now=now)
        deed = _deed(found, now)
        notify(tx, deed, Notice.MAJORITY)
        for each in told:
            tell(tx, deed, Notice.MAJORITY, each)

    def _end_delegation(self, tx: Transaction, delegation_id: str, due: datetime) -> None:
        """Close a sharing, or an invitation that nobody answered, whose date has come."""
        found = delegation.delegation_by_id(tx, delegation_id)
        if found is None:
            return
        ends = found.expires_at if found.state is delegation.DelegationState.EN_ATTENTE else found.until
        live = found.state in {delegation.DelegationState.EN_ATTENTE, delegation.DelegationState.ACCEPTEE}
        holder = profile_by_id(tx, found.profile_id)
        if live and ends == due and holder is not None:
            now = self._clock.now()
            sharing.lapse(tx, found, now=now)
            note_event(tx, "delegation_ended", holder, now=now)


def _deed(holder: Profile, now: datetime) -> Deed:
    return Deed(
        act=Act.REVOKE_DELEGATION,
        profile=holder,
        resource_kind="profile",
        resource_id=f"{holder.id}:majority",
        now=now,
    )
