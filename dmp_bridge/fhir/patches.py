"""A partial update of a resource (PDSm flux 03): FHIRPath Patch and JSON Patch, applied to its JSON. Pure.

What may be changed is not decided here: the resource comes out as it would be, and whoever asks compares.
Source: https://hl7.org/fhir/R4/fhirpatch.html; RFC 6902; RFC 6901
"""

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import msgspec

from dmp_bridge.fhir.paths import PathError, Place, places
from dmp_bridge.fhir.problems import FhirProblem, IssueType
from dmp_bridge.fhir.resources import MEDIA_TYPE
from dmp_bridge.refusals import Refusal

JSON_PATCH = "application/json-patch+json"
FORMATS = (MEDIA_TYPE, JSON_PATCH)
MAX_OPERATIONS = 50
_LISTS = frozenset({"securityLabel", "extension", "coding"})
Json = dict[str, Any]
Step = Callable[[Json], None]


@dataclass(frozen=True, slots=True)
class Patch:
    """Changes, in their order."""

    steps: tuple[Step, ...]

    def applied(self, resource: Json) -> Json:
        """Return RESOURCE as the patch would make it; what is given stays as it is.

        Raises:
            FhirProblem: a step leads nowhere, or to several elements.
        """
        changed = deepcopy(resource)
        try:
            for step in self.steps:
                step(changed)
        except (PathError, KeyError, IndexError, TypeError, ValueError, AttributeError):
            raise impossible() from None
        return {name: value for name, value in changed.items() if value not in ([], {})}


def impossible() -> FhirProblem:
    """Return the refusal of a patch that cannot be applied."""
    return FhirProblem.of(IssueType.VALUE, Refusal.FHIR_PATCH, status=422)


def read_patch(body: bytes, media_type: str) -> Patch:
    """Read a patch in one of FORMATS.

    Raises:
        FhirProblem: it is of another format, or not written as its format says.
    """
    readers = {MEDIA_TYPE: _of_parameters, JSON_PATCH: _of_json_patch}
    if media_type not in readers:
        raise FhirProblem.of(IssueType.NOT_SUPPORTED, Refusal.FHIR_UNSUPPORTED, status=415)
    try:
        steps = readers[media_type](msgspec.json.decode(body))
    except (
        msgspec.DecodeError,
        UnicodeDecodeError,
        RecursionError,
        KeyError,
        TypeError,
        AttributeError,
        StopIteration,
    ):
        raise FhirProblem.of(IssueType.STRUCTURE, Refusal.FHIR_UNREADABLE) from None
    if not steps or len(steps) > MAX_OPERATIONS:
        raise impossible()
    return Patch(tuple(steps))


def _of_parameters(resource: Any) -> Sequence[Step]:
    """Read a Parameters resource whose parameters are operations."""
    if resource["resourceType"] != "Parameters" or any(each["name"] != "operation" for each in resource["parameter"]):
        raise KeyError("Parameters")
    return [_operation(_parts(each["part"])) for each in resource["parameter"]]


def _parts(parts: Sequence[Json]) -> Json:
    """Return the value of each part by its name: that of its `value…`, or an object of its own parts."""
    return {each["name"]: _value(each) for each in parts}


def _value(part: Json) -> Any:
    if "part" in part:
        return {_typed(each): _value(each) for each in part["part"]}
    return next(value for name, value in part.items() if name.startswith("value"))


def _typed(part: Json) -> str:
    """Name a member of an object; one named `value` is written by its type, as in an extension."""
    if part["name"] != "value":
        return str(part["name"])
    return next(name for name in part if name.startswith("value"))


def _operation(parts: Json) -> Step:
    steps: Mapping[str, Callable[[Json, Json], None]] = {
        "add": _add,
        "insert": _insert,
        "delete": _delete,
        "replace": _replace,
    }
    step = steps.get(parts["type"])
    if step is None or not isinstance(parts["path"], str):
        raise impossible()
    return lambda resource: step(resource, parts)


def _only(resource: Json, path: str) -> Place:
    (found,) = places(resource, path)
    return found


def _add(resource: Json, parts: Json) -> None:
    holder, name = _only(resource, parts["path"]).value, parts["name"]
    if name in _LISTS or isinstance(holder.get(name), list):
        holder.setdefault(name, []).append(parts["value"])
    elif name in holder:
        raise PathError("an element that is there")
    else:
        holder[name] = parts["value"]


def _insert(resource: Json, parts: Json) -> None:
    parent, _, name = parts["path"].rpartition(".")
    listed, place = _only(resource, parent).value.setdefault(name, []), parts["index"]
    if not isinstance(listed, list) or not 0 <= place <= len(listed):
        raise PathError("no place in a list")
    listed.insert(place, parts["value"])


def _delete(resource: Json, parts: Json) -> None:
    found = places(resource, parts["path"])
    if len(found) > 1:
        raise PathError("several elements")
    for place in found:
        del place.holder[place.key]


def _replace(resource: Json, parts: Json) -> None:
    place = _only(resource, parts["path"])
    place.holder[place.key] = parts["value"]


def _of_json_patch(operations: Any) -> Sequence[Step]:
    """Read the operations of RFC 6902 that change one place or test it."""
    if not isinstance(operations, list):
        raise TypeError("JSON Patch")
    return [_pointed(each) for each in operations]


def _pointed(operation: Json) -> Step:
    name, path = operation["op"], operation["path"]
    if name not in ("add", "remove", "replace", "test") or not path.startswith("/"):
        raise impossible()
    value = None if name == "remove" else operation["value"]
    keys = [each.replace("~1", "/").replace("~0", "~") for each in path[1:].split("/")]
    return lambda resource: _point(resource, name, keys, value)


def _point(resource: Json, name: str, keys: Sequence[str], value: Any) -> None:
    holder: Any = resource
    for key in keys[:-1]:
        holder = holder[_key(holder, key)]
    key = keys[-1]
    if name == "add":
        _put(holder, key, value)
        return
    known = _key(holder, key)
    found = holder[known]
    if name == "test" and found != value:
        raise PathError("a test that fails")
    if name == "remove":
        del holder[known]
    elif name == "replace":
        holder[known] = value


def _put(holder: Any, key: str, value: Any) -> None:
    if not isinstance(holder, list):
        holder[key] = value
    elif key == "-":
        holder.append(value)
    else:
        place = int(key)
        if not 0 <= place <= len(holder):
            raise PathError("no place in a list")
        holder.insert(place, value)


def _key(holder: Any, key: str) -> str | int:
    if not isinstance(holder, list):
        return key
    if not key.isdecimal():
        raise PathError("no place in a list")
    return int(key)
