"""Sets of message numbers: `1:5,7,9:*`.

A set keeps the ranges as the client wrote them; `*` is None until a mailbox says what its last number is.

Source: RFC 9051 §9, sequence-set.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from vaguemestre.kernel.errors import ProtocolError

# sequence-set = (seq-number / seq-range) ["," sequence-set]; seq-number = nz-number / "*"
_SET = re.compile(rb"(?:[1-9]\d{0,9}|\*)(?::(?:[1-9]\d{0,9}|\*))?(?:,(?:[1-9]\d{0,9}|\*)(?::(?:[1-9]\d{0,9}|\*))?)*\Z")
HIGHEST = 0xFFFF_FFFF


@dataclass(frozen=True, slots=True)
class SequenceSet:
    """Ranges of sequence numbers or UIDs, both ends included; None is `*`. No range at all: `$`, the kept result."""

    ranges: tuple[tuple[int | None, int | None], ...]

    @classmethod
    def parse(cls, raw: bytes) -> "SequenceSet":
        """Read `1:5,7,9:*`.

        Raises:
            ProtocolError: not a set, or a number that does not fit 32 bits.
        """
        if raw == b"$":
            return cls(())
        if not _SET.match(raw):
            raise ProtocolError("sequence set")
        return cls(tuple(_range(part) for part in raw.split(b",")))

    @property
    def is_saved_result(self) -> bool:
        """Whether it is `$`, the result that the last SEARCH kept (RFC 5182)."""
        return not self.ranges

    @property
    def open_ended(self) -> bool:
        """Whether `*` is in the set."""
        return any(None in pair for pair in self.ranges)

    def resolve(self, last: int) -> list[tuple[int, int]]:
        """Return the ranges with `*` read as LAST: ascending, disjoint, both ends included."""
        ordered = sorted(_ordered(last if a is None else a, last if b is None else b) for a, b in self.ranges)
        merged: list[tuple[int, int]] = []
        for low, high in ordered:
            if merged and low <= merged[-1][1] + 1:
                merged[-1] = (merged[-1][0], max(high, merged[-1][1]))
            else:
                merged.append((low, high))
        return merged


@dataclass(frozen=True, slots=True)
class Target:
    """The messages that a command is about: sequence numbers, or UIDs when `uid`."""

    numbers: SequenceSet
    uid: bool


def format_set(numbers: Iterable[int]) -> bytes:
    """Write numbers as a set, runs in ascending order joined: 1, 2, 3, 7 gives b"1:3,7"; order is kept."""
    return b",".join(b"%d" % low if low == high else b"%d:%d" % (low, high) for low, high in _runs(numbers))


def _runs(numbers: Iterable[int]) -> Iterator[tuple[int, int]]:
    low = high = 0
    for number in numbers:
        if low and number == high + 1:
            high = number
            continue
        if low:
            yield low, high
        low = high = number
    if low:
        yield low, high


def _range(part: bytes) -> tuple[int | None, int | None]:
    first, colon, second = part.partition(b":")
    low = _number(first)
    return low, _number(second) if colon else low


def _number(raw: bytes) -> int | None:
    if raw == b"*":
        return None
    number = int(raw)
    if number > HIGHEST:
        raise ProtocolError("sequence set: number above 32 bits")
    return number


def _ordered(a: int, b: int) -> tuple[int, int]:
    return (a, b) if a <= b else (b, a)
