"""The part of FHIRPath by which a patch names an element: steps, places in a list, `where` on equal values. Pure.

A path leads to places, each of them a holder (object or list) and a key in it, so that what is there can be changed.
Source: https://hl7.org/fhir/R4/fhirpatch.html, which limits itself to what can be resolved to one element.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

ROOT = "DocumentReference"
_LONGEST = 500
_STEP = re.compile(r"\.where\(([^()]*)\)|\.([A-Za-z][A-Za-z0-9]*)|\[(\d{1,4})\]", re.ASCII)
_EQUAL = re.compile(r"\s*([A-Za-z][A-Za-z.]*)\s*=\s*(?:'([^'\\]*)'|(true|false))\s*", re.ASCII)
_AND = re.compile(r"\s+and\s+")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value is: HOLDER[KEY]."""

    holder: Any
    key: str | int

    @property
    def value(self) -> Any:
        """What is there."""
        return self.holder[self.key]


class PathError(ValueError):
    """A path that is not of this subset."""


def places(resource: dict[str, Any], path: str) -> list[Place]:
    """Return the places to which a path leads in a resource, each element of a list apart.

    Raises:
        PathError: it is not a path from the resource itself.
    """
    found = [Place({ROOT: resource}, ROOT)]
    for where, name, index in _steps(path):
        if name:
            found = [each for place in found for each in _children(place.value, name)]
        elif index:
            found = found[int(index) : int(index) + 1]
        else:
            found = [place for place in found if _holds(place.value, where)]
    return found


def _steps(path: str) -> Sequence[tuple[str, str, str]]:
    rest = path.removeprefix(ROOT)
    if rest == path or len(path) > _LONGEST or _STEP.sub("", rest):
        raise PathError("a path of another form")
    return _STEP.findall(rest)


def _children(value: Any, name: str) -> Iterator[Place]:
    """Yield the places of an element; `value` is that of any type, as in `extension.value`."""
    if not isinstance(value, dict):
        return
    for key in _keys(value, name):
        child = value[key]
        if isinstance(child, list):
            yield from (Place(child, place) for place in range(len(child)))
        else:
            yield Place(value, key)


def _keys(value: dict[str, Any], name: str) -> list[str]:
    if name in value:
        return [name]
    return [key for key in value if name == "value" and re.fullmatch("value[A-Z][A-Za-z]*", key)]


def _holds(value: Any, where: str) -> bool:
    return all(_is_equal(value, each) for each in _AND.split(where))


def _is_equal(value: Any, condition: str) -> bool:
    equal = _EQUAL.fullmatch(condition)
    if equal is None:
        raise PathError("a condition of another form")
    found = [Place({"": value}, "")]
    for name in equal[1].split("."):
        found = [each for place in found for each in _children(place.value, name)]
    wanted = equal[2] if equal[3] is None else equal[3] == "true"
    return any(place.value == wanted for place in found)
