"""Our XDS services on a real TLS port, and the gateway that gives other makers' programs the VIHF that they lack."""

import asyncio
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx2
from cryptography import x509
from lxml import etree

from access_core.trace.reader import history_of_patient
from dmp_bridge.config import TEST_INS_AUTHORITIES, BridgeSettings
from dmp_bridge.record.documents import content, documents_of
from dmp_bridge.record.model import RecordedDocument
from dmp_bridge.services.endpoint import XdsParts, build_xds
from dmp_bridge.services.trusted import TrustedSigners
from portal.service import Listener, PortalService
from tests.fictional.patient_space import PatientSpace
from tests.fictional.people import add_service
from tests.fictional.xds_client import WSSE, XdsClient
from vaguemestre.app.pki import Authority, CertificateRequest
from vaguemestre.kernel.clock import ManualClock


@dataclass(frozen=True)
class XdsStage:
    """The record of one patient behind its services, at `https://localhost:PORT/xds/`."""

    space: PatientSpace
    software: XdsClient
    port: int
    authority: Path

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}/xds"

    def documents(self) -> list[RecordedDocument]:
        return self.space.database.read_now(lambda tx: documents_of(tx, self.space.patient.id))

    def content(self, found: RecordedDocument) -> bytes:
        return self.space.database.read_now(lambda tx: content(tx, self.space.store, found))

    def acts(self) -> list[tuple[str, str]]:
        """What the trace tells of the patient, oldest first."""
        recorded = self.space.database.read_now(lambda tx: history_of_patient(tx, self.space.patient.id))
        return [(each.entry.act, each.entry.reason) for each in reversed(recorded)]

    def security(self) -> etree._Element:
        """A security header with a fresh VIHF of Dr Martin."""
        header = etree.Element(f"{{{WSSE}}}Security", nsmap={"wsse": WSSE})
        header.append(self.software.sign(self.software.claims().assertion()))
        return header


@contextmanager
def open_xds_stage(folder: Path) -> Iterator[XdsStage]:
    """Serve a record over TLS from a thread."""
    now = datetime.now(UTC)
    space = PatientSpace(folder, clock=ManualClock(now))
    space.database.write_now(lambda tx: add_service(tx, now, space.doctor.address))
    authority = Authority.create(now)
    authority.save(folder)
    authority.issue(CertificateRequest(subject=x509.Name([]), hosts=("localhost",)), now).write(folder, "server")
    parts = XdsParts(
        database=space.database,
        store=space.store,
        clock=space.clock,
        settings=BridgeSettings(ins_authorities=TEST_INS_AUTHORITIES),
        signers=TrustedSigners(authorities=[authority.certificate]),
    )
    endpoint = build_xds(parts)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    def on_loop(make: Callable[[], object]) -> object:
        async def made() -> object:
            found = make()
            return await found if asyncio.iscoroutine(found) else found

        return asyncio.run_coroutine_threadsafe(made(), loop).result(30)

    services = on_loop(lambda: replace(space.services(), xds=endpoint))
    listener = Listener("127.0.0.1", 0, folder / "server.pem", folder / "server.key")
    service = PortalService(services, listener)  # type: ignore[arg-type]
    ports = on_loop(service.start)
    try:
        yield XdsStage(space, XdsClient(endpoint, authority, now), ports["portal"], folder / "ca.pem")  # type: ignore[index]
    finally:
        on_loop(lambda: service.drain(2))
        on_loop(services.authenticator.close)  # type: ignore[attr-defined]
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
        space.close()


@contextmanager
def security_gateway(stage: XdsStage) -> Iterator[str]:
    """Take plain requests on the loopback, put a VIHF into their header, pass them on over TLS; yields the address."""

    class Gateway(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            head, end, rest = body.partition(b"</soapenv:Header>")
            sent = head + etree.tostring(stage.security()) + end + rest
            with httpx2.Client(verify=ssl.create_default_context(cafile=str(stage.authority))) as client:
                headers = {"content-type": self.headers["Content-Type"]}
                answer = client.post(f"{stage.url}/repository", content=sent, headers=headers)
            self.send_response(answer.status_code)
            self.send_header("Content-Type", answer.headers["content-type"])
            self.send_header("Content-Length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Gateway)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
