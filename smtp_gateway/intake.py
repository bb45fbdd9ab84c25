"""The content of one message, from the wire to the store's draft: header kept for the rules, body hashed for DKIM.

The bytes go to the encrypting draft chunk by chunk; what the role decides at the end is `conclude`. A draft that
was not accepted is discarded, except when the catalogue failed under the commit: whether it was kept is not known
then, and an unreferenced blob is collected later.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from mailstore.store import Draft
from smtp_gateway.arrival import Refused
from smtp_gateway.config import SmtpSettings
from smtp_gateway.dkim import DkimCheck
from smtp_gateway.header import HeaderBlock
from smtp_gateway.replies import REPLIES, Refusal, Reply, accepted, defer, refuse
from smtp_gateway.session import MailEnvelope
from vaguemestre.kernel.errors import TemporaryFailure
from vaguemestre.kernel.log import get_logger

log = get_logger(__name__)

HEADER_END = b"\r\n\r\n"
Conclude = Callable[["MessageIntake", HeaderBlock], Awaitable[str]]
"""Decides on the whole message and accepts it; returns the id of the stored message."""


@dataclass(frozen=True, slots=True)
class HeaderLimits:
    """What a header may be; ASCII: nothing else, since SMTPUTF8 was not declared (RFC 6532)."""

    max_bytes: int
    ascii: bool


def header_limits(settings: SmtpSettings, envelope: MailEnvelope) -> HeaderLimits:
    """Return what the header of the message under way may be."""
    return HeaderLimits(settings.max_header_bytes, settings.ascii_headers and not envelope.smtp_utf8)


class MessageIntake:
    """One message being received."""

    __slots__ = ("_conclude", "_head", "_limits", "_max_signatures", "dkim", "draft", "header", "refusal")

    def __init__(self, draft: Draft, conclude: Conclude, *, limits: HeaderLimits, max_signatures: int = 0) -> None:
        self.draft = draft
        self.header: HeaderBlock | None = None
        self.dkim: DkimCheck | None = None
        self.refusal: Refusal | None = None
        self._conclude = conclude
        self._limits = limits
        self._max_signatures = max_signatures
        self._head = bytearray()

    async def write(self, chunk: bytes) -> None:
        """Take the next bytes.

        Raises:
            TemporaryFailure: they cannot be kept.
        """
        if self.refusal is not None:
            return
        if self.header is None:
            self._read_header(chunk)
        elif self.dkim is not None:
            self.dkim.update(chunk)
        await self.draft.write(chunk)

    def _read_header(self, chunk: bytes) -> None:
        searched = max(0, len(self._head) - 3)
        self._head += chunk
        end = 0 if self._head[:2] == b"\r\n" else self._head.find(HEADER_END, searched) + 2
        if end >= 2 or self._head[:2] == b"\r\n":
            self._begin_body(bytes(self._head[:end]), bytes(self._head[end + 2 :]))
        elif len(self._head) > self._limits.max_bytes:
            self.refusal = Refusal.HEADER_TOO_LARGE

    def _begin_body(self, header: bytes, body: bytes) -> None:
        self._head.clear()
        if len(header) > self._limits.max_bytes:
            self.refusal = Refusal.HEADER_TOO_LARGE
            return
        if self._limits.ascii and not header.isascii():
            self.refusal = Refusal.HEADER_NOT_ASCII
            return
        self.header = HeaderBlock.parse(header)
        if self._max_signatures:
            self.dkim = DkimCheck(self.header, max_signatures=self._max_signatures)
            self.dkim.update(body)

    async def finish(self) -> Reply:
        """Decide and accept; the reply says which."""
        if self.header is None and self.refusal is None:
            self._begin_body(bytes(self._head), b"")  # a message without body may lack the empty line
        if self.refusal is not None or self.header is None:
            await self.draft.discard()
            return refuse(self.refusal or Refusal.HEADER_TOO_LARGE)
        try:
            return accepted(await self._conclude(self, self.header))
        except Refused as refused:
            await self.draft.discard()
            return REPLIES[refused.reason.value]
        except TemporaryFailure as failure:
            log.warning("message_deferred", error=failure)
            return defer(failure)

    async def discard(self) -> None:
        """Forget what was written."""
        await self.draft.discard()
