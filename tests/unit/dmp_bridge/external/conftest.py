"""A record elsewhere, which another Vaguemestre serves, and what it takes to call it."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest

from access_core.care import declare_care
from access_core.identifiers import INS
from access_core.profiles import Profile
from dmp_bridge.config import TEST_INS_AUTHORITIES, BridgeSettings
from dmp_bridge.external.access import load_access
from dmp_bridge.external.client import Access
from dmp_bridge.external.config import ExternalSettings
from dmp_bridge.record.documents import content, documents_of
from dmp_bridge.record.model import RecordedDocument
from dmp_bridge.services.endpoint import XdsParts, build_xds
from dmp_bridge.services.trusted import TrustedSigners
from mailstore.config import MailStoreSettings
from mailstore.store import MailStore
from tests.conftest import NOON
from tests.fictional.people import add_martin, add_patient, add_service
from tests.fictional.structure_keys import STRUCTURE, issue_rsa
from tests.standins.dmp import DmpServer, start_dmp
from tests.unit.dmp_bridge.conftest import Practice
from tests.unit.dmp_bridge.external.gateway import Gateway
from vaguemestre.app.demo.fictional_documents import DOMINIQUE
from vaguemestre.app.pki import Authority
from vaguemestre.kernel.blobs import build_blobs
from vaguemestre.kernel.bus import LocalBus
from vaguemestre.kernel.clock import ManualClock
from vaguemestre.kernel.database import Database, Transaction
from vaguemestre.kernel.keys import InstanceKey

PEER_REPOSITORY = "2.25.42"
BEFORE = NOON - timedelta(days=30)  # so that real TLS, which has the real clock, finds it valid


@dataclass(frozen=True)
class Elsewhere:
    """The other Vaguemestre: its record, its server, its authority."""

    database: Database
    store: MailStore
    patient: Profile
    server: DmpServer
    authority: Authority
    folder: Path

    def documents(self) -> list[RecordedDocument]:
        """What its record holds of the patient."""
        return self.database.read_now(lambda tx: documents_of(tx, self.patient.id))

    def content(self, found: RecordedDocument) -> bytes:
        """The bytes of one of them."""
        return self.database.read_now(lambda tx: content(tx, self.store, found))

    @property
    def settings(self) -> ExternalSettings:
        """How it is reached."""
        return ExternalSettings(
            url=self.server.url,
            authority=self.folder / "ca.pem",
            client_certificate=self.folder / "auth-cli.pem",
            client_key=self.folder / "auth-cli.key",
            signing_certificate=self.folder / "sign.pem",
            signing_key=self.folder / "sign.key",
            structure=STRUCTURE,
            structure_name="CH DEMO",
            responsible="810002422979",
            homologation="HOMOLOGATION-TEST",
            repository_id=PEER_REPOSITORY,
            connect_timeout_s=5,
            request_timeout_s=10,
            max_answer_bytes=1 << 20,
        )


@pytest.fixture
def peer_database(tmp_path: Path) -> Iterator[Database]:
    (tmp_path / "elsewhere").mkdir()
    catalogue = Database(f"sqlite:///{tmp_path}/elsewhere/catalogue.db")
    catalogue.create_all()
    yield catalogue
    catalogue.close()


@pytest.fixture
async def elsewhere(peer_database: Database, tmp_path: Path) -> AsyncIterator[Elsewhere]:
    folder, clock = tmp_path / "elsewhere", ManualClock(NOON)
    store = MailStore(
        blobs=build_blobs(f"file://{folder}/blobs"),
        instance_key=InstanceKey(bytes(range(32))),
        clock=clock,
        settings=MailStoreSettings(),
    )
    authority = Authority.create(BEFORE)
    authority.save(folder)
    for stem, name in (("auth-cli", "LPS TEST AUTH"), ("sign", "LPS TEST SIGN")):
        issue_rsa(authority, name, NOON).write(folder, stem)
    parts = XdsParts(
        database=peer_database,
        store=store,
        clock=clock,
        settings=BridgeSettings(ins_authorities=TEST_INS_AUTHORITIES, repository_id=PEER_REPOSITORY),
        signers=TrustedSigners(authorities=[authority.certificate, authority.root]),
        presume_care=True,
    )
    patient = peer_database.write_now(lambda tx: _settle(tx, store))
    states = {DOMINIQUE.ins: ("active", "VALIDE")}
    chain = (folder / "ca.pem").read_bytes()
    async with start_dmp(
        issue_rsa(authority, "localhost", NOON, hosts=("localhost",)), chain, folder,
        endpoint=build_xds(parts), states=states,
    ) as server:  # fmt: skip
        yield Elsewhere(peer_database, store, patient, server, authority, folder)


def _settle(tx: Transaction, store: MailStore) -> Profile:
    doctor = add_martin(tx, NOON)
    add_service(tx, NOON, doctor.address)
    patient = add_patient(
        tx,
        NOON,
        INS.parse(DOMINIQUE.ins),
        family=DOMINIQUE.family,
        given="Dominique",
        birth_date=DOMINIQUE.birth_date,
    )
    store.create_mailbox(tx, patient.account_id)
    declare_care(tx, patient.id, doctor.account_id, until=None, now=NOON)
    return patient


@pytest.fixture
def access(elsewhere: Elsewhere) -> Access:
    return load_access(elsewhere.settings, ManualClock(NOON))


def with_settings(access: Access, **changes: object) -> Access:
    """The same access under other settings."""
    settings = access.settings.model_copy(update=changes)
    identity = replace(access.identity, mode=settings.mode)
    return replace(access, settings=settings, identity=identity)


@pytest.fixture
async def gateway(practice: Practice, elsewhere: Elsewhere, access: Access, tmp_path: Path) -> AsyncIterator[Gateway]:
    bus = LocalBus(tmp_path / "bus")
    # the VIHF and its reader share a clock that stands still, while the worker's own moves on
    yield Gateway(practice, elsewhere, access, bus)
    await bus.close()
