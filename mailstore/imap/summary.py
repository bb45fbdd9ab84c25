"""What searches and orders look at of one message: the fields of its ENVELOPE, decoded when first asked."""

import email.utils
from datetime import date
from functools import lru_cache

from mailstore.imap.protocol.envelope import Envelope, parse_envelope
from mailstore.mime.words import decode_words

FIELDS = frozenset({"SUBJECT", "FROM", "TO", "CC", "BCC"})


class Summary:
    """The ready-made ENVELOPE of a message, its References, and the texts that were read from them."""

    __slots__ = ("_folded", "references", "written")

    def __init__(self, written: bytes, references: bytes) -> None:
        self.written = written
        self.references = references
        self._folded: dict[str, str | None] = {}

    @property
    def envelope(self) -> Envelope:
        """The fields, as sent.

        Raises:
            ProtocolError: it is not an ENVELOPE.
        """
        return parse_envelope(self.written)

    def folded(self, name: str) -> str | None:
        """Return one of FIELDS decoded and without letter case, None when the message has none of that name."""
        try:
            return self._folded[name]
        except KeyError:
            envelope = self.envelope
            for each in FIELDS:
                raw: bytes = getattr(envelope, "from_" if each == "FROM" else each.lower())
                self._folded[each] = decode_words(raw).casefold() if raw else None
            return self._folded[name]

    def may_hold(self, name: str, word: bytes) -> bool:
        """Say whether one of FIELDS may hold a plain lower-case word, without reading the fields for it."""
        if name in self._folded:
            return True
        written = self.written
        return word in written.lower() or b"=?" in written or not written.isascii()

    @property
    def sent_day(self) -> date | None:
        """The day of the Date field as its writer saw it; None when it cannot be read."""
        return _day_of(self.envelope.date)


@lru_cache(maxsize=4_096)
def _day_of(field: bytes) -> date | None:
    parsed = email.utils.parsedate(field.decode("latin-1"))
    try:
        return None if parsed is None else date(*parsed[:3])
    except ValueError:
        return None
