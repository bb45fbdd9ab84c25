"""The XDS.b services are served by the portal's process under `/xds`, with limits of their own."""

from dataclasses import replace

import httpx2
import pytest

from dmp_bridge.config import TEST_INS_AUTHORITIES, BridgeSettings
from dmp_bridge.services.endpoint import HttpAnswer, XdsParts, build_xds
from dmp_bridge.services.trusted import TrustedSigners
from portal.app import create_app
from tests.fictional.people import add_service
from tests.fictional.xds_client import Answered, XdsClient, packaged, read_answer
from tests.unit.dmp_bridge.xds_vectors import PROVIDE, STORED_QUERY, provide_body, query_body, submission_of
from tests.unit.portal.conftest import BASE
from vaguemestre.app.demo.fictional_documents import fictional_cda
from vaguemestre.app.pki import Authority

LIMIT_BYTES = 1_000_000


@pytest.fixture
async def served(space):
    now = space.clock.now()
    space.database.write_now(lambda tx: add_service(tx, now, space.doctor.address))
    authority = Authority.create(now)
    parts = XdsParts(
        database=space.database,
        store=space.store,
        clock=space.clock,
        settings=BridgeSettings(ins_authorities=TEST_INS_AUTHORITIES, max_request_bytes=LIMIT_BYTES),
        signers=TrustedSigners(authorities=[authority.certificate]),
    )
    endpoint = build_xds(parts)
    services = replace(space.services(), xds=endpoint)
    transport = httpx2.ASGITransport(app=create_app(services))
    async with httpx2.AsyncClient(transport=transport, base_url=BASE) as client:
        yield client, XdsClient(endpoint, authority, now)
    services.authenticator.close()


async def post(client: httpx2.AsyncClient, path: str, content_type: str, body: bytes) -> httpx2.Response:
    return await client.post(path, content=body, headers={"content-type": content_type})


@pytest.mark.requirement("ITI-41")
async def test_a_document_goes_in_by_the_repository_and_shows_in_the_registry(served, space):
    client, software = served
    cda = fictional_cda(title="Par XDS" + " " * 300_000)  # longer than any form of the portal
    provide = software.envelope(PROVIDE, provide_body(submission_of(cda)), software.sign(software.claims().assertion()))
    query = software.envelope(STORED_QUERY, query_body(), software.sign(software.claims().assertion()))

    provided = await post(client, "/xds/repository", *packaged(provide, [cda]))
    found = await post(client, "/xds/registry", *packaged(query, ()))

    assert (provided.status_code, found.status_code) == (200, 200)
    assert provided.headers["content-type"].startswith("multipart/related")
    assert found.headers["content-type"].startswith("application/soap+xml")
    assert b"ResponseStatusType:Success" in provided.content
    assert found.content.count(b"<rim:ExtrinsicObject") == 1


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/xds/registry", 405), ("POST", "/xds/autre", 404), ("POST", "/xds/registry/", 400)],
)
async def test_other_requests_have_their_status(served, method: str, path: str, status: int):
    client, _ = served

    answer = await client.request(method, path, content=b"bonjour", headers={"content-type": "text/plain"})

    assert answer.status_code == status


async def test_a_request_that_is_too_long_is_a_fault(served):
    client, _ = served

    answer = await post(client, "/xds/repository", "application/soap+xml", b"x" * (LIMIT_BYTES + 1))

    fault = read_answer_of(answer)
    assert (answer.status_code, fault.fault[0]) == (400, "Sender")


def read_answer_of(answer: httpx2.Response) -> Answered:
    return read_answer(HttpAnswer(answer.status_code, answer.headers["content-type"], answer.content))


async def test_without_services_there_is_no_such_page(patient):
    answer = await patient.client.post("/xds/registry", content=b"")

    assert answer.status_code == 404
