"""Mail programs that others wrote sign in to the whole program, by every mechanism that they speak."""

import imaplib
import smtplib
import ssl
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import NameOID

from tests.standins.instance import prepare_instance
from tests.standins.issuer import TokenIssuer
from tests.standins.scram_client import ScramClient
from vaguemestre.app.demo.people import DURAND, MARTIN
from vaguemestre.app.demo.program import Program
from vaguemestre.app.pki import Authority, CertificateRequest
from vaguemestre.kernel.clock import SystemClock

NOW = SystemClock().now()
PERSON = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"8{MARTIN.rpps}")])


@dataclass
class Served:
    """A running instance, its ports, and an issuer of tokens that it believes."""

    program: Program
    ports: dict[str, int]
    issuer: TokenIssuer
    pki: Path

    def token(self, **claims: Any) -> str:
        soon = int((SystemClock().now() + timedelta(minutes=4)).timestamp())
        return self.issuer.sign({"SubjectNameID": f"8{MARTIN.rpps}", "exp": soon, "scope": "openid mail", **claims})

    def client_context(self, certificate: str = "") -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=str(self.pki / "ca.pem"))
        if certificate:
            context.load_cert_chain(self.pki / f"{certificate}.pem", self.pki / f"{certificate}.key")
        return context

    def end_point(self) -> bytes:
        return x509.load_pem_x509_certificates((self.pki / "server.pem").read_bytes())[0].fingerprint(SHA256())

    def imap(self, certificate: str = "") -> imaplib.IMAP4_SSL:
        return imaplib.IMAP4_SSL(
            "127.0.0.1", self.ports["imaps"], ssl_context=self.client_context(certificate), timeout=20
        )

    def smtp(self, certificate: str = "") -> smtplib.SMTP:
        client = smtplib.SMTP("127.0.0.1", self.ports["submission"], timeout=20)
        client.starttls(context=self.client_context(certificate))
        client.ehlo()
        return client

    def curl(self, scheme: str, path: str, *options: str) -> subprocess.CompletedProcess[bytes]:
        address = f"{scheme}://127.0.0.1:{self.ports['imaps' if scheme == 'imaps' else 'submission']}"
        command = ["curl", "--silent", "--show-error", "--ssl-reqd", "--cacert", str(self.pki / "ca.pem"), *options]
        return subprocess.run([*command, f"{address}/{path}"], capture_output=True, timeout=30, check=False)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("sign-in") / "instance"
    program = prepare_instance(folder)
    pki = folder / "pki"
    authority = Authority.load(pki)
    card = authority.issue(CertificateRequest(subject=PERSON, hosts=(), for_client=True, for_server=False), NOW)
    card.write(pki, "card")
    lost = authority.issue(CertificateRequest(subject=PERSON, hosts=(), for_client=True, for_server=False), NOW)
    lost.write(pki, "lost")
    revoked = [x509.load_pem_x509_certificate(lost.certificate)]
    (pki / "ca.crl.pem").write_bytes(authority.revocation_list(revoked, NOW + timedelta(seconds=1)))
    with TokenIssuer() as issuer, (folder / "vaguemestre.toml").open("a", encoding="utf-8") as config:
        config.write(
            f'\n[oauth.issuers.psc]\nissuer = "{issuer.url}"\naudience = ["mail"]\nscope = ["mail"]\n'
            "\n[access.authentication]\npeer_failures = 1000\nchannel_binding = true\n"
        )
        config.flush()
        ports = program.serve("imap", "submission")
        yield Served(program, ports, issuer, pki)
        assert program.stop() == 0


def acts(served: Served) -> list[tuple[str, str]]:
    lines = served.program.run("trace", "list", "--mailbox", MARTIN.address)
    return [(each["act"], each["verdict"]) for each in lines]


MECHANISMS = "SCRAM-SHA-256-PLUS SCRAM-SHA-256 OAUTHBEARER XOAUTH2 PLAIN LOGIN"


def test_both_doors_say_what_they_offer(served: Served) -> None:
    with served.imap() as imap, served.smtp() as smtp, served.imap("card") as shown:
        assert [each.removeprefix("AUTH=") for each in imap.capabilities if each.startswith("AUTH=")] == (
            MECHANISMS.split()
        )
        assert "SASL-IR" in imap.capabilities
        assert smtp.esmtp_features["auth"].strip() == MECHANISMS
        assert "AUTH=EXTERNAL" in shown.capabilities


def test_nothing_is_offered_before_tls(served: Served) -> None:
    clear = imaplib.IMAP4("127.0.0.1", served.ports["imap"], timeout=20)
    smtp = smtplib.SMTP("127.0.0.1", served.ports["submission"], timeout=20)
    smtp.ehlo()

    assert "LOGINDISABLED" in clear.capabilities
    assert not [each for each in clear.capabilities if each.startswith("AUTH=")]
    assert "auth" not in smtp.esmtp_features
    with pytest.raises(imaplib.IMAP4.error, match="PRIVACYREQUIRED"):
        clear.login(MARTIN.address, MARTIN.password)
    assert smtp.docmd("AUTH", "PLAIN AAAA")[0] == 530
    clear.logout()
    smtp.quit()


def bearer(served: Served) -> bytes:
    return f"n,a={MARTIN.address},\x01auth=Bearer {served.token()}\x01\x01".encode()


def xoauth2(served: Served) -> bytes:
    return f"user={MARTIN.address}\x01auth=Bearer {served.token()}\x01\x01".encode()


@pytest.mark.requirement("MSS2:ECO.1.2.1")
@pytest.mark.parametrize(
    ("mechanism", "response", "certificate"),
    [
        ("PLAIN", lambda _: f"\0{MARTIN.address}\0{MARTIN.password}".encode(), ""),
        ("OAUTHBEARER", bearer, ""),
        ("XOAUTH2", xoauth2, ""),
        ("EXTERNAL", lambda _: b"", "card"),
        ("EXTERNAL", lambda _: MARTIN.address.encode(), "card"),
    ],
)
def test_one_response_opens_both_doors(
    served: Served, mechanism: str, response: Callable[[Served], bytes], certificate: str
) -> None:
    with served.imap(certificate) as imap, served.smtp(certificate) as smtp:
        assert imap.authenticate(mechanism, lambda _: response(served))[0] == "OK"
        assert imap.select("INBOX")[0] == "OK"
        code, _ = smtp.auth(mechanism, lambda challenge=None: response(served).decode())
        assert code == 235
        assert smtp.mail(MARTIN.address)[0] == 250


@pytest.mark.parametrize(
    ("mechanism", "gs2"), [("SCRAM-SHA-256", "n,,"), ("SCRAM-SHA-256-PLUS", "p=tls-server-end-point,,")]
)
def test_scram_opens_both_doors(served: Served, mechanism: str, gs2: str) -> None:
    binding = served.end_point() if gs2.startswith("p") else b""
    for_imap, for_smtp = (ScramClient(MARTIN.address, MARTIN.password, gs2, binding) for _ in range(2))

    def answer(client: ScramClient, challenge: bytes) -> bytes:
        if not challenge:
            return client.first()
        return client.final(challenge) if challenge.startswith(b"r=") else b""

    with served.imap() as imap, served.smtp() as smtp:
        assert imap.authenticate(mechanism, lambda challenge: answer(for_imap, challenge))[0] == "OK"
        said = smtp.auth(mechanism, lambda challenge=b"": answer(for_smtp, challenge or b"").decode())
        assert said[0] == 235


def test_a_revoked_certificate_opens_neither_door(served: Served) -> None:
    with served.imap("lost") as imap, served.smtp("lost") as smtp:
        with pytest.raises(imaplib.IMAP4.error, match="AUTHENTICATIONFAILED"):
            imap.authenticate("EXTERNAL", lambda _: b"")
        with pytest.raises(smtplib.SMTPAuthenticationError) as refused:
            smtp.auth("EXTERNAL", lambda challenge=None: "")
    assert refused.value.smtp_code == 535
    assert acts(served)[0] == ("sign_in", "DENY")


def test_a_refused_token_is_explained_first(served: Served) -> None:
    narrow = f"user={MARTIN.address}\x01auth=Bearer {served.token(scope='openid')}\x01\x01".encode()
    heard: list[bytes] = []

    def answer(challenge: bytes) -> bytes:
        heard.append(challenge)
        return narrow if not challenge else b""

    with served.imap() as imap, pytest.raises(imaplib.IMAP4.error, match="AUTHENTICATIONFAILED"):
        imap.authenticate("XOAUTH2", answer)
    assert b'"status": "insufficient_scope"' in heard[1]
    assert f"{served.issuer.url}/.well-known/openid-configuration".encode() in heard[1]


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "OAUTHBEARER", "XOAUTH2", "EXTERNAL"])
@pytest.mark.parametrize("initial", [True, False])
def test_curl_reads_and_sends(served: Served, tmp_path: Path, mechanism: str, *, initial: bool) -> None:
    options = {
        "PLAIN": ["--user", f"{MARTIN.address}:{MARTIN.password}"],
        "LOGIN": ["--user", f"{MARTIN.address}:{MARTIN.password}"],
        "OAUTHBEARER": ["--user", MARTIN.address, "--oauth2-bearer", served.token()],
        "XOAUTH2": ["--user", MARTIN.address, "--oauth2-bearer", served.token()],
        "EXTERNAL": [
            "--user",
            f"{MARTIN.address}:",
            "--cert",
            str(served.pki / "card.pem"),
            "--key",
            str(served.pki / "card.key"),
        ],
    }[mechanism]
    how = ["--login-options", f"AUTH={mechanism}", *(["--sasl-ir"] if initial else []), *options]
    letter = tmp_path / "lettre.eml"
    letter.write_bytes(
        f"From: <{MARTIN.address}>\r\nTo: <{DURAND.address}>\r\nSubject: curl\r\n\r\nBonjour.\r\n".encode()
    )
    sending = ["--mail-from", MARTIN.address, "--mail-rcpt", DURAND.address, "--upload-file", str(letter)]

    read = served.curl("imaps", "INBOX", *how, "--request", "NOOP")
    sent = served.curl("smtp", "curl.test", *how, *sending)

    assert (read.returncode, read.stderr) == (0, b"")
    assert (sent.returncode, sent.stderr) == (0, b"")


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
def test_swaks_sends_with_an_application_password(served: Served, mechanism: str) -> None:
    made = served.program.run("mailbox", "app-password", "add", MARTIN.address, "--label", "swaks", "--scope", "smtp")
    command = [
        *("swaks", "--server", f"127.0.0.1:{served.ports['submission']}", "--tls", "--auth", mechanism),
        *("--auth-user", MARTIN.address, "--from", MARTIN.address, "--to", DURAND.address, "--ehlo", "swaks.test"),
    ]

    right = subprocess.run(
        [*command, "--auth-password", made["password"]], capture_output=True, timeout=30, check=False
    )
    wrong = subprocess.run([*command, "--auth-password", "Faux-12345"], capture_output=True, timeout=30, check=False)

    assert right.returncode == 0, right.stdout
    assert wrong.returncode == 28, wrong.stdout  # swaks: authentication failed
    with served.imap() as imap, pytest.raises(imaplib.IMAP4.error, match="AUTHENTICATIONFAILED"):
        imap.login(MARTIN.address, made["password"])


@pytest.mark.parametrize("mechanism", [each for each in MECHANISMS.split() if each != "LOGIN"])
def test_an_exchange_may_be_given_up(served: Served, mechanism: str) -> None:
    with served.imap() as imap, served.smtp() as smtp:
        with pytest.raises(imaplib.IMAP4.error, match="cancelled"):
            imap.authenticate(mechanism, lambda _: None)
        smtp.docmd("AUTH", mechanism)
        assert smtp.docmd("*")[0] == 501
        assert smtp.noop()[0] == 250
        assert imap.noop()[0] == "OK"


def test_oversized_exchanges_end_the_connection_and_nothing_else(served: Served) -> None:
    smtp = served.smtp()
    smtp.docmd("AUTH", "PLAIN")
    code, _ = smtp.docmd("A" * 20_000)
    with pytest.raises(smtplib.SMTPServerDisconnected):
        smtp.noop()
    with served.imap() as imap, pytest.raises(imaplib.IMAP4.error):
        imap.authenticate("PLAIN", lambda _: b"\0x\0" + b"y" * 40_000)

    with served.imap() as imap:
        assert imap.login(MARTIN.address, MARTIN.password)[0] == "OK"
    assert code == 500
