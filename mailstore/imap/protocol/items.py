"""What FETCH may ask of a message, as values.

Source: RFC 9051 §6.4.5, RFC 3501 §6.4.5; RFC 3516 (BINARY), RFC 7162 (MODSEQ), RFC 8474 (EMAILID), RFC 8514 (SAVEDATE),
RFC 8970 (PREVIEW).
"""

from dataclasses import dataclass
from enum import StrEnum


class Attribute(StrEnum):
    """What FETCH gives without opening the message."""

    FLAGS = "FLAGS"
    UID = "UID"
    INTERNALDATE = "INTERNALDATE"
    SIZE = "RFC822.SIZE"
    ENVELOPE = "ENVELOPE"
    BODY = "BODY"
    BODYSTRUCTURE = "BODYSTRUCTURE"
    MODSEQ = "MODSEQ"
    EMAILID = "EMAILID"
    THREADID = "THREADID"
    SAVEDATE = "SAVEDATE"


class SectionText(StrEnum):
    """The last word of a body section; ALL when there is none."""

    ALL = ""
    HEADER = "HEADER"
    TEXT = "TEXT"
    MIME = "MIME"
    FIELDS = "HEADER.FIELDS"
    FIELDS_NOT = "HEADER.FIELDS.NOT"


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A piece of a message: BODY[1.2.HEADER]<0.2048>, and RFC822 and its kin.

    `part` is the path of part numbers; `partial` the first octet and the count; `label` what the answer repeats.
    """

    part: tuple[int, ...] = ()
    text: SectionText = SectionText.ALL
    fields: tuple[bytes, ...] = ()
    partial: tuple[int, int] | None = None
    sets_seen: bool
    label: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class BinarySection:
    """BINARY[1.2]<0.2048>, BINARY.SIZE[1.2] when `size_only` (RFC 3516)."""

    part: tuple[int, ...]
    partial: tuple[int, int] | None = None
    size_only: bool = False
    sets_seen: bool
    label: bytes


@dataclass(frozen=True, slots=True)
class Preview:
    """PREVIEW (RFC 8970)."""

    lazy: bool

    @property
    def sets_seen(self) -> bool:
        """Never: it is for lists."""
        return False


Content = Section | BinarySection | Preview
"""What FETCH must open the message for."""
