"""The two canonical forms of a body (RFC 6376 §3.4.3, §3.4.4), hashed while the body streams by.

The relaxed form differs from the bytes only where a blank is doubled, is a tab or ends a line; a regular
expression runs only between the first and the last blank of a chunk, and only when one of these occurs.
"""

import hashlib
import re

BLANKS = (b" ", b"\t")
TRAILING_BLANKS = re.compile(rb"[ \t]+(?=\r\n)")
BLANK_RUN = re.compile(rb"[ \t]{2,}|\t")


class BodyHash:
    """SHA-256 of a body in one canonical form, of its first LENGTH bytes in that form when one is given (l=)."""

    __slots__ = ("_blanks", "_empty", "_hash", "_length", "_line_ends", "_relaxed", "size_bytes")

    def __init__(self, *, relaxed: bool, length: int | None = None) -> None:
        self._hash = hashlib.sha256()
        self._relaxed = relaxed
        self._length = length
        self.size_bytes = 0
        """Of the canonical form, once `digest` was called."""
        self._blanks = b""  # blanks at the end of the last chunk: what follows decides what becomes of them
        self._line_ends = 0  # CRLFs that count only if something follows
        self._empty = True

    def update(self, chunk: bytes) -> None:
        """Take the next bytes; a CRLF is never cut between two chunks."""
        if self._relaxed:
            chunk = self._relax(chunk)
        text = chunk.rstrip(b"\r\n")
        if text:
            if self._line_ends:
                self._add(b"\r\n" * self._line_ends)
                self._line_ends = 0
            self._add(text)
            self._empty = False
        self._line_ends += (len(chunk) - len(text)) // 2

    def digest(self) -> bytes:
        """Return the hash; empty lines at the end are dropped and one CRLF ends the text."""
        if not self._empty or not self._relaxed:
            self._add(b"\r\n")
        return self._hash.digest()

    def _add(self, canonical: bytes) -> None:
        if self._length is None:
            self._hash.update(canonical)
        elif self.size_bytes < self._length:
            self._hash.update(canonical[: self._length - self.size_bytes])
        self.size_bytes += len(canonical)

    def _relax(self, chunk: bytes) -> bytes:
        if self._blanks:
            chunk, self._blanks = self._blanks + chunk, b""
        if chunk[-1:] in (b" ", b"\t"):
            kept = chunk.rstrip(b" \t")
            chunk, self._blanks = kept, chunk[len(kept) :]
        places = [place for blank in BLANKS if (place := chunk.find(blank)) >= 0]
        if not places:
            return chunk
        first, last = min(places), max(chunk.rfind(blank) for blank in BLANKS) + 3  # with the line end behind it
        return chunk[:first] + _relaxed(chunk[first:last]) + chunk[last:]


def _relaxed(text: bytes) -> bytes:
    tab = b"\t" in text
    if tab or b" \r\n" in text:
        text = TRAILING_BLANKS.sub(b"", text)
    if tab or b"  " in text:
        text = BLANK_RUN.sub(b" ", text)
    return text
