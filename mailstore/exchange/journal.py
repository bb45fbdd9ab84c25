"""What came in already, kept in the transaction that brings it in: an import that was cut short goes on where it was.

The table `imported_message` holds digests alone, keyed by the instance: who reads it learns neither names nor which
messages a mailbox holds. It goes with the mailbox.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import bindparam, delete, select, update

from mailstore.exchange.model import Reference
from mailstore.tables import imported
from vaguemestre.kernel.database import Transaction

KEY_LABEL = "mailstore/imported/v1"
_DIGEST_BYTES = 16
_of_origin = (imported.c.mailbox_id == bindparam("owner"), imported.c.origin == bindparam("of_origin"))
_known = select(imported.c.mark).where(*_of_origin, imported.c.mark.in_(bindparam("marks", expanding=True)))
_stale = select(imported.c.content, imported.c.mark).where(
    *_of_origin, imported.c.validity.is_not(None), imported.c.validity != bindparam("now_valid")
)
_move = (
    update(imported)
    .where(*_of_origin, imported.c.mark == bindparam("old_mark"))
    .values(mark=bindparam("new_mark"), validity=bindparam("new_validity"))
)
_forget = delete(imported).where(*_of_origin)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What is remembered of one message."""

    origin: bytes
    mark: bytes
    validity: int | None = None
    content: bytes | None = None


class Journal:
    """What came into one mailbox from one source."""

    def __init__(self, mailbox_id: str, identity: str, secret: bytes) -> None:
        """Keep the journal of the source IDENTITY; SECRET keys the digests (`KEY_LABEL`)."""
        self._mailbox_id = mailbox_id
        self._identity = identity.encode("utf-8", "surrogateescape")
        self._secret = secret

    def line(self, reference: Reference, content: bytes | None = None) -> Line:
        """Return what is to be remembered of a message; CONTENT is the digest of its bytes."""
        return Line(
            origin=self.origin(reference),
            mark=self._digest(b"mark", reference.key),
            validity=reference.validity,
            content=content,
        )

    def origin(self, reference: Reference) -> bytes:
        """Return the digest of where a message lies and where it goes."""
        place = f"{reference.origin}\0{reference.folder}".encode("utf-8", "surrogateescape")
        return self._digest(b"origin", self._identity + b"\0" + place)

    def content_digest(self) -> "hashlib.blake2b":
        """Begin the digest of the bytes of a message."""
        return hashlib.blake2b(key=self._secret, digest_size=_DIGEST_BYTES, person=b"content")

    def known(self, tx: Transaction, lines: Sequence[Line]) -> set[bytes]:
        """Return the marks, among those of LINES, of messages that came in before."""
        found: set[bytes] = set()
        for origin in {each.origin for each in lines}:
            marks = [each.mark for each in lines if each.origin == origin]
            found.update(tx.execute(_known, {"owner": self._mailbox_id, "of_origin": origin, "marks": marks}).scalars())
        return found

    def stale(self, tx: Transaction, origin: bytes, validity: int) -> dict[bytes, list[bytes]]:
        """Return the marks that hold for another UIDVALIDITY of an origin, by the content of their messages."""
        names = {"owner": self._mailbox_id, "of_origin": origin, "now_valid": validity}
        found: dict[bytes, list[bytes]] = defaultdict(list)
        for row in tx.execute(_stale, names):
            found[row.content].append(row.mark)
        return found

    def add(self, tx: Transaction, line: Line) -> None:
        """Remember a message that comes in."""
        tx.add(
            imported,
            {
                "mailbox_id": self._mailbox_id,
                "origin": line.origin,
                "mark": line.mark,
                "validity": line.validity,
                "content": line.content,
            },
        )

    def renumber(self, tx: Transaction, moves: Iterable[tuple[bytes, Line]]) -> None:
        """Give messages that came in before (their old marks) the marks that they have now."""
        for old_mark, line in moves:
            names = {"owner": self._mailbox_id, "of_origin": line.origin, "old_mark": old_mark}
            tx.execute(_move, {**names, "new_mark": line.mark, "new_validity": line.validity})

    def forget(self, tx: Transaction, origin: bytes) -> None:
        """Forget what came from an origin, so that it comes again."""
        tx.execute(_forget, {"owner": self._mailbox_id, "of_origin": origin})

    def _digest(self, use: bytes, data: bytes) -> bytes:
        return hashlib.blake2b(data, key=self._secret, digest_size=_DIGEST_BYTES, person=use).digest()
