"""Values of search parameters: tokens, dates, strings, and what they match. Pure.

Source: https://hl7.org/fhir/R4/search.html#token, #date, #string
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from dmp_bridge.fhir.codes import scheme_of
from dmp_bridge.fhir.dates import dtm_of
from dmp_bridge.xds.metadata import Code

_COMMA = re.compile(r"(?<!\\),")
_BAR = re.compile(r"(?<!\\)\|")
_PREFIXED = re.compile(r"(eq|ne|gt|lt|ge|le|sa|eb|ap)?([0-9].*)", re.ASCII | re.DOTALL)
_CLOCK = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d)(:\d\d(?:\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)?", re.ASCII)
_MINUTE_DIGITS = 12
_FIRST, _LAST = "0" * 14, "9" * 14


def alternatives(value: str) -> list[str]:
    """Split a value at its commas: one of the parts must match."""
    return [each for each in _COMMA.split(value) if each]


def token(value: str) -> tuple[str | None, str]:
    """Return system and code; the system is None when the value has none, empty when it asks for none."""
    parts = [
        each.replace("\\|", "|").replace("\\,", ",").replace("\\\\", "\\") for each in _BAR.split(value, maxsplit=1)
    ]
    return (parts[0], parts[1]) if len(parts) > 1 else (None, parts[0])


def has_code(value: str, codes: Iterable[Code | None]) -> bool:
    """Tell whether a token designates one of these codes."""
    system, code = token(value)
    scheme = None if system is None else scheme_of(system)
    return any(
        each is not None and (not code or each.code == code) and (scheme is None or each.scheme == scheme)
        for each in codes
    )


@dataclass(frozen=True, slots=True)
class Span:
    """A time of any precision: its first and last second, as 14 digits."""

    first: str
    last: str

    @classmethod
    def of(cls, dtm: str | None) -> "Span | None":
        """Return the span of an XDS time; None when there is none."""
        return None if not dtm else cls(dtm.ljust(14, "0"), dtm.ljust(14, "9"))

    @classmethod
    def between(cls, start: str | None, stop: str | None) -> "Span | None":
        """Return the span of a period, open where an end is missing; None when both are."""
        first, last = cls.of(start), cls.of(stop)
        if first is None and last is None:
            return None
        return cls(first.first if first else _FIRST, last.last if last else _LAST)

    def holds(self, other: "Span") -> bool:
        """Tell whether OTHER lies within it."""
        return self.first <= other.first and other.last <= self.last

    def meets(self, other: "Span") -> bool:
        """Tell whether they have a moment in common."""
        return self.first <= other.last and other.first <= self.last


_COMPARISONS: Mapping[str, Callable[[Span, Span], bool]] = {
    "eq": lambda asked, found: asked.holds(found),
    "ne": lambda asked, found: not asked.holds(found),
    "gt": lambda asked, found: found.last > asked.last,
    "lt": lambda asked, found: found.first < asked.first,
    "ge": lambda asked, found: found.last > asked.last or asked.holds(found),
    "le": lambda asked, found: found.first < asked.first or asked.holds(found),
    "sa": lambda asked, found: found.first > asked.last,
    "eb": lambda asked, found: found.last < asked.first,
    "ap": lambda asked, found: asked.meets(found),
}


def date_condition(value: str) -> Callable[[Span | None], bool] | None:
    """Return the condition that a date parameter sets; None when it is not one."""
    prefixed = _PREFIXED.fullmatch(value)
    asked = None if prefixed is None else Span.of(_searched_time(prefixed[2]))
    if prefixed is None or asked is None:
        return None
    compare = _COMPARISONS[prefixed[1] or "eq"]
    return lambda found: found is not None and compare(asked, found)


def _searched_time(text: str) -> str | None:
    """Read a date of a search: seconds and offset may be left out, the time is then UTC."""
    clock = _CLOCK.fullmatch(text)
    if clock is None:
        return dtm_of(text)
    found = dtm_of(f"{clock[1]}{clock[2] or ':00'}{clock[3] or 'Z'}")
    return found if found is None or clock[2] else found[:_MINUTE_DIGITS]


def begins(text: str, value: str) -> bool:
    """Tell whether TEXT begins with VALUE, whatever the case and the accents."""
    return _plain(text).startswith(_plain(value))


def _plain(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text.replace("\\,", ","))
    return "".join(each for each in decomposed if not unicodedata.combining(each)).casefold().strip()
