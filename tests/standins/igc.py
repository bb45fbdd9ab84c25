"""A TEST IGC-Santé: two levels, certificates that name lists and responders, and the server that publishes both.

Lists and answers are real bytes, made and signed here by `cryptography`; a test says which are wrong, and how.
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from cryptography.x509 import ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID

from vaguemestre.app.pki import Authority, key_pem, operator_subject, write_secret

HOUR = timedelta(hours=1)


@dataclass(kw_only=True)
class Wish:
    """What a certificate is to be, where it differs from a good one."""

    subject: x509.Name | None = None
    lists: Sequence[str] = ()
    responders: Sequence[str] = ()
    begins: datetime | None = None
    ends: datetime | None = None
    usages: Sequence[x509.ObjectIdentifier] = (ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH)


class Igc:
    """The issuing authority, under its root; `folder` gets `ca.pem`, `ca.key` and what it issues."""

    def __init__(self, folder: Path, authority: Authority | None = None) -> None:
        folder.mkdir(exist_ok=True)
        self.folder = folder
        self.authority = authority or Authority.create(datetime.now(UTC))
        if authority is None:
            self.authority.save(folder)

    def issue(self, stem: str, wish: Wish | None = None) -> x509.Certificate:
        """Write STEM.pem (with its chain) and STEM.key; the host is mx.STEM.test."""
        wish, now = wish or Wish(), datetime.now(UTC)
        key, issuer = ec.generate_private_key(ec.SECP256R1()), self.authority.certificate
        builder = (
            x509.CertificateBuilder()
            .subject_name(wish.subject or operator_subject(f"mx.{stem}.test", "TEST OPERATEUR"))
            .issuer_name(issuer.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(wish.begins or now - HOUR)
            .not_valid_after(wish.ends or now + 1_000 * HOUR)
            .add_extension(x509.ExtendedKeyUsage(list(wish.usages)), critical=False)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        )
        if wish.lists:
            points = [x509.DistributionPoint([_uri(url)], None, None, None) for url in wish.lists]
            builder = builder.add_extension(x509.CRLDistributionPoints(points), critical=False)
        if wish.responders:
            oid = AuthorityInformationAccessOID.OCSP
            named = [x509.AccessDescription(oid, _uri(url)) for url in wish.responders]
            builder = builder.add_extension(x509.AuthorityInformationAccess(named), critical=False)
        certificate = builder.sign(self.authority.key, hashes.SHA256())
        chain = certificate.public_bytes(Encoding.PEM) + issuer.public_bytes(Encoding.PEM)
        (self.folder / f"{stem}.pem").write_bytes(chain)
        (self.folder / f"{stem}.key").unlink(missing_ok=True)
        write_secret(self.folder / f"{stem}.key", key_pem(key))
        return certificate

    def crl(
        self,
        revoked: Sequence[x509.Certificate] = (),
        *,
        made_at: datetime | None = None,
        due_at: datetime | None = None,
        extensions: Sequence[tuple[x509.ExtensionType, bool]] = (),
    ) -> bytes:
        """Return a list in DER, made an hour ago and due tomorrow unless said otherwise."""
        now = datetime.now(UTC)
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self.authority.certificate.subject)
            .last_update(made_at or now - HOUR)
            .next_update(due_at or now + 24 * HOUR)
        )
        for certificate in revoked:
            entry = x509.RevokedCertificateBuilder().serial_number(certificate.serial_number)
            builder = builder.add_revoked_certificate(entry.revocation_date(now - HOUR).build())
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical=critical)
        return builder.sign(self.authority.key, hashes.SHA256()).public_bytes(Encoding.DER)

    def delegate(self, *usages: x509.ObjectIdentifier) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
        """Issue the certificate of a responder; returns it with its key."""
        wish = Wish(usages=usages or (ExtendedKeyUsageOID.OCSP_SIGNING,))
        certificate = self.issue("responder", wish)
        key = load_pem_private_key((self.folder / "responder.key").read_bytes(), None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        return certificate, key


@dataclass
class Responder:
    """How the responder answers; every field may be made wrong."""

    igc: Igc
    revoked: set[int] = field(default_factory=set)
    unknown: set[int] = field(default_factory=set)
    signer: tuple[x509.Certificate, ec.EllipticCurvePrivateKey] | None = None
    """A delegated responder; None: the authority itself."""
    made_at: datetime | None = None
    due_at: datetime | None = None
    nonce: bytes | None = b""
    """Empty: repeated; None: left out; else another one."""
    serial: int | None = None
    """Of another certificate than the one asked about."""
    replay: bytes | None = None
    """The answer given whatever is asked."""
    asked: int = 0
    last: bytes = b""

    def answer(self, body: bytes) -> bytes:
        """Return the DER of the answer to a question."""
        self.asked += 1
        if self.replay is not None:
            return self.replay
        question, now = ocsp.load_der_ocsp_request(body), datetime.now(UTC)
        certificate, key = self.signer or (self.igc.authority.certificate, self.igc.authority.key)
        status = ocsp.OCSPCertStatus.GOOD
        if question.serial_number in self.unknown:
            status = ocsp.OCSPCertStatus.UNKNOWN
        if question.serial_number in self.revoked:
            status = ocsp.OCSPCertStatus.REVOKED
        builder = ocsp.OCSPResponseBuilder().add_response_by_hash(
            issuer_name_hash=question.issuer_name_hash,
            issuer_key_hash=question.issuer_key_hash,
            serial_number=self.serial or question.serial_number,
            algorithm=question.hash_algorithm,
            cert_status=status,
            this_update=self.made_at or now - HOUR,
            next_update=self.due_at or now + HOUR,
            revocation_time=now - HOUR if status is ocsp.OCSPCertStatus.REVOKED else None,
            revocation_reason=None,
        )
        builder = builder.responder_id(ocsp.OCSPResponderEncoding.HASH, certificate)
        if self.signer is not None:
            builder = builder.certificates([certificate])
        if self.nonce is not None:
            asked = question.extensions.get_extension_for_class(x509.OCSPNonce).value.nonce
            builder = builder.add_extension(x509.OCSPNonce(self.nonce or asked), critical=False)
        self.last = builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)
        return self.last


class PkiServer:
    """Publishes lists (GET) and answers questions (POST) over HTTP on loopback."""

    def __init__(self, responder: Responder | None = None) -> None:
        self.documents: dict[str, bytes] = {}
        self.responder = responder
        self.served = 0
        publisher = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                document = publisher.documents.get(self.path)
                etag = f'"{hash(document)}"'
                known = document is not None and self.headers.get("If-None-Match") == etag
                self.send_response(304 if known else 404 if document is None else 200)
                self.send_header("ETag", etag)
                self.end_headers()
                if document is not None and not known:
                    publisher.served += 1
                    self.wfile.write(document)

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if publisher.responder is None:
                    self.send_response(503)
                    self.end_headers()
                    return
                answer = publisher.responder.answer(body)
                self.send_response(200)
                self.send_header("Content-Type", "application/ocsp-response")
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_arguments: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def url(self, path: str = "/ca.crl") -> str:
        """Return the address of a document."""
        return f"http://127.0.0.1:{self._server.server_address[1]}{path}"

    def close(self) -> None:
        """Stop."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def _uri(url: str) -> x509.GeneralName:
    return x509.UniformResourceIdentifier(url)
