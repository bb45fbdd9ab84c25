"""The code lists that the mapping needs, read once from `dmp_bridge/data` (see its SOURCES.md)."""

import csv
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import resources

from dmp_bridge.xds.metadata import Code

IHE_FORMATS = "1.3.6.1.4.1.19376.1.2.3"
FRENCH_FORMATS = "1.2.250.1.213.1.1.4.2.282"
LOINC = "2.16.840.1.113883.6.1"
SPECIALTIES = "1.2.250.1.213.1.1.4.5"


def _rows(name: str) -> list[dict[str, str]]:
    text = resources.files("dmp_bridge").joinpath("data", name).read_text("utf-8")
    return list(csv.DictReader(text.splitlines()))


@cache
def _types() -> Mapping[str, dict[str, str]]:
    return {row["code"]: row for row in _rows("type_codes.csv")}


@cache
def _classes() -> Mapping[str, Code]:
    return {row["code"]: Code(row["code"], row["scheme"], row["display"]) for row in _rows("class_codes.csv")}


@cache
def _formats() -> Mapping[str, Code]:
    rows = _rows("format_codes.csv")
    return {row["key"]: Code(row["format"], _format_scheme(row["format"]), row["display"]) for row in rows}


@cache
def _specialties() -> Mapping[str, Code]:
    return {row["code"]: Code(row["code"], SPECIALTIES, row["display"]) for row in _rows("specialties.csv")}


def _format_scheme(code: str) -> str:
    return IHE_FORMATS if code.startswith("urn:ihe:") and not code.startswith("urn:ihe:iti-fr:") else FRENCH_FORMATS


def type_code(code: str) -> Code | None:
    """Return the document type with its French label (JDV_J07); None when it is not in the list."""
    row = _types().get(code)
    return None if row is None else Code(row["code"], row["scheme"], row["display"])


def is_dmp_type(code: str) -> bool:
    """Tell whether the DMP takes documents of this type (JDV_J66)."""
    row = _types().get(code)
    return row is not None and row["dmp"] == "yes"


def class_of_type(code: str) -> Code | None:
    """Return the class of a document type (ASS_X16, ASS_X04); None when it has none."""
    row = _types().get(code)
    return None if row is None else _classes().get(row["class"])


def format_of_media_type(media_type: str) -> Code:
    """Return the format of a level 1 document by what it carries (JDV_J60)."""
    return _formats().get(media_type, _formats()[""])


def format_of_templates(templates: Iterable[str]) -> Code:
    """Return the format of a structured document by its first template that has one (ASS_A11)."""
    return next((_formats()[each] for each in templates if each in _formats()), _formats()[""])


def specialty_of_profession(profession: str) -> Code | None:
    """Return the author specialty (JDV_J01) of a profession (TRE_G15, such as 60); None when it has none."""
    return _specialties().get(f"G15_{profession}")
