"""The bodies of our requests are valid by the schemas of ebRS 3.0 and XDS.b, attachments put in their place."""

import base64
from pathlib import Path

import pytest
from lxml import etree

from dmp_bridge.external.client import Access
from dmp_bridge.transport.soap import XOP
from dmp_bridge.xds.answers import XDS
from dmp_bridge.xds.queries import QueryKind, read_query
from dmp_bridge.xds.requests import provide_request, query_request, retrieve_request
from tests.fictional.sending import sending_of
from vaguemestre.app.demo.fictional_documents import fictional_cda

SINGLE = {"$XDSDocumentEntryPatientId": "279035121518989^^^&1.2.250.1.213.1.4.10&ISO^NH"}
SEVERAL = {
    "$XDSDocumentEntryStatus": ["urn:a", "l'autre"],
    "$XDSDocumentEntryTypeCode": ["11488-4^^2.16.840.1.113883.6.1"],
}
QUERIES = {
    "whole": query_request(QueryKind.FIND_DOCUMENTS, SINGLE, SEVERAL, references=False),
    "references": query_request(QueryKind.GET_DOCUMENTS, {}, {"$XDSDocumentEntryUniqueId": ["1.2"]}, references=True),
}


def schema(corpus: Path, name: str) -> etree.XMLSchema:
    return etree.XMLSchema(etree.parse(corpus / "xsd" / "xds-v3" / name))


def parsed(element: etree._Element) -> etree._Element:
    return etree.fromstring(etree.tostring(element))


def test_a_submission_is_valid(corpus: Path, access: Access):
    sending = sending_of(fictional_cda(), access)
    request = parsed(provide_request(sending.submission, {name: f"{name}@x" for name in sending.documents}))
    for document in request.iterfind(f"{{{XDS}}}Document"):
        (include,) = document.findall(f"{{{XOP}}}Include")
        assert include.get("href") == f"cid:{document.get('id')}@x"
        document.remove(include)
        document.text = base64.b64encode(sending.documents[document.get("id", "")]).decode()

    schema(corpus, "XDS.b_DocumentRepository.xsd").assertValid(request)


@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES)
def test_a_query_is_valid(corpus: Path, query: etree._Element):
    schema(corpus, "query.xsd").assertValid(parsed(query))


def test_a_query_reads_as_it_was_meant():
    read = read_query(QUERIES["whole"])

    assert (read.kind, read.references) == (QueryKind.FIND_DOCUMENTS, False)
    assert read.parameters.single("$XDSDocumentEntryPatientId") == SINGLE["$XDSDocumentEntryPatientId"]
    assert read.parameters.values("$XDSDocumentEntryStatus") == ("urn:a", "l'autre")


def test_a_retrieval_is_valid(corpus: Path):
    schema(corpus, "XDS.b_DocumentRepository.xsd").assertValid(parsed(retrieve_request("1.2", ["1.3", "1.4"])))
