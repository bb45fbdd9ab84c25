"""The TEST authority: what it issues is accepted by OpenSSL's own rules, and nothing else is."""

import socket
import ssl
import subprocess
import threading
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509

from vaguemestre.app.pki import Authority, CertificateRequest, Issued, operator_subject
from vaguemestre.kernel.clock import SystemClock
from vaguemestre.kernel.errors import ConfigurationError
from vaguemestre.kernel.tls import client_context as relay_context
from vaguemestre.kernel.tls import server_context

NOW = SystemClock().now()
HOSTS = ("localhost", "127.0.0.1", "::1", "demo.mssante.fr")


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    made = Authority.create(NOW)
    made.save(tmp_path)
    (tmp_path / "ca.crl.pem").write_bytes(made.revocation_list((), NOW))
    made.issue(request(client=False), NOW).write(tmp_path, "server")
    return made


def request(*, client: bool, host: str = "demo.mssante.fr") -> CertificateRequest:
    return CertificateRequest(subject=operator_subject(host, "OPERATEUR TEST"), hosts=HOSTS, for_client=client)


def handshake(folder: Path, client: ssl.SSLContext) -> bytes:
    """Run one TLS session with a listener that demands a certificate; returns what the server says."""
    crl = folder / "ca.crl.pem"
    context = server_context(folder / "server.pem", folder / "server.key", client_ca=folder / "ca.pem", crls=[crl])
    return handshake_with(context, client)


def handshake_with(context: ssl.SSLContext, client: ssl.SSLContext) -> bytes:
    """Run one TLS session on loopback; returns what the server says."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=greet, args=(listener, context), daemon=True).start()
        with (
            socket.create_connection(listener.getsockname(), timeout=5) as raw,
            client.wrap_socket(raw, server_hostname="localhost") as tls,
        ):
            return tls.recv(100)


def greet(listener: socket.socket, context: ssl.SSLContext) -> None:
    raw, _ = listener.accept()
    try:
        with context.wrap_socket(raw, server_side=True) as tls:
            tls.sendall(b"bonjour")
            tls.unwrap()
    except OSError:
        raw.close()


def client_context(folder: Path, issued: Issued | None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(folder / "ca.pem"))
    if issued is not None:
        issued.write(folder, "client")
        context.load_cert_chain(folder / "client.pem", folder / "client.key")
    return context


def test_a_client_of_the_authority_and_the_server_accept_each_other(tmp_path: Path, authority: Authority) -> None:
    client = client_context(tmp_path, authority.issue(request(client=True), NOW))

    assert handshake(tmp_path, client) == b"bonjour"


@pytest.mark.requirement("VGM:OP-2")
def test_a_client_whose_certificate_expired_is_refused(tmp_path: Path, authority: Authority) -> None:
    past = CertificateRequest(
        subject=operator_subject("peer.mssante.fr", "PAIR"), hosts=HOSTS, for_client=True, lifetime=timedelta(hours=1)
    )
    issued = authority.issue(past, NOW - timedelta(days=2))

    with pytest.raises(OSError, match=r"expired|reset"):
        handshake(tmp_path, client_context(tmp_path, issued))


@pytest.mark.requirement("VGM:OP-2")
def test_a_client_of_another_authority_is_refused(tmp_path: Path, authority: Authority) -> None:
    client = client_context(tmp_path, Authority.create(NOW).issue(request(client=True), NOW))

    with pytest.raises(OSError, match=r"unknown ca|reset"):
        handshake(tmp_path, client)


@pytest.mark.requirement("VGM:OP-2")
def test_a_revoked_client_is_refused(tmp_path: Path, authority: Authority) -> None:
    issued = authority.issue(request(client=True), NOW)
    revoked = x509.load_pem_x509_certificate(issued.certificate)
    (tmp_path / "ca.crl.pem").write_bytes(authority.revocation_list([revoked], NOW))

    with pytest.raises(OSError, match=r"revoked|reset"):
        handshake(tmp_path, client_context(tmp_path, issued))


@pytest.mark.requirement("VGM:OP-2")
def test_a_client_without_certificate_is_refused(tmp_path: Path, authority: Authority) -> None:
    with pytest.raises(OSError, match=r"certificate required|reset"):
        handshake(tmp_path, client_context(tmp_path, None))


@pytest.mark.requirement("MSS2:ECO.1.1.1")
@pytest.mark.parametrize(("version", "accepted"), [("-tls1_1", False), ("-tls1_2", True), ("-tls1_3", True)])
def test_nothing_older_than_tls_1_2_is_spoken(
    tmp_path: Path, authority: Authority, version: str, accepted: bool
) -> None:
    context = server_context(tmp_path / "server.pem", tmp_path / "server.key")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=greet, args=(listener, context), daemon=True).start()
        host, port = listener.getsockname()
        command = ["openssl", "s_client", version, "-cipher", "ALL:@SECLEVEL=0", "-connect", f"{host}:{port}"]
        done = subprocess.run(command, input="", capture_output=True, text=True, check=False, timeout=10)

    assert ("BEGIN CERTIFICATE" in done.stdout) is accepted


def test_openssl_verifies_the_chain_with_its_strict_rules(tmp_path: Path, authority: Authority) -> None:
    command = ["openssl", "verify", "-x509_strict", "-CAfile", "ca.pem", "-purpose", "sslserver", "server.pem"]

    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout.strip()) == (0, "server.pem: OK")


def test_openssl_can_sign_with_the_key_beside_the_authority(tmp_path: Path, authority: Authority) -> None:
    subprocess.run(
        ["openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "peer.key",
         "-subj", "/C=FR/O=PEER/CN=peer.mssante.fr", "-out", "peer.csr"],
        cwd=tmp_path, capture_output=True, check=True,
    )  # fmt: skip
    subprocess.run(
        ["openssl", "x509", "-req", "-in", "peer.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-out", "peer.pem"],
        cwd=tmp_path, capture_output=True, check=True,
    )  # fmt: skip
    client = client_context(tmp_path, None)
    client.load_cert_chain(tmp_path / "peer.pem", tmp_path / "peer.key")

    assert handshake(tmp_path, client) == b"bonjour"


def test_names_say_that_the_authority_is_a_test_one(authority: Authority) -> None:
    names = [authority.certificate.subject.rfc4514_string(), authority.root.subject.rfc4514_string()]

    assert all(name.startswith("CN=TEST AC ") for name in names)
    assert authority.certificate.issuer == authority.root.subject


def test_keys_are_for_their_owner_only_and_never_replaced(tmp_path: Path, authority: Authority) -> None:
    modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.glob("*.key")}

    assert modes == {"ca.key": 0o600, "server.key": 0o600}
    with pytest.raises(ConfigurationError, match="exists already"):
        authority.save(tmp_path)


def test_an_authority_is_read_back(tmp_path: Path, authority: Authority) -> None:
    again = Authority.load(tmp_path)

    assert again.certificate == authority.certificate
    with pytest.raises(ConfigurationError):
        Authority.load(tmp_path / "absent")


@pytest.mark.requirement("MSS2:ECO.1.1.3")
def test_only_ciphers_of_the_list_are_spoken_to_peers_and_by_us(tmp_path: Path, authority: Authority) -> None:
    pair = (tmp_path / "server.pem", tmp_path / "server.key")
    admitted = {
        f"ECDHE-{kind}-{cipher}"
        for kind in ("RSA", "ECDSA")
        for cipher in ("AES128-GCM-SHA256", "AES256-GCM-SHA384", "CHACHA20-POLY1305")
    }

    for context in (server_context(*pair), relay_context(*pair, authority=tmp_path / "ca.pem")):
        names = {each["name"] for each in context.get_ciphers()}

        assert {name for name in names if not name.startswith("TLS_")} == admitted
        assert {name for name in names if name.startswith("TLS_")} >= {"TLS_AES_256_GCM_SHA384"}
        assert context.minimum_version is ssl.TLSVersion.TLSv1_2
