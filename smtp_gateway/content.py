"""The content of a message before it is accepted: X-MSS fields, files, archives, antivirus.

The message is sealed already, in segments; it is read back piece by piece, and archives one at a time, so that memory
stays bounded whatever arrives. A message that carries no file costs a look at its header, no more. The rules are in
`rules/`, one file each; HTML is left as it is.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection
from dataclasses import dataclass

from mailstore.mime.decoding import decode_transfer
from mailstore.store import Draft, MessageReader, Part
from smtp_gateway.arrival import Refused
from smtp_gateway.clamd import Clamd
from smtp_gateway.config import AntivirusSettings, ContentSettings
from smtp_gateway.header import HeaderBlock
from smtp_gateway.replies import Refusal
from smtp_gateway.rules import x_mss
from smtp_gateway.rules.archives import ANY, ArchiveLimits, check_archive
from smtp_gateway.rules.file_contents import HEAD_BYTES, Family, family_of, matches_name
from smtp_gateway.rules.file_names import check_name, extension_of
from vaguemestre.kernel.errors import TemporaryFailure
from vaguemestre.kernel.log import get_logger

PLAIN = frozenset({"text/plain", "text/html"})
PIECE_BYTES = 262_144
READ_CLAIMS = Callable[[bytes], x_mss.Claims]
PATIENT_FAMILIES = frozenset({Family.PDF, Family.IMAGE, Family.RTF, Family.OLE, Family.TEXT})
log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Sending:
    """Who sends, as far as the rules differ: a patient may send less; our own fields are corrected."""

    patient: bool
    submitted: bool


class ContentRules:
    """Checks contents; one per process.

    Args:
        clamd: None when nothing is scanned.
        read_claims: reads the documents of an IHE_XDM archive, as the record does.
    """

    def __init__(
        self,
        content: ContentSettings,
        antivirus: AntivirusSettings,
        *,
        clamd: Clamd | None = None,
        read_claims: READ_CLAIMS | None = None,
    ) -> None:
        self._content = content
        self._antivirus = antivirus
        self._clamd = clamd
        self._read_claims = read_claims
        self._archives = asyncio.Semaphore(content.simultaneous_archives)
        self._scans = asyncio.Semaphore(antivirus.simultaneous)
        self._limits = ArchiveLimits(
            entries=content.archive_entries,
            total_bytes=content.archive_total_bytes,
            nested_bytes=content.archive_nested_bytes,
            depth=content.archive_depth,
            ratio=content.archive_ratio,
            encrypted=content.encrypted_archives == "allow",
            macros=content.macros == "allow",
        )

    async def check(self, draft: Draft, header: HeaderBlock, sending: Sending) -> HeaderBlock:
        """Check a message that is written whole; returns its header, X-MSS fields put right.

        Raises:
            Refused: a rule says no.
            TemporaryFailure: clamd or the blobs are away; the sender tries again.
        """
        files = [part for part in draft.parts() if is_file(part)] if may_carry_files(header) else []
        scanned = self._clamd is not None and (bool(files) or self._antivirus.scope == "all")
        claims = x_mss.Claims()
        if files or scanned:
            reader = await draft.read_back()
            claims = await self._check_files(reader, files, sending)
            if scanned:
                await self._scan(reader)
        return self._check_claims(header, claims, sending) if x_mss.has_claims(header) else header

    async def _check_files(self, reader: MessageReader, files: Collection[Part], sending: Sending) -> x_mss.Claims:
        claims = x_mss.Claims()
        for part in files:
            if reader.is_brief:
                refusal, family = self._check_file(reader, part, sending)
            else:
                refusal, family = await asyncio.to_thread(self._check_file, reader, part, sending)
            if refusal is None and family is Family.ZIP:
                refusal, found = await self._look_into(reader, part)
                claims = claims.joined(found) if found is not None else claims
            if refusal is not None:
                raise Refused(refusal)
        return claims

    def _check_file(self, reader: MessageReader, part: Part, sending: Sending) -> tuple[Refusal | None, Family]:
        """Check the name and the first bytes of a file."""
        family = family_of(head_of(reader, part))
        allowed = self._content.patient_extensions if sending.patient else self._content.professional_extensions
        name = part.filename or ""
        extension = extension_of(name)
        refusal = check_name(name, allowed if extension else ANY)
        if refusal is not None:
            return refusal, family
        if extension:
            good = matches_name(extension, family)
        else:  # nothing but the content says what it is
            good = family in PATIENT_FAMILIES if sending.patient else family not in (Family.EXECUTABLE, Family.SEALED)
        return (None if good else Refusal.FILE_CONTENT), family

    async def _look_into(self, reader: MessageReader, part: Part) -> tuple[Refusal | None, x_mss.Claims | None]:
        async with self._archives:
            return await asyncio.to_thread(self._read_archive, reader, part)

    def _read_archive(self, reader: MessageReader, part: Part) -> tuple[Refusal | None, x_mss.Claims | None]:
        data = decode_transfer(reader.read(part.body_start, part.size_bytes), part.encoding)
        refusal = check_archive(data, self._limits)
        is_xdm = (part.filename or "").lower().endswith(x_mss.XDM_NAME)
        if refusal is not None or not is_xdm:
            return refusal, None
        return None, self._read_claims(data) if self._read_claims is not None else x_mss.Claims(known=False)

    async def _scan(self, reader: MessageReader) -> None:
        assert self._clamd is not None
        try:
            async with self._scans:
                verdict = await self._clamd.scan(_pieces(reader))
        except TemporaryFailure as failure:
            log.warning("antivirus_down", error=failure)
            if self._antivirus.when_down == "accept":
                return
            raise Refused(Refusal.ANTIVIRUS_DOWN) from None
        if not verdict.clean:
            log.warning("virus_found", size_bytes=reader.size_bytes)
            raise Refused(Refusal.VIRUS)

    def _check_claims(self, header: HeaderBlock, claims: x_mss.Claims, sending: Sending) -> HeaderBlock:
        policy = self._content.x_mss_submitted if sending.submitted else self._content.x_mss_received
        wrong = x_mss.wrong_fields(header, claims) if policy != "keep" else ()
        if not wrong:
            return header
        log.info("x_mss_wrong", count=len(wrong))
        if policy == "refuse":
            raise Refused(Refusal.X_MSS)
        right = x_mss.right_fields(header, wrong, claims) if policy == "correct" else []
        return header.without(lambda field: field in wrong).with_fields(right)


def may_carry_files(header: HeaderBlock) -> bool:
    """Tell from its header whether a message can hold anything but one text."""
    kind, disposition = header.text(b"content-type"), header.text(b"content-disposition")
    if disposition is not None:
        return True
    return kind is not None and (kind.partition(";")[0].strip().lower() not in PLAIN or "name" in kind.lower())


def is_file(part: Part) -> bool:
    """Tell whether a part is a file rather than the text of a message or what holds other parts."""
    if part.is_multipart or part.media_type == "message/rfc822":
        return False
    return part.disposition == "attachment" or part.filename is not None or part.media_type not in PLAIN


def head_of(reader: MessageReader, part: Part) -> bytes:
    """Return the first bytes of a file, its transfer encoding undone."""
    raw = reader.read(part.body_start, min(part.size_bytes, 2 * HEAD_BYTES))
    return decode_transfer(raw, part.encoding)[:HEAD_BYTES]


async def _pieces(reader: MessageReader) -> AsyncIterator[bytes]:
    """Yield the message piece by piece, each opened in a thread."""
    for start in range(0, reader.size_bytes, PIECE_BYTES):
        yield await asyncio.to_thread(reader.read, start, PIECE_BYTES)
