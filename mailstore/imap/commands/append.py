"""APPEND: each literal is streamed into a sealed draft and all are delivered in one unit of work.

Size and folder are checked before the client is asked for the message. When something fails half-way the rest
of the literal is read and dropped, since the client cannot be stopped, and the answer comes at its end.

Source: RFC 9051 §6.3.12; RFC 4315 §3 (APPENDUID); RFC 7889 (TOOBIG); RFC 3502 (MULTIAPPEND); RFC 3501 §6.3.11.
"""

from collections.abc import Awaitable
from datetime import datetime

from mailstore.imap.commands.quota import check_room
from mailstore.imap.commands.replace import replaced_uid, take_away, tell_replaced, unfit_to_replace
from mailstore.imap.namespaces import existing_folder
from mailstore.imap.outcome import CORRUPTED, UNAVAILABLE, Outcome, Refused, bad, no, ok
from mailstore.imap.protocol.commands import Append
from mailstore.imap.protocol.connection import AppendChunk, AppendEnded, AppendFollows, AppendOffered
from mailstore.imap.protocol.responses import continuation
from mailstore.imap.protocol.sequence import format_set
from mailstore.imap.session import Continued, Reaction, Session
from mailstore.imap.shared_acts import SharedAct, note_in
from mailstore.model import Delivery, Folder, FolderRefused, Placement
from mailstore.store import Draft
from vaguemestre.kernel.database import Transaction
from vaguemestre.kernel.errors import IntegrityError, PermanentFailure, ProtocolError, TemporaryFailure

MESSAGES = 1_000
"""Messages of one APPEND."""
_TOO_MANY = no(b"LIMIT", "Trop de messages a la fois.")
_EMPTY = no(b"CANNOT", "Le message est vide.")
_UNREADABLE = no(b"CANNOT", "Ce message ne peut etre range : sa structure n'est pas lisible.")


async def append(session: Session, offer: AppendOffered) -> Reaction:
    """Accept or refuse the message that an APPEND announces."""
    refusal = _unfit(session, offer.size_bytes) or unfit_to_replace(session, offer.command)
    refusal = refusal or await _refusal(session, offer)
    if refusal is not None:
        session.core.refuse_append()
        return refusal
    receiver = _Receiver(session, offer.command)
    session.continuation = receiver.receive
    session.abandon = receiver.discard
    session.core.accept_append()
    if offer.synchronising:
        session.send(continuation(b"envoyez le message"))
    return None


def _unfit(session: Session, size_bytes: int) -> Outcome | None:
    if size_bytes == 0:
        return _EMPTY
    if size_bytes > session.parts.settings.message_bytes:
        return no(b"TOOBIG", "Le message depasse la taille admise.")
    return None


async def _refusal(session: Session, offer: AppendOffered) -> Outcome | None:
    try:
        await session.read(lambda tx: _checked(session, tx, offer.command.mailbox, offer.size_bytes), brief=True)
    except Refused as refused:
        return refused.outcome
    except TemporaryFailure:
        return UNAVAILABLE
    return None


def _checked(session: Session, tx: Transaction, name: str, size_bytes: int) -> Folder:
    """Return the folder into which so many octets may come.

    Raises:
        Refused: TRYCREATE, OVERQUOTA.
    """
    try:
        folder = existing_folder(session, tx, name)
    except FolderRefused:
        raise Refused(b"TRYCREATE", "Ce dossier n'existe pas.") from None
    check_room(session, tx, folder.mailbox_id, size_bytes)
    return folder


class _Receiver:
    """Takes the messages of one APPEND, piece by piece; all of them are kept, or none."""

    def __init__(self, session: Session, command: Append) -> None:
        self._session = session
        self._mailbox = command.mailbox
        self._replaced = replaced_uid(session, command)
        self._messages: list[tuple[Append, Draft]] = [(command, session.parts.store.draft())]
        self._failed: Outcome | None = None

    def receive(self, event: Continued) -> Reaction | Awaitable[Reaction]:
        """Take one event of the command."""
        if isinstance(event, AppendChunk):
            return self._write(event.data) if self._failed is None else None
        if isinstance(event, AppendFollows):
            return self._follow(event)
        assert isinstance(event, AppendEnded)
        return self._end(event.well_formed)

    async def discard(self) -> None:
        """Give the messages up."""
        self._session.abandon = None
        messages, self._messages = self._messages, []
        for _, draft in messages:
            await draft.discard()

    async def _follow(self, event: AppendFollows) -> Reaction:
        refusal = self._failed or _unfit(self._session, event.size_bytes) or self._one_too_many()
        if refusal is not None:
            self._session.core.refuse_append()
            await self.discard()
            return refusal
        self._messages.append((event.command, self._session.parts.store.draft()))
        self._session.core.accept_append()
        if event.synchronising:
            self._session.send(continuation(b"envoyez le suivant"))
        return None

    def _one_too_many(self) -> Outcome | None:
        most = MESSAGES if self._replaced is None else 1
        return _TOO_MANY if len(self._messages) >= most else None

    async def _write(self, data: bytes) -> None:
        try:
            await self._messages[-1][1].write(data)
        except BaseException as error:
            await self.discard()
            self._failed = _as_outcome(error)
            if self._failed is None:
                raise

    async def _end(self, well_formed: bool) -> Outcome:
        if self._failed is not None:
            return self._failed
        if not well_formed:
            await self.discard()
            return bad("message of APPEND expected")
        try:
            placements = await self._deliver()
        except BaseException as error:
            await self.discard()
            failed = _as_outcome(error)
            if failed is None:
                raise
            return failed
        self._session.abandon = None
        uids = format_set(placement.uid for placement in placements)
        code = b"APPENDUID %d %s" % (placements[0].uidvalidity, uids)
        return ok("Range.", code) if self._replaced is None else await tell_replaced(self._session, code)

    async def _deliver(self) -> list[Placement]:
        session, now = self._session, self._session.parts.clock.now()
        messages = [(await draft.seal(), command) for command, draft in self._messages]

        def work(tx: Transaction) -> list[Placement]:
            folder = _checked(session, tx, self._mailbox, sum(message.size_bytes for message, _ in messages))
            if self._replaced is not None:
                take_away(session, tx, self._replaced)
            if folder.mailbox_id != session.mailbox_id:
                added = [message.message_id for message, _ in messages]
                note_in(session, tx, folder.mailbox_id, SharedAct.ADDED, added)
            return [
                session.parts.store.deliver(tx, message, [_delivery(folder, command, command.internal_date or now)])[0]
                for message, command in messages
            ]

        return await session.write(work)


def _delivery(folder: Folder, command: Append, moment: datetime) -> Delivery:
    return Delivery(mailbox_id=folder.mailbox_id, folder=folder.name, flags=command.flags, internal_date=moment)


def _as_outcome(error: BaseException) -> Outcome | None:
    """Return how a failure ends the command, None for what is no failure of the store."""
    if isinstance(error, Refused):
        return error.outcome
    if isinstance(error, TemporaryFailure):
        return UNAVAILABLE
    if isinstance(error, IntegrityError):
        return CORRUPTED
    return _UNREADABLE if isinstance(error, (ProtocolError, PermanentFailure)) else None
