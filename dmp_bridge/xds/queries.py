"""Stored queries (ITI-18) as values: which one, its parameters, what it wants back.

Parameter values are read as ITI TF-2 §3.18.4.1.2.3 says: strings in quotes (a quote inside is doubled), lists in
parentheses, several slots of one name are conditions that must all hold.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from lxml import etree

from dmp_bridge.xds import schemes
from dmp_bridge.xds.answers import QUERY
from dmp_bridge.xds.errors import XdsErrorCode, XdsRefusal

_NAMES = {"rim": schemes.RIM, "query": QUERY}
_LIST = re.compile(r"\(?\s*((?:'(?:[^']|'')*'|[^'(),\s]+)(?:\s*,\s*(?:'(?:[^']|'')*'|[^'(),\s]+))*)\s*\)?")
_ITEM = re.compile(r"'((?:[^']|'')*)'|([^'(),\s]+)")


class QueryKind(StrEnum):
    """The stored queries of ITI-18; the value is the end of the id after `urn:uuid:`."""

    FIND_DOCUMENTS = "14d4debf-8f97-4251-9a74-a90016b0af0d"
    FIND_BY_REFERENCE = "12941a89-e02e-4be5-967c-ce4bfc8fe492"
    FIND_SUBMISSION_SETS = "f26abbcb-ac74-4422-8a30-edb644bbc1a9"
    FIND_FOLDERS = "958f3006-baad-4929-a4de-ff1114824431"
    GET_ALL = "10b545ea-725c-446d-9b95-8aeb444eddf3"
    GET_DOCUMENTS = "5c4f972b-d56b-40ac-a5fc-c8ca9b40b9d4"
    GET_FOLDERS = "5737b14c-8a1a-4539-b659-e03a34a5e1e4"
    GET_ASSOCIATIONS = "a7ae438b-4bc2-4642-93e9-be891f7bb155"
    GET_DOCUMENTS_AND_ASSOCIATIONS = "bab9529a-4a10-40b3-a01f-f68a615d247a"
    GET_SUBMISSION_SETS = "51224314-5390-4169-9b91-b1980040715a"
    GET_SET_AND_CONTENTS = "e8e3cb2c-e39c-46b9-99e4-c12f57260b83"
    GET_FOLDER_AND_CONTENTS = "b909a503-523d-4517-8acf-8e5834dfc4c7"
    GET_FOLDERS_FOR_DOCUMENT = "10cae35a-c7f9-4cf5-b61e-fc3278ffb578"
    GET_RELATED_DOCUMENTS = "d90e5407-b356-4d91-a89f-873917b4b0e6"


@dataclass(frozen=True, slots=True)
class Parameters:
    """Parameters by name; each name has one group of alternatives per slot."""

    groups: Mapping[str, tuple[tuple[str, ...], ...]]

    def all_of(self, name: str) -> tuple[tuple[str, ...], ...]:
        """Return the groups of a parameter: one value of each must match."""
        return self.groups.get(name, ())

    def values(self, name: str) -> tuple[str, ...]:
        """Return every value of a parameter."""
        return tuple(value for group in self.all_of(name) for value in group)

    def single(self, name: str) -> str:
        """Return the value of a parameter that has at most one, "" when it is absent."""
        values = self.values(name)
        if len(values) > 1:
            raise XdsRefusal.of(XdsErrorCode.PARAMETER_NUMBER, "Un paramètre a plusieurs valeurs.", name)
        return values[0] if values else ""

    def required(self, name: str) -> tuple[str, ...]:
        """Return the values of a parameter that must be there."""
        values = self.values(name)
        if not values:
            raise XdsRefusal.of(XdsErrorCode.MISSING_PARAMETER, "Un paramètre obligatoire manque.", name)
        return values


@dataclass(frozen=True, slots=True)
class StoredQuery:
    """One query; REFERENCES: ids only are wanted (returnType ObjectRef)."""

    kind: QueryKind
    parameters: Parameters
    references: bool


def read_query(request: etree._Element) -> StoredQuery:
    """Read `query:AdhocQueryRequest`.

    Raises:
        XdsRefusal: another query, another return type, a value that is not written as it should be.
    """
    query = request.find("rim:AdhocQuery", _NAMES)
    option = request.find("query:ResponseOption", _NAMES)
    returned = "" if option is None else option.get("returnType", "RegistryObject")
    identifier = "" if query is None else query.get("id", "").strip().lower().removeprefix("urn:uuid:")
    if query is None or identifier not in set(QueryKind):
        raise XdsRefusal.of(XdsErrorCode.UNKNOWN_QUERY, "Cette requête enregistrée n'existe pas ici.")
    if returned not in ("LeafClass", "ObjectRef"):
        raise XdsRefusal.of(XdsErrorCode.REGISTRY, "Seuls LeafClass et ObjectRef peuvent être demandés.")
    groups: dict[str, tuple[tuple[str, ...], ...]] = {}
    for slot in query.iterfind("rim:Slot", _NAMES):
        name = slot.get("name", "").strip()
        groups[name] = (*groups.get(name, ()), _group(slot, name))
    return StoredQuery(QueryKind(identifier), Parameters(groups), returned == "ObjectRef")


def _group(slot: etree._Element, name: str) -> tuple[str, ...]:
    texts = ((each.text or "").strip() for each in slot.iterfind("rim:ValueList/rim:Value", _NAMES))
    return tuple(value for text in texts for value in _values(text, name))


def _values(text: str, name: str) -> tuple[str, ...]:
    match = _LIST.fullmatch(text)
    if match is None:
        raise XdsRefusal.of(XdsErrorCode.REGISTRY, "La valeur d'un paramètre est mal écrite.", name)
    return tuple(
        quoted.replace("''", "'") if found.group(2) is None else bare
        for found in _ITEM.finditer(match[1])
        for quoted, bare in [found.groups(default="")]
    )
