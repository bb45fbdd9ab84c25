"""CDA documents of ours and of hostile senders: read, refused, written."""

import base64
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from dmp_bridge.cda.body import Body, read_body
from dmp_bridge.cda.header import InstanceId
from dmp_bridge.cda.level_1 import Level1Request, compose_level_1
from dmp_bridge.cda.reader import read_cda
from dmp_bridge.refusals import ExchangeError, Refusal
from vaguemestre.app.demo.fictional_documents import CAMILLE_MARTIN, DOMINIQUE, WRITTEN_AT, fictional_cda, fictional_pdf

CDA = fictional_cda()


def refusal_of(data: bytes) -> Refusal:
    with pytest.raises(ExchangeError) as caught:
        read_cda(data)
    return caught.value.code


def test_our_document_says_who_what_when():
    header = read_cda(CDA)

    assert header.code.code == "11488-4"
    assert header.effective_time == "20260115101500+0100"
    assert header.patient.ins == InstanceId("1.2.250.1.213.1.4.10", "279035121518989")
    assert (header.patient.birth_family, header.patient.first_given) == ("PAT-TROIS", "DOMINIQUE")
    assert header.authors[0].family == "MARTIN"
    assert header.legal_authenticator == header.authors[0]
    assert header.version == 1
    assert header.replaced == ()


def test_our_document_is_valid(corpus):
    schema = etree.XMLSchema(etree.parse(corpus / "xsd" / "cda" / "CDA_extended.xsd"))

    schema.assertValid(etree.fromstring(CDA))


def test_the_body_is_the_file_that_was_wrapped():
    pdf = fictional_pdf("Une ligne (entre parenthèses)", "et une autre")

    body = read_body(fictional_cda(pdf=pdf))

    assert body == Body("application/pdf", pdf)


def test_a_new_version_names_the_one_that_it_replaces():
    first = read_cda(CDA)
    assert first.set_id is not None

    second = read_cda(fictional_cda(replaces=(first.id, first.set_id, 1)))

    assert (second.replaced, second.set_id, second.version) == ((first.id,), first.set_id, 2)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", Refusal.CDA_UNREADABLE),
        (b"%PDF-1.4", Refusal.CDA_UNREADABLE),
        (CDA[:-10], Refusal.CDA_UNREADABLE),
        (b"<!DOCTYPE ClinicalDocument>" + CDA.partition(b"?>")[2], Refusal.CDA_UNREADABLE),
        (b'<!DOCTYPE x [<!ENTITY a "a">]>' + CDA.partition(b"?>")[2], Refusal.CDA_UNREADABLE),
        (b"<ContinuityOfCareRecord/>", Refusal.DOCUMENT_NOT_CDA),
        (b"<ClinicalDocument/>", Refusal.DOCUMENT_NOT_CDA),
        (b'<x:stylesheet xmlns:x="http://www.w3.org/1999/XSL/Transform"/>', Refusal.DOCUMENT_NOT_CDA),
        (b'<ClinicalDocument xmlns="urn:hl7-org:v3"/>', Refusal.CDA_INCOMPLETE),
        (CDA.replace(b"recordTarget", b"recordtarget"), Refusal.CDA_INCOMPLETE),
    ],
)
@pytest.mark.requirement("CI-SIS:StructurationMinimale")
def test_what_cannot_be_trusted_is_refused_with_its_reason(data, expected):
    assert refusal_of(data) is expected


def test_a_document_inside_its_style_sheet_is_unwrapped():
    inner = CDA.partition(b"?>")[2]
    wrapped = (
        b'<x:stylesheet version="1.0" xmlns:x="http://www.w3.org/1999/XSL/Transform"><c:Contenu '
        b'xmlns:c="urn:asip-sante:ci-sis">' + inner + b"</c:Contenu></x:stylesheet>"
    )

    header = read_cda(wrapped)

    assert header.self_presenting
    assert replace(header, self_presenting=False) == read_cda(CDA)


@pytest.mark.parametrize("body", [b"@@@", b""])
def test_a_body_that_is_not_base64_is_refused(body):
    start, _, rest = CDA.partition(b'representation="B64">')
    damaged = start + b'representation="B64">' + body + rest[rest.index(b"</text>") :]

    with pytest.raises(ExchangeError, match=Refusal.CDA_INCOMPLETE):
        read_body(damaged)


def test_a_text_body_may_be_written_plainly():
    start, _, rest = CDA.partition(b'<text mediaType="application/pdf" representation="B64">')
    plain = start + b'<text mediaType="text/plain">Bonjour' + rest[rest.index(b"</text>") :]

    assert read_body(plain) == Body("text/plain", b"Bonjour")


def request_for(body: Body, type_code: str | None = None) -> Level1Request:
    return Level1Request(
        patient=DOMINIQUE.identity, author=CAMILLE_MARTIN.person, body=body, written_at=WRITTEN_AT, type_code=type_code
    )


def test_a_picture_is_by_default_a_picture():
    picture = Body("image/jpeg", base64.b64decode(b"/9j/4AAQSkZJRgABAQ=="))

    header = read_cda(compose_level_1(request_for(picture)))

    assert (header.code.code, header.title) == ("52040-3", "Document encapsulant une image d'illustration non DICOM")


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (request_for(Body("image/png", b"x")), Refusal.DOCUMENT_NOT_CDA),
        (request_for(Body("application/pdf", b"x"), "0-0"), Refusal.CDA_INCOMPLETE),
    ],
)
def test_a_file_or_type_that_the_dmp_does_not_take_is_not_wrapped(request_, expected):
    with pytest.raises(ExchangeError, match=expected):
        compose_level_1(request_)


def test_a_scan_of_ten_megabytes_is_read():
    scan = b"%PDF-1.4" + bytes(10 * 1024 * 1024)

    body = read_body(fictional_cda(pdf=scan))

    assert body == Body("application/pdf", scan)


XXE = b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
PARAMETER = b'<!DOCTYPE a [<!ENTITY % x SYSTEM "http://127.0.0.1:1/x.dtd"> %x;]>'
ROOT = CDA.partition(b"?>")[2]


@pytest.mark.parametrize(
    "data",
    [
        XXE + ROOT.replace(b"<title>", b"<title>&x;"),
        PARAMETER + ROOT,
        b'<!DOCTYPE a SYSTEM "http://127.0.0.1:1/x.dtd">' + ROOT,
        b"<?xml version='1.0'?>\n<!-- a -->\n<!DOCTYPE a>" + ROOT,
        ROOT.replace(b"<title>", b"<title>" + b"<b>" * 10_000),
        ROOT.replace(b"<title>", b"<title>" + b"<b>" * 10_000 + b"</b>" * 10_000),
        CDA.decode().replace("UTF-8", "ISO-8859-1").encode("latin-1"),
        CDA.replace(b"<title>", b"<title>\xe9"),
        CDA.decode().encode("utf-16"),
        b"\0" * 1000,
    ],
    ids=["xxe", "parameter", "external", "after", "open", "deep", "latin-1", "not utf-8", "utf-16", "nul"],
)
@pytest.mark.requirement("CI-SIS:StructurationMinimale")
def test_a_document_that_would_reach_outside_or_is_no_utf_8_is_not_read_at_all(data):
    assert refusal_of(data) is Refusal.CDA_UNREADABLE


def test_an_inclusion_stays_words():
    included = b'<title><i:include xmlns:i="http://www.w3.org/2001/XInclude" href="/etc/passwd" parse="text"/>'

    assert read_cda(CDA.replace(b"<title>", included)).title == "Compte rendu de consultation"


LAUGHS = (
    '<!DOCTYPE l [<!ENTITY a "aaaaaaaaaaaaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">'
    '<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;"><!ENTITY d "&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;">]>'
)
PADDING = f"<!--{'x' * 10_000_000}-->"


@pytest.mark.parametrize(
    "data",
    [
        f'{LAUGHS}<l x="&d;">{PADDING}</l>'.encode(),
        f'<?xml version="1.0" encoding="UTF-16"?>{LAUGHS}<l x="&d;">{PADDING}</l>'.encode("utf-16"),
        f'<?xml version="1.0"{" " * 300}encoding="UTF-7"?>+ADwAIQ-DOCTYPE l><l>{PADDING}</l>'.encode(),
        (f'<?xml version="1.0" encoding="IBM037"?><!DOCTYPE l><l>{PADDING}</l>').encode("cp037"),
        (f"{'<a>' * 3_000}{PADDING}{'</a>' * 3_000}").encode(),
        CDA + b" " * 50_000_000,
    ],
    ids=["entities", "utf-16", "utf-7", "ebcdic", "deep", "50 MB"],
)
def test_a_large_document_gets_no_licence_for_entities_or_depth(data):
    assert refusal_of(data) is Refusal.CDA_UNREADABLE


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("radio\x01\x00 du\u202e genou", "radio du genou"),
        ("a\ud800\uffff b", "a b"),
        ("x" * 300, "x" * 128),
        ("\x07", "CR ou fiche de consultation ou de visite"),
    ],
)
def test_a_title_is_made_of_characters_that_can_be_seen(name, title):
    assert read_cda(compose_level_1(replace(request_for(Body("text/plain", b"a")), title=name))).title == title


@given(st.text(st.characters(), max_size=200))
def test_no_title_keeps_a_file_from_being_wrapped(name):
    assert len(read_cda(compose_level_1(replace(request_for(Body("text/plain", b"a")), title=name))).title) <= 128
