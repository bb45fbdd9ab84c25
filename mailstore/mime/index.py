"""What the MIME indexer says about a message: ready-made IMAP strings and where each part lies.

Offsets count octets from the first octet of the message as stored, header included. A section is named as in
RFC 3501 §6.4.5, with one addition: the multipart that is the body of a message has the section TEXT (2.TEXT in
the message/rfc822 of section 2), so that every entity has a name.
"""

import msgspec


class Part(msgspec.Struct, frozen=True, array_like=True, gc=False, kw_only=True):
    """One entity of a message.

    Its header is [header_start, body_start), blank line included; its body is [body_start, body_end), without the
    line break that belongs to the delimiter after it.
    """

    section: str
    media_type: str
    """Type and subtype in lower case, `text/plain` when absent or malformed (RFC 2045 §5.2)."""
    parameters: dict[str, str]
    """Of Content-Type: names in lower case, values decoded (RFC 2231)."""
    encoding: str
    """Content-Transfer-Encoding in lower case, `7bit` when absent."""
    disposition: str | None
    """`attachment`, `inline`… in lower case."""
    filename: str | None
    """Decoded (RFC 2231, RFC 2047); as sent, hence never a path to trust."""
    content_id: str | None
    header_start: int
    body_start: int
    body_end: int
    lines: int
    """Line breaks in the body of a text or of a message, 0 of anything else."""

    @property
    def size_bytes(self) -> int:
        """Octets of the body, still encoded."""
        return self.body_end - self.body_start

    @property
    def is_multipart(self) -> bool:
        """Whether the body is made of further parts."""
        return self.media_type.startswith("multipart/")


class MessageIndex(msgspec.Struct, frozen=True, array_like=True, gc=False, kw_only=True):
    """All that a list reply needs, and the way to each part."""

    envelope: bytes
    """RFC 3501 §7.4.2 ENVELOPE, parentheses included; may hold literals."""
    body: bytes
    """BODY: the structure without extension data."""
    bodystructure: bytes
    references: bytes = b""
    """The References field, unfolded; its end when it is very long."""
    header_bytes: int
    """Length of the message header, blank line included."""
    size_bytes: int
    parts: tuple[Part, ...]
    """In the order of their headers; the first is the message's own root."""

    def part(self, section: str) -> Part | None:
        """Return the part of that section, such as `1.2` or `TEXT`; None when the message has none."""
        return next((part for part in self.parts if part.section == section), None)

    def span(self, section: str) -> tuple[int, int] | None:
        """Return where BODY[section] begins and ends, None when there is no such section.

        Args:
            section: ``, `HEADER`, `TEXT`, `1`, `1.MIME`, `2.HEADER`, `2.TEXT`… in upper case.
        """
        if section in ("", "HEADER", "TEXT"):
            start = self.header_bytes if section == "TEXT" else 0
            return start, (self.header_bytes if section == "HEADER" else self.size_bytes)
        prefix, _, last = section.rpartition(".")
        if last == "MIME":
            part = self.part(prefix)
            return None if part is None else (part.header_start, part.body_start)
        if last in ("HEADER", "TEXT"):
            return self._embedded_span(prefix, last)
        part = self.part(section)
        return None if part is None else (part.body_start, part.body_end)

    def _embedded_span(self, section: str, last: str) -> tuple[int, int] | None:
        """Return where the header or the text of the message/rfc822 of SECTION lies."""
        root = self.part(f"{section}.TEXT") or self.part(f"{section}.1")
        holder = self.part(section)
        if root is None or holder is None or holder.is_multipart:
            return None
        return (root.header_start, root.body_start) if last == "HEADER" else (root.body_start, root.body_end)
