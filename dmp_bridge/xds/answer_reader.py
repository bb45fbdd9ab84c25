"""What a registry or repository answered, as values: the mirror of `answers.py`."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from lxml import etree

from dmp_bridge.xds import schemes
from dmp_bridge.xds.answers import PARTIAL, QUERY, RS, SUCCESS, XDS
from dmp_bridge.xds.ebrim_reader import read_entries
from dmp_bridge.xds.metadata import DocumentEntry
from vaguemestre.kernel.errors import ProtocolError

_NAMES = {"rs": RS, "rim": schemes.RIM, "xds": XDS}
_LONGEST_CODE = 80


@dataclass(frozen=True, slots=True)
class Status:
    """Whether it was done; CODES: of its errors, without their texts, which may hold data."""

    success: bool
    codes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a query found: whole entries, and ids of every object."""

    entries: tuple[DocumentEntry, ...]
    references: tuple[str, ...]


def read_status(response: etree._Element) -> Status:
    """Read `rs:RegistryResponse`, or another response with its attributes; a partial success is none.

    Raises:
        ProtocolError: it says neither success nor failure.
    """
    status = response.get("status", "")
    errors = response.findall("rs:RegistryErrorList/rs:RegistryError", _NAMES)
    codes = tuple(dict.fromkeys(each.get("errorCode", "").strip()[:_LONGEST_CODE] for each in errors))
    if status == SUCCESS:
        return Status(True)
    if status == PARTIAL or status.endswith(":Failure"):
        return Status(False, codes)
    raise ProtocolError("XDS: an answer without a status")


def read_registry_response(body: etree._Element) -> Status:
    """Read the answer of ITI-41 and ITI-57.

    Raises:
        ProtocolError: it is none.
    """
    if body.tag != f"{{{RS}}}RegistryResponse":
        raise ProtocolError("XDS: not a RegistryResponse")
    return read_status(body)


def read_query_response(body: etree._Element) -> tuple[Status, Found]:
    """Read the answer of ITI-18.

    Raises:
        ProtocolError: it is none, or an entry of it lacks its ids.
    """
    if body.tag != f"{{{QUERY}}}AdhocQueryResponse":
        raise ProtocolError("XDS: not an AdhocQueryResponse")
    listed = body.find("rim:RegistryObjectList", _NAMES)
    if listed is None:
        return read_status(body), Found(entries=(), references=())
    identified = tuple(each.get("id", "") for each in listed.iterchildren("*"))
    return read_status(body), Found(entries=read_entries(listed), references=identified)


@dataclass(frozen=True, slots=True)
class Retrieved:
    """Documents by unique id."""

    status: Status
    documents: Mapping[str, bytes] = field(repr=False)


def read_retrieve_response(body: etree._Element, contents: Mapping[str, bytes | None]) -> Retrieved:
    """Read the answer of ITI-43; CONTENTS: the bytes of each `xds:Document`, by unique id (see `documents_in`).

    Raises:
        ProtocolError: it is none, or announces a document that is not there.
    """
    response = body.find("rs:RegistryResponse", _NAMES)
    if body.tag != f"{{{XDS}}}RetrieveDocumentSetResponse" or response is None:
        raise ProtocolError("XDS: not a RetrieveDocumentSetResponse")
    documents = {name: data for name, data in contents.items() if data is not None}
    if len(documents) != len(contents):
        raise ProtocolError("XDS: a document that is announced is not there")
    return Retrieved(read_status(response), documents)


def documents_in(body: etree._Element) -> dict[str, etree._Element]:
    """Return the `xds:Document` elements of an ITI-43 answer by unique id."""
    found: dict[str, etree._Element] = {}
    for each in body.iterfind("xds:DocumentResponse", _NAMES):
        document = each.find("xds:Document", _NAMES)
        if document is not None:
            found[(each.findtext("xds:DocumentUniqueId", namespaces=_NAMES) or "").strip()] = document
    return found
