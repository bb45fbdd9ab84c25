"""The reader of archives: what it refuses before unpacking, what it tolerates by name, what it gives."""

import struct
import zipfile
from dataclasses import replace

import pytest

from dmp_bridge.refusals import REGISTER, ExchangeError, Refusal
from dmp_bridge.xdm.limits import STRICT, TOLERANT, Quirk
from dmp_bridge.xdm.reader import looks_like_xdm, read_archive
from tests.unit.dmp_bridge.archives import changed, entries_of, with_flag, with_symlink, zip_of
from vaguemestre.app.demo.fictional_documents import fictional_archive, fictional_cda

DOCUMENT = fictional_cda()
ARCHIVE = fictional_archive(DOCUMENT)
METADATA = "IHE_XDM/SUBSET01/METADATA.XML"
ZIP_BOMB = {**entries_of(ARCHIVE), "IHE_XDM/SUBSET01/BOMB.XML": bytes(20 * 1024 * 1024)}


def with_entry(name: str, content: bytes = b"x") -> bytes:
    return zip_of({**entries_of(ARCHIVE), name: content})


def refusal_of(data: bytes, rules=STRICT) -> Refusal:
    with pytest.raises(ExchangeError) as caught:
        read_archive(data, rules)
    return caught.value.code


def test_an_archive_of_ours_is_read_by_the_strict_reader():
    archive = read_archive(ARCHIVE)

    assert archive.quirks == frozenset()
    assert [lot.folder for lot in archive.lots] == ["SUBSET01"]
    assert [document.content for document in archive.documents] == [DOCUMENT]
    assert archive.documents[0].refusal is None


@pytest.mark.parametrize(
    "name",
    [
        "../evil.xml",
        "IHE_XDM/SUBSET01/../../evil.xml",
        "/etc/cron.d/evil",
        "C:/evil.xml",
        "IHE_XDM\\SUBSET01\\EVIL.XML",
        "IHE_XDM//EVIL.XML",
        "IHE_XDM/./EVIL.XML",
        "IHE_XDM/EVIL\x1f.XML",
        "A/B/C/D/E/F/G/H/I/EVIL.XML",
        "N" * 300,
    ],
)
@pytest.mark.requirement("VGM:XDM-02")
def test_a_name_that_could_leave_its_folder_refuses_the_archive(name):
    assert refusal_of(with_entry(name), TOLERANT) is Refusal.ARCHIVE_NAME


@pytest.mark.requirement("VGM:XDM-02")
def test_a_link_refuses_the_archive():
    assert refusal_of(with_symlink(ARCHIVE, "IHE_XDM/SUBSET01/LINK.XML"), TOLERANT) is Refusal.ARCHIVE_NAME


@pytest.mark.requirement("VGM:XDM-02")
@pytest.mark.parametrize("twin", [METADATA, METADATA.lower()])
def test_two_entries_of_one_name_refuse_the_archive(twin):
    doubled = zip_of([*entries_of(ARCHIVE).items(), (twin, b"<other/>")])

    assert refusal_of(doubled, TOLERANT) is Refusal.ARCHIVE_DUPLICATE


@pytest.mark.requirement("VGM:XDM-02")
@pytest.mark.parametrize("flag", [0x1, 0x40, 0x2000])
def test_an_encrypted_entry_refuses_the_archive(flag):
    assert refusal_of(with_flag(ARCHIVE, flag), TOLERANT) is Refusal.ARCHIVE_ENCRYPTED


@pytest.mark.requirement("VGM:XDM-01")
def test_a_bomb_is_refused_by_its_ratio_before_anything_is_unpacked():
    assert refusal_of(zip_of(ZIP_BOMB), TOLERANT) is Refusal.ARCHIVE_COMPRESSION


@pytest.mark.requirement("VGM:XDM-01")
def test_the_declared_total_is_limited():
    rules = replace(TOLERANT, max_total_bytes=1_000)

    assert refusal_of(ARCHIVE, rules) is Refusal.ARCHIVE_TOO_LARGE


@pytest.mark.requirement("VGM:XDM-01")
def test_the_archive_itself_is_limited():
    assert refusal_of(ARCHIVE, replace(TOLERANT, max_archive_bytes=100)) is Refusal.ARCHIVE_TOO_LARGE


@pytest.mark.requirement("VGM:XDM-01")
def test_entries_are_counted_from_the_end_record_and_in_the_directory():
    many = zip_of({**entries_of(ARCHIVE), **{f"F{number}.TXT": b"" for number in range(200)}})

    assert refusal_of(many, TOLERANT) is Refusal.ARCHIVE_ENTRIES


@pytest.mark.requirement("VGM:XDM-01")
def test_a_document_past_its_limit_is_refused_alone():
    (document,) = read_archive(ARCHIVE, replace(STRICT, max_document_bytes=100)).documents

    assert (document.refusal, document.content) == (Refusal.ARCHIVE_TOO_LARGE, b"")


@pytest.mark.requirement("VGM:XDM-01")
def test_a_directory_that_lies_about_a_size_is_not_believed():
    size = len(DOCUMENT)
    data = ARCHIVE.replace(struct.pack("<L", size), struct.pack("<L", size // 2))

    documents = read_archive(data).documents

    assert [document.refusal for document in documents] == [Refusal.ARCHIVE_UNREADABLE]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"PK\x03\x04",
        b"%PDF-1.4 not a zip",
        ARCHIVE[: len(ARCHIVE) // 2],
        ARCHIVE[:-4],
        ARCHIVE.replace(b"PK\x01\x02", b"PK\x01\x03"),
        b"PK\x06\x07" + bytes(16) + b"PK\x05\x06" + bytes(18),
        zip_of({METADATA: b"<x/>"}, zipfile.ZIP_BZIP2),
    ],
    ids=["empty", "magic", "pdf", "half", "tail", "directory", "zip64", "method"],
)
def test_what_is_not_a_plain_zip_is_unreadable(data):
    assert refusal_of(data, TOLERANT) is Refusal.ARCHIVE_UNREADABLE


def test_a_zip_without_a_lot_is_not_an_xdm_archive():
    assert refusal_of(zip_of({"README.TXT": b"", "DOC.PDF": b"%PDF-"}), TOLERANT) is Refusal.ARCHIVE_NOT_XDM


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (b"<lcm:", b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><lcm:', Refusal.METADATA_UNREADABLE),
        (b"</lcm:SubmitObjectsRequest>", b"", Refusal.METADATA_UNREADABLE),
        (b"xsd:lcm:3.0", b"xsd:lcm:2.1", Refusal.METADATA_FORMAT),
        (b"urn:uuid:a54d6aa5", b"urn:uuid:d9d542f3", Refusal.METADATA_INCOMPLETE),
        (b"urn:uuid:2e82c1f6", b"urn:uuid:00000000", Refusal.METADATA_INCOMPLETE),
    ],
    ids=["doctype", "truncated", "ebrs21", "no submission set", "no unique id"],
)
def test_metadata_that_cannot_be_trusted_refuse_the_archive(old, new, expected):
    assert refusal_of(changed(ARCHIVE, METADATA, old, new), TOLERANT) is expected


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (b">DOC00001.XML<", b">DOC00009.XML<", Refusal.DOCUMENT_MISSING),
        (b">DOC00001.XML<", b">../SUBSET01/DOC00001.XML<", Refusal.DOCUMENT_MISSING),
        (b'name="size"', b'name="taille"', Refusal.METADATA_INCOMPLETE),
        (b'name="hash"', b'name="empreinte"', Refusal.METADATA_INCOMPLETE),
    ],
)
def test_a_document_whose_metadata_fail_is_refused_alone(old, new, expected):
    (document,) = read_archive(changed(ARCHIVE, METADATA, old, new), TOLERANT).documents

    assert document.refusal is expected


def test_hash_and_size_are_checked_and_the_other_document_goes_on():
    other = fictional_cda(title="Autre compte rendu")
    archive = fictional_archive(DOCUMENT, other)
    same_size = changed(archive, "IHE_XDM/SUBSET01/DOC00001.XML", b"Compte rendu de", b"Compte-rendu de")
    longer = changed(archive, "IHE_XDM/SUBSET01/DOC00001.XML", b"Compte rendu de", b"Le compte rendu de")

    refusals = [[each.refusal for each in read_archive(data).documents] for data in (same_size, longer)]

    assert refusals == [[Refusal.DOCUMENT_HASH, None], [Refusal.DOCUMENT_SIZE, None]]


def _renamed(names: dict[str, str]) -> bytes:
    return zip_of({names.get(name, name): content for name, content in entries_of(ARCHIVE).items()})


def _upper_case_hash() -> bytes:
    digest = read_archive(ARCHIVE).documents[0].entry.hash or ""
    return changed(ARCHIVE, METADATA, digest.encode(), digest.upper().encode())


IRREGULAR = {
    Quirk.NAME_CASE: _renamed({"IHE_XDM/SUBSET01/DOC00001.XML": "IHE_XDM/SUBSET01/doc00001.xml"}),
    Quirk.UPPER_CASE_HASH: _upper_case_hash(),
    Quirk.ESCAPED_IDENTIFIER: changed(ARCHIVE, METADATA, b"^^^&amp;1.2", b"^^^&amp;amp;1.2"),
    Quirk.FOREIGN_FILES: with_entry("__MACOSX/IHE_XDM/SUBSET01/._METADATA.XML"),
    Quirk.SECOND_TREE: with_entry("COPY/IHE_XDM/SUBSET01/METADATA.XML", entries_of(ARCHIVE)[METADATA]),
    Quirk.README_MISSING: zip_of({name: each for name, each in entries_of(ARCHIVE).items() if name != "README.TXT"}),
}


@pytest.mark.parametrize("quirk", Quirk)
@pytest.mark.requirement("VGM:XDM-03")
def test_each_irregularity_is_tolerated_by_name_only(quirk):
    tolerating = replace(STRICT, quirks=frozenset({quirk}))
    others = replace(STRICT, quirks=frozenset(Quirk) - {quirk})

    archive = read_archive(IRREGULAR[quirk], tolerating)

    assert archive.quirks == {quirk}
    assert [document.content for document in archive.documents] == [DOCUMENT]
    assert refusal_of(IRREGULAR[quirk], others) is Refusal.QUIRK_NOT_TOLERATED


def test_an_escaped_identifier_reads_as_what_was_meant():
    (document,) = read_archive(IRREGULAR[Quirk.ESCAPED_IDENTIFIER], TOLERANT).documents

    assert document.entry.patient_id is not None
    assert (document.entry.patient_id.value, document.entry.patient_id.oid) == (
        "279035121518989",
        "1.2.250.1.213.1.4.10",
    )


def test_the_layout_is_recognised_without_unpacking():
    assert looks_like_xdm(ARCHIVE)
    assert looks_like_xdm(_renamed({METADATA: "ihe_xdm/LUCY_0/metadata.xml"}))
    assert not looks_like_xdm(zip_of({"DOC.PDF": b"%PDF-"}))
    assert not looks_like_xdm(b"not a zip")


def test_every_refusal_has_a_sentence_and_a_source():
    assert set(REGISTER) == set(Refusal)
    assert all(entry.sentence.endswith(".") and entry.source and entry.mdn_code for entry in REGISTER.values())
    assert all(code.startswith("X_") and len(code) <= 40 for code in Refusal)
