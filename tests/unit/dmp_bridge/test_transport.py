"""MTOM packages and SOAP envelopes: what is read, what is refused, what is written."""

import pytest
from lxml import etree

from dmp_bridge.transport.mtom import (
    Attachment,
    Package,
    PackageLimits,
    content_id_of,
    read_package,
    write_package,
)
from dmp_bridge.transport.soap import ENVELOPE, SoapFault, read_request, write_answer, write_fault
from vaguemestre.kernel.errors import ProtocolError

MULTIPART = 'multipart/related; boundary="b"; type="application/xop+xml"; start="<root>"'
ROOT = b'--b\r\nContent-Type: application/xop+xml; type="application/soap+xml"\r\nContent-ID: <root>\r\n\r\n<a/>\r\n'
PART = b"--b\r\nContent-Type: application/octet-stream\r\nContent-ID: <1@x>\r\n\r\n\x00\r\n--c\xff\r\n"
HEADERS = (
    '<wsa:Action xmlns:wsa="http://www.w3.org/2005/08/addressing">urn:a</wsa:Action>'
    '<wsa:MessageID xmlns:wsa="http://www.w3.org/2005/08/addressing">urn:uuid:1</wsa:MessageID>'
)
SECURITY = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"


def envelope(headers: str = HEADERS, body: str = "<a/>", namespace: str = ENVELOPE) -> bytes:
    return (
        f'<e:Envelope xmlns:e="{namespace}"><e:Header>{headers}</e:Header><e:Body>{body}</e:Body></e:Envelope>'
    ).encode()


def test_what_was_packed_is_unpacked():
    data = bytes(range(256)) * 10 + b"\r\n--vaguemestre"
    content_type, body = write_package(b"<a/>", [Attachment("1@x", data), Attachment("2@x", b"")], "urn:act")

    package = read_package(content_type, body)

    assert (package.envelope, package.action) == (b"<a/>", "urn:act")
    assert package.attachments == {"1@x": data, "2@x": b""}


def test_a_plain_envelope_is_a_package():
    package = read_package('application/soap+xml; charset=UTF-8; action="urn:a"', b"<a/>")

    assert package == Package(b"<a/>", "urn:a")


@pytest.mark.parametrize(
    "body",
    [
        ROOT + PART + b"--b--\r\n",
        b"preamble\r\n" + ROOT + PART + b"--b--",
        (PART + ROOT + b"--b--\r\n"),
    ],
)
def test_parts_are_told_apart(body: bytes):
    package = read_package(MULTIPART, body)

    assert (package.envelope, package.attachments) == (b"<a/>", {"1@x": b"\x00\r\n--c\xff"})


def test_bare_line_feeds_are_tolerated():
    package = read_package(MULTIPART, (ROOT + PART + b"--b--\r\n").replace(b"\r\n", b"\n"))

    assert package.attachments == {"1@x": b"\x00\n--c\xff"}


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("text/xml", b"<a/>"),
        ("", b""),
        ("multipart/related", ROOT + b"--b--"),
        (MULTIPART, b""),
        (MULTIPART, b"--b"),
        (MULTIPART, b"--b--"),
        (MULTIPART, ROOT),
        (MULTIPART, PART + b"--b--"),
        (MULTIPART, ROOT + PART.replace(b"<1@x>", b"<>") + b"--b--"),
        (MULTIPART, ROOT + PART + PART + b"--b--"),
        (MULTIPART, ROOT + PART * 5 + b"--b--"),
        (MULTIPART, ROOT.replace(b"xop+xml;", b"json;") + b"--b--"),
        (MULTIPART, ROOT.replace(b"\r\n\r\n", b"\r\n", 1) + b"--b--"),
        (MULTIPART, ROOT.replace(b"Content-ID", b"X-Long: " + b"y" * 9000 + b"\r\nContent-ID") + b"--b--"),
        (MULTIPART, ROOT + PART.replace(b"\r\n\r\n", b"\r\nContent-Transfer-Encoding: base64\r\n\r\n", 1) + b"--b--"),
    ],
)
def test_what_is_no_package_is_refused(content_type: str, body: bytes):
    with pytest.raises(ProtocolError):
        read_package(content_type, body, PackageLimits(parts=4))


@pytest.mark.parametrize(("href", "expected"), [("cid:doc%40x", "doc@x"), ("cid:a", "a"), ("http://x", ""), ("", "")])
def test_an_include_names_its_attachment(href: str, expected: str):
    assert content_id_of(href) == expected


def test_a_request_is_read():
    request = read_request(Package(envelope(), attachments={"1": b"x"}), max_bytes=10_000)

    assert (request.action, request.message_id, request.body.tag) == ("urn:a", "urn:uuid:1", "a")
    assert request.security is None


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ('<x:Include xmlns:x="http://www.w3.org/2004/08/xop/include" href="cid:1"/>', b"bytes"),
        ('<x:Include xmlns:x="http://www.w3.org/2004/08/xop/include" href="cid:2"/>', None),
        (" Ynl0\nZXM= ", b"bytes"),
        ("é", None),
        ("", None),
    ],
)
def test_content_is_beside_or_inline(content: str, expected: bytes | None):
    package = Package(envelope(body=f"<a>{content}</a>"), attachments={"1": b"bytes"})

    request = read_request(package, max_bytes=10_000)

    assert request.content_of(request.body) == expected


@pytest.mark.parametrize(
    ("data", "code", "subcode"),
    [
        (b"<", "Sender", ""),
        (b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "Sender", ""),
        (envelope(namespace="http://schemas.xmlsoap.org/soap/envelope/"), "VersionMismatch", ""),
        (envelope(body=""), "Sender", ""),
        (envelope(body="<a/><b/>"), "Sender", ""),
        (envelope(headers=""), "Sender", "wsa:MessageAddressingHeaderRequired"),
        (envelope(headers=HEADERS * 2), "Sender", "wsa:MessageAddressingHeaderRequired"),
        (envelope(headers=HEADERS + '<h xmlns="urn:h" e:mustUnderstand="true"/>'), "MustUnderstand", ""),
        (envelope(headers=HEADERS + f'<s:Security xmlns:s="{SECURITY}"/>' * 2), "Sender", "wsse:InvalidSecurity"),
    ],
)
def test_what_is_wrong_with_an_envelope_has_its_fault(data: bytes, code: str, subcode: str):
    with pytest.raises(SoapFault) as raised:
        read_request(Package(data), max_bytes=10_000)

    assert (raised.value.code, raised.value.subcode) == (code, subcode)


def test_a_fault_says_whose_it_is():
    written = etree.fromstring(write_fault(SoapFault("Indisponible.", sender=False), relates_to="urn:uuid:1"))

    values = [each.text for each in written.iter(f"{{{ENVELOPE}}}Value")]
    assert values == ["env:Receiver"]
    assert written.findtext(".//{http://www.w3.org/2005/08/addressing}RelatesTo") == "urn:uuid:1"


def test_an_answer_relates_to_its_request():
    written = etree.fromstring(write_answer(etree.Element("a"), action="urn:b", relates_to="urn:uuid:1"))

    assert [each.text for each in written[0]] == ["urn:b", "urn:uuid:1"]
    assert written[1][0].tag == "a"
