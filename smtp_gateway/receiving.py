"""How content comes in: DATA (RFC 5321 §4.1.1.4) and BDAT (RFC 3030), on a connection of `connection.py`.

One message comes by one of the two. A chunk is read to its last byte even when it is refused, since its bytes must
never be taken for commands; a BDAT line that cannot be read ends the connection for the same reason. Whoever sends
several times what a message may hold is cut off.
"""

from smtp_gateway import replies
from smtp_gateway.commands import parse_chunk
from smtp_gateway.connection import SmtpConnection
from smtp_gateway.data_stream import ChunkDecoder, DataDecoder, Fault
from smtp_gateway.replies import Refusal, refuse
from smtp_gateway.session import Intake
from vaguemestre.kernel.errors import StorageFull, TemporaryFailure

OVERRUN = 4  # sizes of the largest message, read so that the sender hears why, before the connection is closed
FAULTS = {
    Fault.BARE_LINE_END: Refusal.BARE_LINE_END,
    Fault.NUL: Refusal.NUL,
    Fault.TOO_LARGE: Refusal.TOO_LARGE,
    Fault.LINE_TOO_LONG: Refusal.LINE_TOO_LONG,
}


class MessageReceiver(SmtpConnection):
    """The commands that carry content."""

    async def smtp_data(self, arg: str) -> None:
        """Take the content and accept the message."""
        refusal = Refusal.SYNTAX if arg else self._not_receivable()
        if refusal is None and self._mail.chunks is not None:
            refusal = Refusal.SEQUENCE
        if refusal is not None:
            self._reply(refuse(refusal))
            return
        self._replies.append(replies.START_DATA.line)
        decoder = DataDecoder(self._settings.max_message_bytes, self._settings.max_line_bytes)
        await self._take(decoder, last=True)

    async def smtp_bdat(self, arg: str) -> None:
        """Take one chunk; the last one ends the message, which is accepted."""
        size_bytes, last = parse_chunk(arg)
        refusal = self._not_receivable() if self._peer.tls else Refusal.TLS_REQUIRED
        decoder = self._mail.chunks
        if decoder is None:
            decoder = ChunkDecoder(self._settings.max_message_bytes, self._settings.max_line_bytes)
        decoder.begin(size_bytes, last=last)
        if refusal is not None:
            await self._pump(decoder, None)
            self._reply(refuse(refusal))
            return
        self._mail.chunks = decoder
        await self._take(decoder, last=last)

    def _not_receivable(self) -> Refusal | None:
        mail = self._mail
        if mail.sender is None:
            return Refusal.SEQUENCE
        if not mail.recipients and not mail.queued:
            return Refusal.NO_RECIPIENT if mail.refused else Refusal.SEQUENCE
        return None

    async def _take(self, decoder: DataDecoder | ChunkDecoder, *, last: bool) -> None:
        """Take what DECODER finds; with the LAST of it the message is decided, refused content ends it at once."""
        mail = self._mail
        if mail.intake is None:
            mail.intake = self._steps.receive(self._peer, mail)
        self._receiving = True
        try:
            refusal = await self._pump(decoder, mail.intake)
            if refusal is not None:
                reply = refuse(refusal)
            elif last:
                intake, mail.intake = mail.intake, None
                reply = await intake.finish()
            else:
                self._reply(replies.CHUNK_TAKEN)
                return
        finally:
            self._receiving = False
        await self._forget()
        if reply.accepted:
            self._peer.errors = 0
        self._reply(reply)

    async def _pump(self, decoder: DataDecoder | ChunkDecoder, intake: Intake | None) -> Refusal | None:
        """Move content from the wire to the intake, to its end, whatever goes wrong on the way."""
        refusal: Refusal | None = None
        started, taken = self.loop.time(), 0
        while not decoder.done:
            if not self._pending and not await self._fill():
                self._ending = True
                return Refusal.TOO_SLOW
            data, self._pending = self._pending, b""
            taken += len(data)
            content = decoder.feed(data)
            self._pending = decoder.rest
            if taken > OVERRUN * self._settings.max_message_bytes and not decoder.done:
                self._ending = True
                return Refusal.TOO_LARGE
            if content and intake is not None and refusal is None:
                refusal = await _write(intake, content)
            allowed_s = self._settings.command_timeout_s + taken / self._settings.data_floor_bytes_s
            if self.loop.time() - started > allowed_s:
                return Refusal.TOO_SLOW
        return FAULTS[decoder.fault] if decoder.fault is not None else refusal


async def _write(intake: Intake, content: bytes) -> Refusal | None:
    try:
        await intake.write(content)
    except StorageFull:
        return Refusal.STORAGE
    except TemporaryFailure:
        return Refusal.TEMPORARY
    return None
