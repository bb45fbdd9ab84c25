"""The téléservice INSi on loopback: HTTPS with a client certificate, answers that depend on the given name."""

import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from access_core.directories.insi_messages import RESULT, SOAP
from vaguemestre.app.pki import Authority, CertificateRequest, operator_subject

FAULT = "siram_40"


@dataclass
class Teleservice:
    """A service that is up: its address, the files of a client that it knows, what it was asked.

    `answers` gives for a given name (capitals) the code and, with 00, the INS and its key; others are 01.
    """

    url: str
    folder: Path
    answers: dict[str, tuple[str, str]] = field(default_factory=dict)
    asked: list[bytes] = field(default_factory=list)
    respond: Callable[[str], tuple[int, bytes]] | None = None

    def reply(self, body: bytes) -> tuple[int, bytes]:
        """Return the status and the envelope of an answer."""
        self.asked.append(body)
        given = body.partition(b"Prenom>")[2].partition(b"<")[0].decode()
        if self.respond is not None:
            return self.respond(given)
        code, ins = self.answers.get(given, ("01", ""))
        return 200, envelope(result(code, ins))


def result(code: str, ins: str = "") -> str:
    """Return the RESULTAT of a code; INS is 13 characters and a key."""
    person = (
        f"<INDIVIDU><INSACTIF><IdIndividu><NumIdentifiant>{ins[:13]}</NumIdentifiant><Cle>{ins[13:]}</Cle>"
        "</IdIndividu><OID>1.2.250.1.213.1.4.10</OID></INSACTIF><INSHISTO><IdIndividu>"
        "<NumIdentifiant>2090663220123</NumIdentifiant><Cle>55</Cle></IdIndividu></INSHISTO></INDIVIDU>"
    )
    return f'<RESULTAT xmlns="{RESULT}"><CR><CodeCR>{code}</CodeCR></CR>{person if ins else ""}</RESULTAT>'


def fault(subcode: str = FAULT) -> str:
    """Return a fault whose text names somebody, as a service may do."""
    return (
        f'<s:Fault xmlns:s="{SOAP}"><s:Code><s:Value>s:Sender</s:Value><s:Subcode><s:Value>{subcode}</s:Value>'
        "</s:Subcode></s:Code><s:Reason><s:Text>LÉA DURAND inconnue</s:Text></s:Reason></s:Fault>"
    )


def envelope(body: str) -> bytes:
    """Wrap a body in an envelope whose Body has another prefix, as the service does."""
    return f'<soap:Envelope xmlns:soap="{SOAP}"><env:Body xmlns:env="{SOAP}">{body}</env:Body></soap:Envelope>'.encode()


@contextmanager
def start_teleservice(folder: Path) -> Iterator[Teleservice]:
    """Serve on a free port until the block ends; FOLDER receives ca.pem, client.pem and client.key."""
    now = datetime.now(UTC)
    authority = Authority.create(now)
    authority.save(folder)
    subject = operator_subject("localhost", "TEST CNAM")
    authority.issue(CertificateRequest(subject=subject, hosts=("localhost",)), now).write(folder, "insi")
    client = CertificateRequest(subject=subject, hosts=("localhost",), for_client=True, for_server=False)
    authority.issue(client, now).write(folder, "client")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "insi.pem", folder / "insi.key")
    context.load_verify_locations(folder / "ca.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    server = _Server(("127.0.0.1", 0), _Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.service = Teleservice(f"https://localhost:{server.server_port}/lps", folder)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server.service
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Server(ThreadingHTTPServer):
    service: Teleservice
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of a handshake that failed: it is what a test asks for."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_POST(self) -> None:
        """Answer one request."""
        status, content = self.server.service.reply(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(status)
        self.send_header("Content-Type", "application/soap+xml;charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Print nothing."""
