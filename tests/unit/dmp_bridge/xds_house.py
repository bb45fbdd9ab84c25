"""The record of the practice behind its XDS services."""

from dataclasses import dataclass

from dmp_bridge.config import TEST_INS_AUTHORITIES, BridgeSettings
from dmp_bridge.record.model import RecordedDocument
from dmp_bridge.services.endpoint import XdsEndpoint, XdsParts, build_xds
from dmp_bridge.services.trusted import TrustedSigners
from tests.fictional.people import add_service
from tests.fictional.xds_client import Answered, XdsClient
from tests.unit.dmp_bridge.conftest import Practice
from tests.unit.dmp_bridge.xds_vectors import (
    PROVIDE,
    RETRIEVE,
    STORED_QUERY,
    UPDATE,
    provide_body,
    query_body,
    retrieve_body,
    submission_of,
)
from vaguemestre.app.pki import Authority


@dataclass(frozen=True)
class House:
    """The record of the practice behind its services, and the software of Dr Martin's structure."""

    practice: Practice
    endpoint: XdsEndpoint
    client: XdsClient
    settings: BridgeSettings

    def document(self) -> RecordedDocument:
        """The one document of the record."""
        (found,) = self.practice.documents()
        return found

    async def provide(self, *documents: bytes, **claims: str) -> Answered:
        body = provide_body(submission_of(*documents))
        return await self.client.call("repository", PROVIDE, body, documents, **claims)

    async def find(self, returned: str = "LeafClass", **slots: str) -> Answered:
        return await self.client.call("registry", STORED_QUERY, query_body(returned=returned, **slots))

    async def retrieve(self, *unique_ids: str, **claims: str) -> Answered:
        body = retrieve_body(self.settings.repository_id, *unique_ids)
        return await self.client.call("repository", RETRIEVE, body, **claims)

    async def update(self, body: str, **claims: str) -> Answered:
        return await self.client.call("registry", UPDATE, body, **claims)

    def acts(self) -> list[tuple[str, str]]:
        return [(entry.act, entry.reason) for entry in self.practice.history()]


def open_house(practice: Practice) -> House:
    """Put the services in front of the record, with an authority of their own."""
    now = practice.clock.now()
    practice.write(lambda tx: add_service(tx, now, practice.doctor.address))
    settings = BridgeSettings(ins_authorities=TEST_INS_AUTHORITIES)
    authority = Authority.create(now)
    parts = XdsParts(
        database=practice.database,
        store=practice.store,
        clock=practice.clock,
        settings=settings,
        signers=TrustedSigners(authorities=[authority.certificate, authority.root]),
    )
    endpoint = build_xds(parts)
    return House(practice, endpoint, XdsClient(endpoint, authority, now), settings)
