"""The requests of XDS.b as elements: ITI-41, ITI-18, ITI-43, valid against the schemas once attachments are inlined.

ITI-57 has the body of a submission (`ebrim_writer.submission_element`). Source: dmp.md §8.1, §8.4, §8.5.
"""

from collections.abc import Mapping, Sequence

from lxml import etree

from dmp_bridge.xds import schemes
from dmp_bridge.xds.answers import QUERY, XDS
from dmp_bridge.xds.ebrim_writer import submission_element
from dmp_bridge.xds.metadata import Submission
from dmp_bridge.xds.queries import QueryKind

_XOP = "http://www.w3.org/2004/08/xop/include"


def provide_request(submission: Submission, content_ids: Mapping[str, str]) -> etree._Element:
    """Write ITI-41; CONTENT_IDS: by entry id, the attachment that holds the document's bytes."""
    root = etree.Element(f"{{{XDS}}}ProvideAndRegisterDocumentSetRequest", nsmap={"xds": XDS, "xop": _XOP})
    root.append(submission_element(submission))
    for entry_id, content_id in content_ids.items():
        document = etree.SubElement(root, f"{{{XDS}}}Document", id=entry_id)
        etree.SubElement(document, f"{{{_XOP}}}Include", href=f"cid:{content_id}")
    return root


def query_request(
    kind: QueryKind, single: Mapping[str, str], several: Mapping[str, Sequence[str]], *, references: bool
) -> etree._Element:
    """Write ITI-18: parameters of one value, then lists; REFERENCES: ids only are wanted."""
    root = etree.Element(f"{{{QUERY}}}AdhocQueryRequest", nsmap={"query": QUERY, "rim": schemes.RIM})
    returned = "ObjectRef" if references else "LeafClass"
    etree.SubElement(root, f"{{{QUERY}}}ResponseOption", returnComposedObjects="true", returnType=returned)
    query = etree.SubElement(root, f"{{{schemes.RIM}}}AdhocQuery", id=f"urn:uuid:{kind}")
    written = {name: _quoted(value) for name, value in single.items()}
    written |= {name: f"({','.join(_quoted(each) for each in values)})" for name, values in several.items()}
    for name, text in written.items():
        slot = etree.SubElement(query, f"{{{schemes.RIM}}}Slot", name=name)
        values = etree.SubElement(slot, f"{{{schemes.RIM}}}ValueList")
        etree.SubElement(values, f"{{{schemes.RIM}}}Value").text = text
    return root


def retrieve_request(repository_id: str, unique_ids: Sequence[str]) -> etree._Element:
    """Write ITI-43 for documents of one repository."""
    root = etree.Element(f"{{{XDS}}}RetrieveDocumentSetRequest", nsmap={"xds": XDS})
    for unique_id in unique_ids:
        request = etree.SubElement(root, f"{{{XDS}}}DocumentRequest")
        etree.SubElement(request, f"{{{XDS}}}RepositoryUniqueId").text = repository_id
        etree.SubElement(request, f"{{{XDS}}}DocumentUniqueId").text = unique_id
    return root


def _quoted(value: str) -> str:
    """Write a value as ITI TF-2 §3.18.4.1.2.3.5 says: in quotes, those inside doubled."""
    return "'" + value.replace("'", "''") + "'"
