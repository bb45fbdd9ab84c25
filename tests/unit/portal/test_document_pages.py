"""What is inside a document, on its page: file, words, pictures; each fetch decided, the page traced once."""

import io
from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest
from PIL import Image

from access_core.trace.reader import history_of_patient
from dmp_bridge.cda.body import Body
from dmp_bridge.cda.header import InstanceId, Organization, Person
from dmp_bridge.cda.reader import read_cda
from dmp_bridge.cda.writer import write_cda
from portal.documents.reading import piece_of, read_content
from portal.documents.summary import date_words, summary_of
from portal.security import PAGE_POLICY
from tests.fictional.documents import level_1, picture, structured
from tests.unit.portal.test_documents import hide_from_patient
from vaguemestre.app.demo.fictional_documents import (
    fictional_cda,
    fictional_pdf,
)

PARIS = ZoneInfo("Europe/Paris")


def readings(space) -> int:
    found = space.database.read_now(lambda tx: history_of_patient(tx, space.patient.id))
    return [(line.entry.act, line.entry.reason) for line in found].count(("read_document", "OK"))


async def test_a_pdf_stands_in_a_frame_that_only_its_page_may_hold(space, patient):
    document_id = space.file(fictional_cda(pdf=fictional_pdf("Bonjour")))

    page = await patient.get(f"/documents/{document_id}")
    (source,) = page.tree.xpath("//iframe/@src")
    framed = await patient.client.get(source)
    bare = await patient.client.get(f"/documents/{document_id}/contenu")

    assert page.answer.headers["content-security-policy"] == f"{PAGE_POLICY}; frame-src 'self'"
    assert page.tree.xpath("//iframe/@title") == ["Document PDF : Compte rendu de consultation"]
    assert (framed.status_code, framed.headers["x-frame-options"]) == (200, "SAMEORIGIN")
    assert "frame-ancestors 'self'" in framed.headers["content-security-policy"]
    assert "frame-ancestors 'none'" in bare.headers["content-security-policy"]
    assert bare.headers["x-frame-options"] == "DENY"


@pytest.mark.requirement("VGM:CDA-04")
async def test_what_a_page_is_made_of_is_decided_but_traced_only_with_the_page(space, patient):
    document_id = space.file(fictional_cda(pdf=fictional_pdf("Bonjour")))
    page = await patient.get(f"/documents/{document_id}")
    made_of = [*page.tree.xpath("//main//img/@src"), *page.tree.xpath("//iframe/@src")]

    answers = [await patient.client.get(each) for each in made_of]
    once = readings(space)
    await patient.client.get(f"/documents/{document_id}/contenu?vu=wrong")
    await patient.client.get(made_of[0].replace(document_id, "0" * 32))

    assert {each.status_code for each in answers} == {200}
    assert len(made_of) == 2
    assert (once, readings(space)) == (1, 2)


async def test_what_a_page_is_made_of_is_refused_once_the_document_is_hidden(space, patient):
    document_id = space.file(fictional_cda(pdf=fictional_pdf("Bonjour")))
    page = await patient.get(f"/documents/{document_id}")
    listed = await patient.get("/documents")
    hide_from_patient(space, document_id)

    made_of = [*page.tree.xpath("//main//img/@src"), *listed.tree.xpath("//main//img/@src")]
    answers = [await patient.client.get(each) for each in made_of]

    assert [each.status_code for each in answers] == [404, 404]


@pytest.mark.parametrize(
    ("media_type", "content"),
    [
        ("text/plain", "Prenez le comprimé <b>le matin</b>.".encode()),
        ("text/plain", "Prenez le comprimé <b>le matin</b>.".encode("cp1252")),
        ("text/rtf", rb"{\rtf1\ansi{\fonttbl{\f0 Arial;}}Prenez le comprim\'e9 <b>le matin</b>.}"),
    ],
)
async def test_words_of_a_text_are_shown_as_words(space, patient, media_type, content):
    document_id = space.file(level_1(media_type, content))

    page = await patient.get(f"/documents/{document_id}")

    (shown,) = page.tree.xpath("//article[@class='clinical']")
    assert shown.text_content() == "Prenez le comprimé <b>le matin</b>."
    assert shown.xpath(".//b") == []


@pytest.mark.parametrize(("name", "media_type"), [("JPEG", "image/jpeg"), ("TIFF", "image/tiff")])
async def test_an_image_is_shown_re_encoded(space, patient, name, media_type):
    document_id = space.file(level_1(media_type, picture(name, (3000, 2000))))

    page = await patient.get(f"/documents/{document_id}")
    (source,) = page.tree.xpath("//figure[@class='preview']/img/@src")
    shown = await patient.client.get(source)

    assert shown.headers["content-type"] == "image/jpeg"
    assert shown.headers["cache-control"] == "no-store"
    with Image.open(io.BytesIO(shown.content)) as made:
        assert made.size == (1400, 933)


async def test_sections_show_pictures_and_offer_joined_files(space, patient):
    media = (
        ("i1", "image/png", picture()),
        ("i2", "image/gif", picture("GIF")),
        ("p", "application/pdf", fictional_pdf()),
    )
    document_id = space.file(structured(*media, copy=fictional_pdf("Copie")))

    page = await patient.get(f"/documents/{document_id}")
    pictures = [await patient.client.get(each) for each in page.tree.xpath("//article//img/@src")]
    (joined,) = page.tree.xpath("//article//a/@href")
    opened = await patient.client.get(joined)
    copy = await patient.client.get(f"/documents/{document_id}/contenu")

    assert page.tree.xpath("//article/h3/text()") == ["Bilan"]
    assert "Tout va bien." in page.text
    assert page.tree.xpath("//article//img/@alt") == ["Image : Bilan", "Image : Bilan"]
    assert [(each.status_code, each.headers["content-type"]) for each in pictures] == [(200, "image/png")] * 2
    assert (opened.content, opened.headers["content-type"]) == (fictional_pdf(), "application/pdf")
    assert copy.content == fictional_pdf("Copie")
    assert "Ouvrir (PDF)" in page.text
    assert (await patient.client.get(f"/documents/{document_id}/pieces/9/image")).status_code == 404


async def test_the_list_shows_a_thumbnail_of_what_can_be_drawn(space, patient):
    drawn, broken = space.file(fictional_cda()), space.file(fictional_cda(pdf=b"%PDF-1.4 cut\n%%EOF"))
    space.file(structured())

    page = await patient.get("/documents")
    sources = page.tree.xpath("//main//img/@src")
    answers = {each.split("/")[2]: await patient.client.get(each) for each in sources}

    assert set(answers) == {drawn, broken}
    assert (answers[drawn].status_code, answers[broken].status_code) == (200, 404)
    assert answers[drawn].headers["content-type"] == "image/jpeg"
    assert len(page.tree.xpath("//main//svg")) == 1
    assert readings(space) == 0


async def test_a_document_that_can_no_longer_be_read_is_still_described(space, patient):
    content = read_content(b"<a/>", title="x", is_cda=True, zone=PARIS, piece_address=str)

    assert (content.facts, content.readable, content.text, content.sections.shown) == ((), None, "", ())
    assert piece_of(b"<a/>", 0) is None


def test_the_summary_says_for_whom_and_what_it_replaces():
    header = read_cda(fictional_cda(replaces=(InstanceId("2.25.1"), InstanceId("2.25.2"), 1)))
    recipients = (Person(family="DURAND", given="Paul"), Person(organization=Organization(name="CH Démo")))
    sent = read_cda(write_cda(replace(header, recipients=recipients), Body("text/plain", b"a")))

    facts = dict(summary_of(sent, PARIS))

    assert facts["Adressé à"] == "Paul DURAND ; CH Démo"
    assert facts["Version"] == "2 (remplace une version précédente)"
    assert facts["Lieu de soins"] == "Cabinet individuel"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("20260115101500+0100", "jeudi 15 janvier 2026 à 10 h 15"),
        ("20260715101500+0000", "mercredi 15 juillet 2026 à 12 h 15"),
        ("202601151015", "jeudi 15 janvier 2026 à 10 h 15"),
        ("20260115", "15 janvier 2026"),
        ("202601", "janvier 2026"),
        ("2026", "2026"),
        ("", ""),
        ("hier", ""),
        ("20261399", ""),
    ],
)
def test_a_date_is_as_precise_as_the_document(text, words):
    assert date_words(text, PARIS).replace("\u00a0", " ") == words
