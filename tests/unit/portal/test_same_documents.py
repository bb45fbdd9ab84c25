"""One record behind every door: what comes in by mail's filing, XDS or FHIR is the same document in each of them."""

from dmp_bridge.config import TEST_INS_AUTHORITIES, BridgeSettings
from dmp_bridge.services.endpoint import XdsParts, build_xds
from dmp_bridge.services.trusted import TrustedSigners
from dmp_bridge.xds.metadata import DELETED
from tests.fictional.fhir_client import bundle_of
from tests.fictional.xds_client import XdsClient
from tests.unit.dmp_bridge.xds_vectors import (
    PROVIDE,
    STORED_QUERY,
    UPDATE,
    provide_body,
    query_body,
    state_body,
    submission_of,
)
from tests.unit.portal.conftest import Browser
from tests.unit.portal.fhir_house import open_fhir_house
from tests.unit.portal.test_pro import doctor, sign_in  # noqa: F401 - a fixture
from tests.unit.portal.test_pro_documents import open_record
from vaguemestre.app.demo.fictional_documents import fictional_cda
from vaguemestre.app.pki import Authority

TITLES = ["Par FHIR", "Par XDS", "Par courrier"]


def software_of(space) -> XdsClient:
    now = space.clock.now()
    authority = Authority.create(now)
    parts = XdsParts(
        database=space.database,
        store=space.store,
        clock=space.clock,
        settings=BridgeSettings(ins_authorities=TEST_INS_AUTHORITIES),
        signers=TrustedSigners(authorities=[authority.certificate]),
    )
    return XdsClient(build_xds(parts), authority, now)


async def test_every_door_shows_the_same_documents(space, doctor):  # noqa: F811 - the fixture
    async with open_fhir_house(space) as fhir:
        software, browser = software_of(space), Browser(fhir.client)
        by_xds = fictional_cda(title="Par XDS")
        space.file(fictional_cda(title="Par courrier"))
        await software.call("repository", PROVIDE, provide_body(submission_of(by_xds)), [by_xds])
        await fhir.doctor.post("", bundle_of(fictional_cda(title="Par FHIR")))

        found = await fhir.doctor.find()
        asked = await software.call("registry", STORED_QUERY, query_body())
        await browser.sign_in(space)
        listed = await fhir.client.get("/api/v1/documents")
        await sign_in(browser, space)
        shown = await open_record(browser, space)

    entries = found.json()["entry"]
    resources = [each["resource"] for each in entries]
    assert sorted(each["content"][0]["attachment"]["title"] for each in resources) == TITLES
    assert sorted(each["title"] for each in listed.json()) == TITLES
    assert {each["id"] for each in listed.json()} == {each["id"] for each in resources}
    assert sorted(each.text for each in shown.tree.xpath("//ul[@class='lines']//a")) == TITLES
    uuids = {number["value"] for each in resources for number in each["identifier"] if number["use"] == "official"}
    assert uuids == set(asked.ids("ExtrinsicObject"))


async def test_what_one_door_hides_every_door_hides(space):
    async with open_fhir_house(space) as fhir:
        software, browser = software_of(space), Browser(fhir.client)
        cda = fictional_cda(title="À effacer")
        await fhir.doctor.post("", bundle_of(cda))
        found = fhir.document()

        deleted = await software.call("registry", UPDATE, state_body(found, DELETED))
        searched = await fhir.doctor.find()
        read = await fhir.doctor.get(f"/Binary/{found.id}")
        await browser.sign_in(space)
        listed = await fhir.client.get("/api/v1/documents")

    assert deleted.outcome == "Success"
    assert (searched.json()["total"], read.status_code, listed.json()) == (0, 404, [])
