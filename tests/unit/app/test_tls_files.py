"""The context of a listener takes new files at reload, and keeps the old ones when the new cannot be used."""

import socket
import threading
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from tests.unit.app.test_pki import NOW, client_context, greet, handshake_with, request
from vaguemestre.app.config import PkiSettings
from vaguemestre.app.pki import Authority
from vaguemestre.app.tls_files import ListenerTls
from vaguemestre.kernel.errors import ConfigurationError


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    made = Authority.create(NOW)
    made.save(tmp_path)
    (tmp_path / "ca.crl.pem").write_bytes(made.revocation_list((), NOW))
    made.issue(request(client=True), NOW).write(tmp_path, "operator")
    return made


def settings(folder: Path) -> PkiSettings:
    return PkiSettings(
        authority=folder / "ca.pem",
        revocation=folder,
        operator_certificate=folder / "operator.pem",
        operator_key=folder / "operator.key",
        server_certificate=folder / "operator.pem",
        server_key=folder / "operator.key",
    )


@pytest.mark.requirement("VGM:OP-2")
def test_a_certificate_that_was_revoked_since_is_refused_after_a_reload(tmp_path: Path, authority: Authority) -> None:
    tls = ListenerTls.of_operator(settings(tmp_path))
    peer = authority.issue(request(client=True, host="peer.mssante.fr"), NOW)
    client = client_context(tmp_path, peer)
    before = handshake_with(tls.context, client)
    revoked = x509.load_pem_x509_certificate(peer.certificate)

    (tmp_path / "ca.crl.pem").write_bytes(authority.revocation_list([revoked], NOW + timedelta(minutes=1)))
    tls.reload()

    assert before == b"bonjour"
    with pytest.raises(OSError, match=r"revoked|reset"):
        handshake_with(tls.context, client)


def test_files_that_cannot_be_used_leave_the_old_ones_in_force(tmp_path: Path, authority: Authority) -> None:
    tls = ListenerTls.of_operator(settings(tmp_path))
    client = client_context(tmp_path, authority.issue(request(client=True), NOW))

    (tmp_path / "operator.pem").write_text("rien", encoding="ascii")
    tls.reload()

    assert handshake_with(tls.context, client) == b"bonjour"


@pytest.mark.parametrize("ask_clients", [True, False])
def test_mail_programs_need_no_certificate(tmp_path: Path, authority: Authority, *, ask_clients: bool) -> None:
    tls = ListenerTls.of_server(settings(tmp_path), ask_clients=ask_clients)

    assert handshake_with(tls.context, client_context(tmp_path, None)) == b"bonjour"


def test_mail_programs_may_show_a_certificate_of_our_authorities(tmp_path: Path, authority: Authority) -> None:
    tls = ListenerTls.of_server(settings(tmp_path), ask_clients=True)
    known = client_context(tmp_path, authority.issue(request(client=True), NOW))

    assert handshake_with(tls.context, known) == b"bonjour"


def test_a_certificate_of_a_strange_authority_is_refused(tmp_path: Path, authority: Authority) -> None:
    tls = ListenerTls.of_server(settings(tmp_path), ask_clients=True)
    stranger = client_context(tmp_path, Authority.create(NOW).issue(request(client=True), NOW))

    with pytest.raises(OSError, match=r"unknown|reset|verify"):
        handshake_with(tls.context, stranger)


def test_the_end_point_is_the_hash_of_the_certificate_in_force(tmp_path: Path, authority: Authority) -> None:
    tls = ListenerTls.of_server(settings(tmp_path), ask_clients=False)
    before = tls.end_point

    renewed = authority.issue(request(client=False), NOW)
    (tmp_path / "operator.pem").write_bytes(renewed.certificate)
    (tmp_path / "operator.key").write_bytes(renewed.key)
    tls.reload()

    leaf = x509.load_pem_x509_certificates(renewed.certificate)[0]
    assert tls.end_point == leaf.fingerprint(SHA256()) != before


def test_a_missing_file_stops_the_start(tmp_path: Path, authority: Authority) -> None:
    (tmp_path / "operator.key").unlink()

    with pytest.raises(ConfigurationError, match=r"operator\.pem"):
        ListenerTls.of_operator(settings(tmp_path))


@pytest.mark.requirement("MSS2:ECO.1.1.7")
def test_list_that_expires_stops_no_handshake_the_gateway_judges_then(tmp_path: Path, authority: Authority) -> None:
    stale = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(authority.certificate.subject)
        .last_update(NOW - timedelta(days=2))
        .next_update(NOW - timedelta(days=1))
        .sign(authority.key, SHA256())
    )
    (tmp_path / "ca.crl.pem").write_bytes(stale.public_bytes(Encoding.PEM))
    tls = ListenerTls.of_operator(settings(tmp_path))
    peer = authority.issue(request(client=True, host="peer.mssante.fr"), NOW)

    assert handshake_with(tls.context, client_context(tmp_path, peer)) == b"bonjour"


@pytest.mark.requirement("MSS2:ECO.1.1.6")
def test_list_that_comes_later_is_followed_without_a_signal(tmp_path: Path, authority: Authority) -> None:
    (tmp_path / "ca.crl.pem").unlink()
    tls = ListenerTls.of_operator(settings(tmp_path))
    peer = authority.issue(request(client=True, host="peer.mssante.fr"), NOW)
    client = client_context(tmp_path, peer)
    before = handshake_with(tls.context, client)
    revoked = x509.load_pem_x509_certificate(peer.certificate)
    (tmp_path / "fetched-1.crl.pem").write_bytes(authority.revocation_list([revoked], NOW))

    followed = [tls.follow(), tls.follow()]

    assert before == b"bonjour"
    assert followed == [True, False]
    with pytest.raises(OSError, match=r"revoked|reset"):
        handshake_with(tls.context, client)


@pytest.mark.parametrize("shared", [False, True])
def test_a_port_of_several_processes_gives_no_ticket_that_the_next_could_not_take(
    tmp_path: Path, authority: Authority, shared: bool
) -> None:
    tls = ListenerTls.of_operator(settings(tmp_path), shared=shared)
    client = client_context(tmp_path, authority.issue(request(client=True), NOW))

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=greet, args=(listener, tls.context), daemon=True).start()
        with (
            socket.create_connection(listener.getsockname(), timeout=5) as raw,
            client.wrap_socket(raw, server_hostname="localhost") as connection,
        ):
            connection.recv(100)
            session = connection.session

    assert session is not None
    assert session.has_ticket is not shared
