"""Our ITI-41 with MTOM is read by a Java server that wsimport generated, and comes back byte for byte by ITI-43."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from dmp_bridge.external.access import load_access
from dmp_bridge.external.client import Access, connect
from dmp_bridge.external.config import ExternalSettings
from dmp_bridge.external.rights import Mode
from dmp_bridge.external.submission import DOCUMENT, SIGNATURE
from dmp_bridge.xds.identifiers import CX
from tests.conftest import NOON
from tests.fictional.sending import sending_of
from tests.fictional.structure_keys import STRUCTURE, issue_rsa
from tests.interop.java_repository import JavaRepository, start_java_repository
from vaguemestre.app.demo.fictional_documents import DOMINIQUE, fictional_cda
from vaguemestre.app.pki import Authority
from vaguemestre.kernel.clock import SystemClock

PATIENT = CX.build(DOMINIQUE.ins, "1.2.250.1.213.1.4.10")
AUTHORITY = Authority.create(NOON - timedelta(days=30))


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JavaRepository]:
    server = issue_rsa(AUTHORITY, "localhost", NOON, hosts=("localhost",))
    authorities = [AUTHORITY.certificate, AUTHORITY.root]
    with start_java_repository(server, authorities, tmp_path_factory.mktemp("java")) as started:
        yield started


@pytest.fixture
def access(repository: JavaRepository, tmp_path: Path) -> Access:
    AUTHORITY.save(tmp_path)
    for stem, name in (("auth-cli", "LPS TEST AUTH"), ("sign", "LPS TEST SIGN")):
        issue_rsa(AUTHORITY, name, NOON).write(tmp_path, stem)
    settings = ExternalSettings(
        url=repository.url,
        authority=tmp_path / "ca.pem",
        client_certificate=tmp_path / "auth-cli.pem",
        client_key=tmp_path / "auth-cli.key",
        signing_certificate=tmp_path / "sign.pem",
        signing_key=tmp_path / "sign.key",
        structure=STRUCTURE,
        structure_name="CH DEMO",
        responsible="810002422979",
        homologation="HOMOLOGATION-TEST",
        mode=Mode.DIRECT,
    )
    return load_access(settings, SystemClock())


async def test_documents_come_back_byte_for_byte(access: Access):
    sending = sending_of(fictional_cda(), access)

    async with connect(access) as client:
        await client.provide(PATIENT, sending.submission, sending.documents)
        document = await client.read(PATIENT, DOCUMENT)
        signature = await client.read(PATIENT, SIGNATURE)

    assert document == sending.documents[DOCUMENT]
    assert signature == sending.documents[SIGNATURE]


@pytest.mark.parametrize("content", [bytes(range(256)) * 20_000, b"\r\n--vaguemestre-\r\n" * 50, b"\0"])
async def test_any_bytes_travel(access: Access, content: bytes):
    sending = sending_of(fictional_cda(), access)

    async with connect(access) as client:
        await client.provide(PATIENT, sending.submission, {**sending.documents, DOCUMENT: content})
        back = await client.read(PATIENT, DOCUMENT)

    assert back == content
