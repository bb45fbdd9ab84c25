"""The answers of registry and repository as ebRS 3.0 and XDS.b elements, valid against their schemas."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lxml import etree

from dmp_bridge.xds import schemes
from dmp_bridge.xds.ebrim_writer import write_objects
from dmp_bridge.xds.errors import RegistryError
from dmp_bridge.xds.metadata import RegistryObject

RS = "urn:oasis:names:tc:ebxml-regrep:xsd:rs:3.0"
QUERY = "urn:oasis:names:tc:ebxml-regrep:xsd:query:3.0"
XDS = "urn:ihe:iti:xds-b:2007"
SUCCESS = "urn:oasis:names:tc:ebxml-regrep:ResponseStatusType:Success"
FAILURE = "urn:oasis:names:tc:ebxml-regrep:ResponseStatusType:Failure"
PARTIAL = "urn:ihe:iti:2007:ResponseStatusType:PartialSuccess"
ERROR_SEVERITY = "urn:oasis:names:tc:ebxml-regrep:ErrorSeverityType:Error"
_XOP = "http://www.w3.org/2004/08/xop/include"


@dataclass(frozen=True, slots=True, kw_only=True)
class RetrievedDocument:
    """A document of an ITI-43 answer; CONTENT_ID names the attachment that holds its bytes."""

    repository_id: str
    unique_id: str
    mime_type: str
    content_id: str


def registry_response(errors: Sequence[RegistryError] = (), *, partly: bool = False) -> etree._Element:
    """Write `rs:RegistryResponse`: success without errors, failure with; PARTLY: some of it was done."""
    element = etree.Element(f"{{{RS}}}RegistryResponse", nsmap={"rs": RS})
    _status(element, errors, partly=partly)
    return element


def query_response(
    objects: Sequence[RegistryObject],
    versions: Mapping[str, int],
    *,
    references: bool,
    errors: Sequence[RegistryError] = (),
) -> etree._Element:
    """Write `query:AdhocQueryResponse` with whole objects, or REFERENCES to them; VERSIONS by entryUUID."""
    element = etree.Element(f"{{{QUERY}}}AdhocQueryResponse", nsmap={"query": QUERY, "rs": RS, "rim": schemes.RIM})
    _status(element, errors, partly=False)
    listed = etree.SubElement(element, f"{{{schemes.RIM}}}RegistryObjectList")
    if references:
        for each in objects:
            etree.SubElement(listed, f"{{{schemes.RIM}}}ObjectRef", id=each.object_id)
    else:
        write_objects(listed, objects, versions)
    return element


def retrieve_response(documents: Sequence[RetrievedDocument], errors: Sequence[RegistryError]) -> etree._Element:
    """Write `xds:RetrieveDocumentSetResponse`; the bytes go beside it."""
    element = etree.Element(f"{{{XDS}}}RetrieveDocumentSetResponse", nsmap={"xds": XDS, "rs": RS, "xop": _XOP})
    element.append(registry_response(errors, partly=bool(documents)))
    for each in documents:
        answer = etree.SubElement(element, f"{{{XDS}}}DocumentResponse")
        for name, text in (
            ("RepositoryUniqueId", each.repository_id),
            ("DocumentUniqueId", each.unique_id),
            ("mimeType", each.mime_type),
        ):
            etree.SubElement(answer, f"{{{XDS}}}{name}").text = text
        document = etree.SubElement(answer, f"{{{XDS}}}Document")
        etree.SubElement(document, f"{{{_XOP}}}Include", href=f"cid:{each.content_id}")
    return element


def _status(element: etree._Element, errors: Sequence[RegistryError], *, partly: bool) -> None:
    element.set("status", SUCCESS if not errors else PARTIAL if partly else FAILURE)
    if not errors:
        return
    listed = etree.SubElement(element, f"{{{RS}}}RegistryErrorList", highestSeverity=ERROR_SEVERITY)
    for each in errors:
        error = etree.SubElement(listed, f"{{{RS}}}RegistryError", errorCode=each.code, codeContext=each.context)
        error.set("severity", ERROR_SEVERITY)
        if each.location:
            error.set("location", each.location)
