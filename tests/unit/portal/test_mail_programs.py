"""What mail programs are told before they sign in, in each of their forms, with the same values in all."""

import dataclasses
import plistlib
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest
from lxml import etree

from portal.app import create_app
from portal.services import MailSetup
from smtp_gateway.config import SetupSettings
from smtp_gateway.setup.outlook import ENVELOPE, REQUEST, RESPONSE
from smtp_gateway.setup.servers import MailServers
from tests.fictional.patient_space import PatientSpace
from tests.unit.portal.conftest import BASE
from vaguemestre.app.config import STANDARD_PORTS
from vaguemestre.app.mail_programs import sign_profile
from vaguemestre.app.pki import Authority, CertificateRequest, operator_subject
from vaguemestre.kernel.clock import SystemClock

DOMAIN, HOST, MARTIN = "demo.mssante.fr", "mail.demo.mssante.fr", "camille.martin@demo.mssante.fr"
NOW = SystemClock().now()
SERVERS = MailServers.of(
    SetupSettings(host=HOST), DOMAIN, STANDARD_PORTS, domains=(DOMAIN, "autre.mssante.fr"), patient_domains=("p.fr",)
)


@pytest.fixture
def pki(tmp_path: Path) -> Path:
    authority = Authority.create(NOW)
    authority.save(tmp_path)
    asked = CertificateRequest(subject=operator_subject(HOST, "OPERATEUR TEST"), hosts=(HOST,))
    authority.issue(asked, NOW).write(tmp_path, "server")
    return tmp_path


@pytest.fixture
async def client(space: PatientSpace, pki: Path) -> AsyncIterator[httpx2.AsyncClient]:
    def sign(content: bytes) -> bytes:
        return sign_profile(pki / "server.pem", pki / "server.key", content)

    services = dataclasses.replace(space.services(), mail_setup=MailSetup(servers=SERVERS, sign_profile=sign))
    transport = httpx2.ASGITransport(app=create_app(services))
    async with httpx2.AsyncClient(transport=transport, base_url=BASE) as made:
        yield made
    services.authenticator.close()


@pytest.mark.requirement("MSS2:ECO.1.1.9")
@pytest.mark.parametrize(
    "path",
    [
        "/.well-known/autoconfig/mail/config-v1.1.xml",
        f"/mail/config-v1.1.xml?emailaddress={MARTIN}",
        "/mail/config-v1.1.xml?emailaddress=personne%40demo.mssante.fr",
    ],
)
async def test_thunderbird_finds_its_file(client: httpx2.AsyncClient, path: str) -> None:
    answer = await client.get(path)

    root = etree.fromstring(answer.content)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("application/xml")
    assert [each.text for each in root.findall("emailProvider/domain")] == [DOMAIN, "autre.mssante.fr"]
    found = [
        (server.get("type"), *(server.findtext(name) for name in ("hostname", "port", "socketType", "username")))
        for server in root.iter("incomingServer", "outgoingServer")
    ]
    assert found == [
        ("imap", HOST, "993", "SSL", "%EMAILADDRESS%"),
        ("imap", HOST, "143", "STARTTLS", "%EMAILADDRESS%"),
        ("smtp", HOST, "465", "SSL", "%EMAILADDRESS%"),
        ("smtp", HOST, "587", "STARTTLS", "%EMAILADDRESS%"),
    ]


@pytest.mark.parametrize(
    "path",
    [
        "/mail/config-v1.1.xml?emailaddress=x@ailleurs.fr",
        "/mail/config-v1.1.xml?emailaddress=279035121518989@p.fr",
        "/mail/profil.mobileconfig",
        "/mail/profil.mobileconfig?emailaddress=@demo.mssante.fr",
        "/mail/profil.mobileconfig?emailaddress=x@ailleurs.fr",
        "/mail/profil.mobileconfig?emailaddress=%00x@demo.mssante.fr",
        "/mail/profil.mobileconfig?emailaddress=%C3%A9@demo.mssante.fr",
    ],
)
async def test_other_domains_and_what_is_no_address_have_nothing(client: httpx2.AsyncClient, path: str) -> None:
    assert (await client.get(path)).status_code == 404


def outlook_request(address: str = MARTIN, schema: str = RESPONSE) -> bytes:
    return (
        f'<?xml version="1.0" encoding="utf-8"?><Autodiscover xmlns="{REQUEST}"><Request>'
        f"<EMailAddress>{address}</EMailAddress><AcceptableResponseSchema>{schema}</AcceptableResponseSchema>"
        "</Request></Autodiscover>"
    ).encode()


@pytest.mark.parametrize("path", ["/autodiscover/autodiscover.xml", "/Autodiscover/Autodiscover.xml"])
async def test_outlook_is_answered(client: httpx2.AsyncClient, path: str) -> None:
    answer = await client.post(path, content=outlook_request())

    names = ("Type", "Server", "Port", "LoginName", "SSL", "Encryption")
    protocols = etree.fromstring(answer.content).iter(f"{{{RESPONSE}}}Protocol")
    assert [tuple(each.findtext(f"{{{RESPONSE}}}{name}") for name in names) for each in protocols] == [
        ("IMAP", HOST, "993", MARTIN, "on", "SSL"),
        ("SMTP", HOST, "465", MARTIN, "on", "SSL"),
        ("SMTP", HOST, "587", MARTIN, "off", "TLS"),
    ]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "600"),
        (b"<x/>", "600"),
        (b"pas du XML", "600"),
        (b'<!DOCTYPE x [<!ENTITY y SYSTEM "file:///etc/passwd">]><x>&y;</x>', "600"),
        (outlook_request("pas une adresse"), "600"),
        (outlook_request("x@ailleurs.fr"), "500"),
        (
            outlook_request(schema="http://schemas.microsoft.com/exchange/autodiscover/mobilesync/responseschema/2006"),
            "601",
        ),
    ],
)
async def test_a_request_of_outlook_that_is_none(client: httpx2.AsyncClient, body: bytes, code: str) -> None:
    answer = await client.post("/autodiscover/autodiscover.xml", content=body)

    assert etree.fromstring(answer.content).findtext(f".//{{{ENVELOPE}}}ErrorCode") == code
    assert b"passwd" not in answer.content


async def test_a_request_of_outlook_is_short(client: httpx2.AsyncClient) -> None:
    answer = await client.post("/autodiscover/autodiscover.xml", content=b"<x>" + b" " * 20_000 + b"</x>")

    assert answer.status_code == 400


async def test_outlook_for_mobile_is_sent_to_the_other_form(client: httpx2.AsyncClient) -> None:
    path = f"/autodiscover/autodiscover.json/v1.0/{MARTIN}"

    sent = await client.get(path, params={"Protocol": "AutodiscoverV1"})
    old = await client.get("/autodiscover/autodiscover.json", params={"Email": MARTIN, "Protocol": "autodiscoverv1"})
    other = await client.get(path, params={"Protocol": "Rest"})

    assert sent.json() == old.json() == {"Protocol": "AutodiscoverV1", "Url": f"{BASE}/autodiscover/autodiscover.xml"}
    assert (other.status_code, other.json()["ErrorCode"]) == (400, "InvalidProtocol")


async def test_apple_takes_a_profile_that_openssl_verifies(client: httpx2.AsyncClient, pki: Path) -> None:
    answer = await client.get("/mail/profil.mobileconfig", params={"emailaddress": MARTIN.title()})
    again = await client.get("/mail/profil.mobileconfig", params={"emailaddress": MARTIN})

    command = ["openssl", "cms", "-verify", "-inform", "DER", "-purpose", "any", "-CAfile", str(pki / "ca.pem")]
    verified = subprocess.run(command, input=answer.content, capture_output=True, check=False)
    assert answer.headers["content-type"] == "application/x-apple-aspen-config"
    assert verified.returncode == 0, verified.stderr
    profile = plistlib.loads(verified.stdout)
    [mail] = profile["PayloadContent"]
    assert mail["PayloadType"] == "com.apple.mail.managed"
    assert (mail["IncomingMailServerHostName"], mail["IncomingMailServerPortNumber"]) == (HOST, 993)
    assert (mail["OutgoingMailServerHostName"], mail["OutgoingMailServerPortNumber"]) == (HOST, 465)
    assert mail["EmailAddress"] == mail["IncomingMailServerUsername"] == MARTIN
    assert plistlib.dumps(profile) in again.content  # the same mailbox, the same identifiers


async def test_senders_find_the_policy(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/.well-known/mta-sts.txt", headers={"Host": f"mta-sts.{DOMAIN}"})

    assert answer.headers["content-type"].startswith("text/plain")
    assert answer.text == f"version: STSv1\r\nmode: enforce\r\nmx: {DOMAIN}\r\nmax_age: 604800\r\n"


async def test_a_portal_without_mail_programs_tells_nothing(space: PatientSpace) -> None:
    services = space.services()
    transport = httpx2.ASGITransport(app=create_app(services))
    async with httpx2.AsyncClient(transport=transport, base_url=BASE) as alone:
        answers = [
            (await alone.get("/mail/config-v1.1.xml")).status_code,
            (await alone.post("/autodiscover/autodiscover.xml")).status_code,
            (await alone.get("/.well-known/mta-sts.txt")).status_code,
        ]
    services.authenticator.close()

    assert answers == [404] * 3
