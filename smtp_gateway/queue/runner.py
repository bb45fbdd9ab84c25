"""The worker of the queue: takes what is due, gives it to its destinations over few connections, settles each.

Destinations do not wait for each other; at one destination a few lanes share the jobs, each with its own connection.
A destination that cannot be reached fails all that was taken for it at once, so that a dead peer costs one
connection attempt and not one per message.
"""

import asyncio
import contextlib
import ssl
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from mailstore.store import MailStore
from smtp_gateway.config import RelaySettings, SmtpSettings
from smtp_gateway.dkim_sign import SigningKey
from smtp_gateway.queue import entries, lanes
from smtp_gateway.queue.model import Answer, Job, Trouble
from smtp_gateway.queue.outgoing import outgoing
from smtp_gateway.queue.peer import NOT_8BIT, Peer, Trust
from smtp_gateway.queue.routes import Unreached
from smtp_gateway.queue.settling import Settler
from smtp_gateway.queue.seven_bit import NotConvertible
from smtp_gateway.receipts.posting import Postman
from smtp_gateway.trust.revocation import Revocation
from vaguemestre.kernel.bus import Bus
from vaguemestre.kernel.clock import Clock
from vaguemestre.kernel.database import Database, Transaction
from vaguemestre.kernel.errors import IntegrityError, PermanentFailure, TemporaryFailure
from vaguemestre.kernel.ids import new_id
from vaguemestre.kernel.log import get_logger

log = get_logger(__name__)
HERE = Answer(status="2.1.5")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunnerParts:
    """What the worker works with; TLS is the context of a client with the operator's certificate."""

    database: Database
    bus: Bus
    clock: Clock
    store: MailStore
    trust: Trust
    tls: ssl.SSLContext
    settings: RelaySettings
    smtp: SmtpSettings
    keys: Callable[[], Sequence[SigningKey]]
    """Those that sign, asked for each message."""
    revocation: Revocation | None = None


@dataclass(frozen=True, slots=True)
class _Leased:
    """Jobs of one destination, and how many connections may be made for them."""

    destination: str
    jobs: deque[Job]
    connections: int


class QueueRunner:
    """Empties the queue until it is drained."""

    def __init__(self, parts: RunnerParts) -> None:
        self._parts = parts
        self._own = frozenset((*parts.smtp.domains, *parts.smtp.patient_domains))
        postman = Postman(parts.store, parts.settings.lifetime_s, own=self._own, listed=self._lists)
        self._settler = Settler(
            parts.database, postman, parts.clock, settings=parts.settings, hostname=parts.smtp.hostname
        )
        self._id = new_id()
        self._wake = asyncio.Event()
        self._draining = False
        self._busy: dict[str, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Work until `drain` is called or the task is cancelled."""
        unsubscribe = self._parts.bus.subscribe(entries.TOPIC, self._wake.set)
        try:
            while not self._draining:
                self._wake.clear()
                await self._round()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), self._parts.settings.poll_s)
            await asyncio.gather(*self._busy.values(), return_exceptions=True)
            await self._give_back()
        finally:
            unsubscribe()
            for task in self._busy.values():
                task.cancel()

    def drain(self) -> None:
        """End `run` after the messages under way; the rest stays queued."""
        self._draining = True
        self._wake.set()

    def _lists(self, domain: str) -> bool:
        return self._parts.trust.whitelist.lists(domain)

    async def _give_back(self) -> None:
        """Leave what was taken and not tried to the next worker."""
        now = self._parts.clock.now()
        with contextlib.suppress(TemporaryFailure):
            await self._parts.database.write(lambda tx: entries.give_back(tx, self._id, now))

    async def run_due(self) -> int:
        """Try what is due now, until nothing is; returns how many recipients were taken (tests, commands)."""
        total = 0
        while taken := await self._round():
            total += taken
            await asyncio.gather(*self._busy.values())
        return total

    async def _round(self) -> int:
        try:
            leased = await self._parts.database.write(self._lease)
        except TemporaryFailure as error:
            log.warning("queue_unavailable", error=error)
            return 0
        for each in leased:
            task = asyncio.create_task(self._serve(each), name=f"relay-{len(self._busy)}")
            self._busy[each.destination] = task
            task.add_done_callback(partial(self._served, each.destination))
        return sum(len(job.waiting) for each in leased for job in each.jobs)

    def _served(self, destination: str, task: "asyncio.Task[None]") -> None:
        self._busy.pop(destination, None)
        self._wake.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("destination_failed", error=error)  # leases end by themselves

    def _lease(self, tx: Transaction) -> list[_Leased]:
        """Take what is due, with connections for it; what has none is left to the workers that hold them."""
        now, settings = self._parts.clock.now(), self._parts.settings
        lease = entries.Lease(self._id, now, now + timedelta(seconds=settings.lease_s))
        slots = entries.Lease(self._id, now, now + timedelta(seconds=settings.connection_lease_s))
        limit = settings.connections_per_destination
        without = {*self._busy, *lanes.saturated(tx, now, limit)}
        by_destination: dict[str, deque[Job]] = {}
        for job in entries.lease_due(tx, lease, limit=settings.batch, without=without):
            by_destination.setdefault(job.destination, deque()).append(job)
        leased = []
        for destination, jobs in sorted(by_destination.items()):  # one order for all: no two workers block each other
            here = not destination
            connections = 1 if here else lanes.take(tx, destination, slots, wanted=len(jobs), limit=limit)
            if connections:
                leased.append(_Leased(destination, jobs, connections))
            else:
                entries.hand_back(tx, jobs)
        return leased

    async def _serve(self, leased: _Leased) -> None:
        holding = asyncio.create_task(self._hold(leased.destination))
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(leased.connections):
                    group.create_task(self._lane(leased.destination, leased.jobs))
        finally:
            holding.cancel()
            await asyncio.gather(holding, return_exceptions=True)
            await self._release(leased.destination)

    async def _hold(self, destination: str) -> None:
        """Hold the connections to a destination for as long as they are used; a dead worker's are soon free."""
        lease_s = self._parts.settings.connection_lease_s
        while destination:
            await asyncio.sleep(lease_s / 3)
            until = self._parts.clock.now() + timedelta(seconds=lease_s)
            with contextlib.suppress(TemporaryFailure):
                await self._parts.database.write(
                    partial(lanes.extend, destination=destination, holder=self._id, until=until)
                )

    async def _release(self, destination: str) -> None:
        """Let other workers connect; when the database is away the slots end by themselves."""
        if destination:
            with contextlib.suppress(TemporaryFailure):
                await self._parts.database.write(lambda tx: lanes.release(tx, self._id, [destination]))

    async def _lane(self, destination: str, jobs: deque[Job]) -> None:
        parts = self._parts
        peer = Peer(destination, parts.smtp.hostname, parts.settings, parts.tls, parts.revocation)
        try:
            while jobs and not self._draining:
                job = jobs.popleft()
                if await self._renew(job):
                    await self._attempt(peer, job, jobs)
        finally:
            await peer.quit()

    async def _renew(self, job: Job) -> bool:
        """Hold a job that waited long for its turn; False when another worker has it by now."""
        lease_s, now = self._parts.settings.lease_s, self._parts.clock.now()
        if now < job.leased_at + timedelta(seconds=lease_s / 10):
            return True
        until = now + timedelta(seconds=lease_s)
        return await self._parts.database.write(lambda tx: entries.renew(tx, job, until))

    async def _attempt(self, peer: Peer, job: Job, others: deque[Job]) -> None:
        parts = self._parts
        if not job.destination:
            await self._settle(job, [HERE] * len(job.waiting))
            return
        try:
            async with asyncio.timeout(parts.settings.attempt_timeout_s):
                await peer.open(parts.trust, parts.clock.now())
                answers = await peer.send(job, await self._content(job, seven_bit=not peer.takes_8bit))
        except Unreached as unreached:
            await self._settle(job, [unreached.answer] * len(job.waiting))
            while others:
                other = others.popleft()
                await self._settle(other, [unreached.answer] * len(other.waiting))
            return
        except TimeoutError:
            peer.close()
            answers = [Answer(status="4.4.2", trouble=Trouble.INTERRUPTED)] * len(job.waiting)
        except TemporaryFailure:
            answers = [Answer(status="4.3.0", trouble=Trouble.UNREADABLE)] * len(job.waiting)
        except NotConvertible:
            answers = [NOT_8BIT] * len(job.waiting)
        except (IntegrityError, PermanentFailure):
            answers = [Answer(status="5.3.0", trouble=Trouble.UNREADABLE)] * len(job.waiting)
        except Exception as error:  # noqa: BLE001  the edge: a bug costs this message an attempt, never its destination
            log.error("attempt_failed", message_id=job.message_id, error=error)
            peer.close()
            answers = [Answer(status="4.3.0", trouble=Trouble.UNREADABLE)] * len(job.waiting)
        await self._settle(job, answers)

    async def _content(self, job: Job, *, seven_bit: bool) -> bytes:
        parts = self._parts
        reader = await parts.database.read(lambda tx: parts.store.open_held(tx, job.message_id))
        keys, now = parts.keys(), parts.clock.now()
        return await asyncio.to_thread(outgoing, reader, keys, self._own, now, seven_bit=seven_bit)

    async def _settle(self, job: Job, answers: Sequence[Answer]) -> None:
        try:
            await self._settler.settle(job, answers)
        except TemporaryFailure as error:
            log.warning("recipient_not_settled", message_id=job.message_id, error=error)
