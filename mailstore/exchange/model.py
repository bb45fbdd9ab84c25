"""The words of an import: references, what they open to, what went wrong, the report. Values only.

A source names its messages first (`Reference`), cheaply, and opens only those that did not come in before (`Found`).
"""

from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

GROUP_MESSAGES = 200
"""Messages of one unit of work."""
GROUP_BYTES = 8 * 1024 * 1024
"""Octets after which a unit of work is ended, whatever the number of its messages."""
PIECE_BYTES = 256 * 1024
PROBLEMS_TOLD = 1_000


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Reference:
    """A message of a source, not read yet."""

    folder: str
    """Where it goes, by its name here."""
    origin: str
    """Where it lies: file or folder of the source, by its name there."""
    key: bytes
    """What tells it from every other message of its origin, at any time."""
    place: str
    """Where the operator finds it: file and offset, file name, folder and UID."""
    handle: Any
    """What the source needs to open it."""
    weight: int = 1
    """Its part of the source's `total`."""
    validity: int | None = None
    """UIDVALIDITY that its key holds for; None when keys hold for ever."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Found:
    """A message that was opened; its pieces are read before the next one is asked for."""

    reference: Reference
    flags: frozenset[str]
    internal_date: datetime
    pieces: AsyncIterator[bytes]


@dataclass(frozen=True, slots=True)
class Problem:
    """A message, or a stretch of a source, that did not come in or go out, and why."""

    place: str
    why: str


class Source(Protocol):
    """Where messages come from."""

    @property
    def identity(self) -> str:
        """What tells this source from every other one, from one run to the next."""
        ...

    @property
    def total(self) -> int:
        """The weight of all its messages, as far as it is known."""
        ...

    def folders(self) -> Sequence[str]:
        """Return the folders it has, by their names here, as far as it knows them before it is read."""
        ...

    def groups(self) -> "AsyncIterator[Sequence[Reference | Problem]]":
        """Name its messages, group by group, each group in one folder."""
        ...

    def open(self, references: Sequence[Reference]) -> "AsyncIterator[Found | Problem]":
        """Open messages of the group named last."""
        ...


@dataclass(slots=True, kw_only=True)
class Report:
    """What an import or an export did."""

    done: int = 0
    """Messages that came in, or went out, in this run."""
    known: int = 0
    """Messages that an earlier run had done."""
    size_bytes: int = 0
    failed: int = 0
    folders: Counter[str] = field(default_factory=Counter)
    """Messages of this run, by folder."""
    problems: list[Problem] = field(default_factory=list)
    """The first of those that failed."""

    def fail(self, problem: Problem) -> None:
        """Count what went wrong and keep it, as long as the list is of use."""
        self.failed += 1
        if len(self.problems) < PROBLEMS_TOLD:
            self.problems.append(problem)


async def as_pieces(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Yield what a plain iterator yields."""
    for piece in pieces:
        yield piece
