"""Watching a mailbox elsewhere: each new message with documents is taken in once, filed, flagged, for ever.

A hospital whose APP mailbox is at another operator points the bridge at it. The watch connects, catches up with what
came while it was away, waits for the server's word, and begins again after any trouble, with a pause that grows and
is capped. A message is committed before it is flagged: a cut between both flags it again, and files nothing twice.
"""

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from dmp_bridge.config import BridgeSettings
from dmp_bridge.intake import Prepared, build_filer
from dmp_bridge.remote_mailbox import Described, RemoteMailbox, open_mailbox
from dmp_bridge.watch_config import WatchSettings
from dmp_bridge.watched import (
    TOO_LARGE,
    Arrived,
    Folder,
    Taking,
    fingerprint_of,
    known_outcome,
    last_uid,
    message_id_of,
    note_flagged,
    prepare_message,
    sender_of,
    take_in,
    unflagged,
)
from mailstore.elsewhere import read_password
from mailstore.store import MailStore
from vaguemestre.kernel.clock import Clock
from vaguemestre.kernel.database import Database
from vaguemestre.kernel.errors import TemporaryFailure
from vaguemestre.kernel.log import get_logger

FIRST_PAUSE_S = 1.0
log = get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchParts:
    """What every watch works with; PRESUME_CARE as in `FilingCase`."""

    settings: BridgeSettings
    database: Database
    store: MailStore
    clock: Clock
    presume_care: bool = False


class Watch:
    """One watched mailbox; `run` works until `drain` or cancellation (`vaguemestre.app.worker.Loop`)."""

    def __init__(self, watched: WatchSettings, parts: WatchParts) -> None:
        self._watched = watched
        self._database = parts.database
        self._clock = parts.clock
        filer = build_filer(parts.store, parts.settings)
        self._taking = Taking(filer=filer, settings=parts.settings, presume_care=parts.presume_care)
        read_password(watched.password_file)  # a file that cannot be read stops the start
        self._session: asyncio.Task[None] | None = None
        self._drained = asyncio.Event()
        self._progress = False

    async def run(self) -> None:
        """Watch, and connect again for ever, with a pause that doubles until something was reached."""
        pause = FIRST_PAUSE_S
        while not self._drained.is_set():
            self._progress = False
            self._session = asyncio.create_task(self._watch(), name=f"watch-{self._watched.name}")
            try:
                await self._session
            except asyncio.CancelledError:
                if self._drained.is_set():
                    return
                raise
            except TemporaryFailure as error:
                log.warning("watch_interrupted", key=self._watched.name, error=error, reason=str(error))
            except Exception as error:  # noqa: BLE001 - a bug in one watch must not end the worker, nor the watch
                log.error("watch_broken", key=self._watched.name, error=error)
            pause = FIRST_PAUSE_S if self._progress else min(2 * pause, self._watched.reconnect_longest_s)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._drained.wait(), pause)

    def drain(self) -> None:
        """End `run`; what is under way is begun again after the next start."""
        self._drained.set()
        if self._session is not None:
            self._session.cancel()

    async def _watch(self) -> None:
        async with open_mailbox(self._watched, read_password(self._watched.password_file)) as mailbox:
            folder = Folder(self._watched.name, await mailbox.select())
            await self._flag_again(mailbox, folder)
            while True:
                while await self._catch_up(mailbox, folder):
                    pass
                self._progress = True
                await mailbox.wait()

    async def _catch_up(self, mailbox: RemoteMailbox, folder: Folder) -> bool:
        """Take in what is new; tells whether there was anything, since more may have come meanwhile."""
        after = await self._database.read(partial(last_uid, folder=folder))
        taken = False
        for uid in await mailbox.new_uids(after):
            described = await mailbox.describe(uid)
            if described is None:
                continue
            outcome = await self._take(mailbox, folder, described)
            log.info("watched_message_taken", key=folder.watch, seq=uid, reason=outcome)
            taken = self._progress = True
            await self._flag(mailbox, folder, uid)
        return taken

    async def _take(self, mailbox: RemoteMailbox, folder: Folder, described: Described) -> str:
        arrived = await self._arrived(mailbox, folder, described)
        taking, now = self._taking, self._clock.now()
        return await self._database.write(partial(take_in, folder=folder, arrived=arrived, taking=taking, now=now))

    async def _arrived(self, mailbox: RemoteMailbox, folder: Folder, described: Described) -> Arrived:
        fingerprint = fingerprint_of(described.header, described.size_bytes)
        known = await self._database.read(partial(known_outcome, folder=folder, fingerprint=fingerprint))
        if known is not None:
            return Arrived(uid=described.uid, fingerprint=fingerprint)
        sender, message_id = sender_of(described.header), message_id_of(described.header)
        return Arrived(
            uid=described.uid,
            fingerprint=fingerprint,
            sender=sender,
            message_id=message_id,
            prepared=await self._prepared(mailbox, described),
        )

    async def _prepared(self, mailbox: RemoteMailbox, described: Described) -> Sequence[Prepared]:
        if described.size_bytes > self._watched.max_message_bytes:
            return (TOO_LARGE,)
        content = await mailbox.fetch(described.uid)
        if content is None:
            return (TOO_LARGE,)
        return await asyncio.to_thread(prepare_message, content, self._taking.settings)

    async def _flag_again(self, mailbox: RemoteMailbox, folder: Folder) -> None:
        for uid in await self._database.read(partial(unflagged, folder=folder)):
            await self._flag(mailbox, folder, uid)

    async def _flag(self, mailbox: RemoteMailbox, folder: Folder, uid: int) -> None:
        await mailbox.flag(uid)
        await self._database.write(partial(note_flagged, folder=folder, uid=uid))
