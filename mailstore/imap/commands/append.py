"""APPEND: the literal is streamed into a sealed draft and delivered in one unit of work.

Size and folder are checked before the client is asked for the message. When something fails half-way the rest
of the literal is read and dropped, since the client cannot be stopped, and the answer comes at its end.

Source: RFC 9051 §6.3.12; RFC 4315 §3 (APPENDUID); RFC 7889 (TOOBIG); RFC 3501 §6.3.11.
"""

from collections.abc import Awaitable

from mailstore.imap.outcome import CORRUPTED, UNAVAILABLE, Outcome, Refused, bad, no, ok
from mailstore.imap.protocol.commands import Append
from mailstore.imap.protocol.connection import AppendChunk, AppendEnded, AppendOffered, BareLine
from mailstore.imap.protocol.responses import continuation
from mailstore.imap.session import Reaction, Session
from mailstore.model import Delivery, Placement
from mailstore.store import Draft
from vaguemestre.kernel.database import Transaction
from vaguemestre.kernel.errors import IntegrityError, PermanentFailure, ProtocolError, TemporaryFailure

_EMPTY = no(b"CANNOT", "Le message est vide.")
_UNREADABLE = no(b"CANNOT", "Ce message ne peut etre range : sa structure n'est pas lisible.")


async def append(session: Session, offer: AppendOffered) -> Reaction:
    """Accept or refuse the message that an APPEND announces."""
    refusal = await _refusal(session, offer)
    if refusal is not None:
        session.core.refuse_append()
        return refusal
    receiver = _Receiver(session, offer.command, session.parts.store.draft())
    session.continuation = receiver.receive
    session.abandon = receiver.discard
    session.core.accept_append()
    if offer.synchronising:
        session.send(continuation(b"envoyez le message"))
    return None


async def _refusal(session: Session, offer: AppendOffered) -> Outcome | None:
    if offer.size_bytes == 0:
        return _EMPTY
    if offer.size_bytes > session.parts.settings.message_bytes:
        return no(b"TOOBIG", "Le message depasse la taille admise.")
    try:
        await session.read(lambda tx: _check_folder(session, tx, offer.command.mailbox))
    except Refused as refused:
        return refused.outcome
    except TemporaryFailure:
        return UNAVAILABLE
    return None


def _check_folder(session: Session, tx: Transaction, name: str) -> None:
    if session.parts.store.folder(tx, session.mailbox_id, name) is None:
        raise Refused(b"TRYCREATE", "Ce dossier n'existe pas.")


class _Receiver:
    """Takes the pieces of one message."""

    def __init__(self, session: Session, command: Append, draft: Draft) -> None:
        self._session = session
        self._command = command
        self._draft = draft
        self._failed: Outcome | None = None

    def receive(self, event: AppendChunk | AppendEnded | BareLine) -> Reaction | Awaitable[Reaction]:
        """Take one event of the message."""
        if isinstance(event, AppendChunk):
            return self._write(event.data) if self._failed is None else None
        assert isinstance(event, AppendEnded)
        return self._end(event.well_formed)

    async def discard(self) -> None:
        """Give the message up."""
        self._session.abandon = None
        await self._draft.discard()

    async def _write(self, data: bytes) -> None:
        try:
            await self._draft.write(data)
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
            return bad("one message per APPEND")
        try:
            placement = await self._deliver()
        except BaseException as error:
            await self.discard()
            failed = _as_outcome(error)
            if failed is None:
                raise
            return failed
        self._session.abandon = None
        return ok("Range.", b"APPENDUID %d %d" % (placement.uidvalidity, placement.uid))

    async def _deliver(self) -> Placement:
        session, command = self._session, self._command
        message = await self._draft.seal()
        delivery = Delivery(
            mailbox_id=session.mailbox_id,
            folder=command.mailbox,
            flags=command.flags,
            internal_date=command.internal_date or session.parts.clock.now(),
        )

        def work(tx: Transaction) -> Placement:
            _check_folder(session, tx, command.mailbox)
            return session.parts.store.deliver(tx, message, [delivery])[0]

        return await session.write(work)


def _as_outcome(error: BaseException) -> Outcome | None:
    """Return how a failure ends the command, None for what is no failure of the store."""
    if isinstance(error, Refused):
        return error.outcome
    if isinstance(error, TemporaryFailure):
        return UNAVAILABLE
    if isinstance(error, IntegrityError):
        return CORRUPTED
    return _UNREADABLE if isinstance(error, (ProtocolError, PermanentFailure)) else None
