"""Files, archives and X-MSS fields: what passes, what does not, and what a bomb costs."""

import csv
import io
import zipfile
from collections.abc import Iterable
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path

import pytest

from mailstore.mime.scanner import Limits
from mailstore.store import Draft
from smtp_gateway.arrival import Refused
from smtp_gateway.config import AntivirusSettings, ContentSettings
from smtp_gateway.content import ContentRules, Sending, may_carry_files
from smtp_gateway.header import HeaderBlock
from smtp_gateway.replies import Refusal
from smtp_gateway.rules.archives import ArchiveLimits, check_archive
from smtp_gateway.rules.file_contents import Family, family_of
from smtp_gateway.rules.x_mss import Claims
from vaguemestre.kernel.blobs import LocalBlobs

TABLE = Path(__file__).parents[2] / "spec" / "file_rules.csv"
ROWS = list(csv.DictReader(TABLE.read_text(encoding="utf-8").splitlines()))


def zipped(files: Iterable[tuple[str, bytes]], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in files:
            archive.writestr(name, data)
    return out.getvalue()


SAMPLES = {
    "pdf": b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n",
    "jpeg": b"\xff\xd8\xff\xe0\x00\x10JFIF",
    "png": b"\x89PNG\r\n\x1a\n\x00\x00",
    "heic": b"\x00\x00\x00\x18ftypheic\x00\x00",
    "ole": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 600,
    "rtf": rb"{\rtf1 bonjour}",
    "text": "Bonjour, été.\n".encode(),
    "latin1": "Bonjour, été.\n".encode("latin-1"),
    "html": b"<html><script>1</script></html>",
    "zip": zipped([("a.txt", b"a")]),
    "macro": zipped([("xl/vbaProject.bin", b"\x00\x01")]),
    "dicom": b"\x00" * 128 + b"DICM\x02\x00",
    "exe": b"MZ\x90\x00" + b"\x00" * 100,
    "elf": b"\x7fELF\x02\x01",
    "script": b"#!/bin/sh\nrm -rf /\n",
    "rar": b"Rar!\x1a\x07\x00",
    "7z": b"7z\xbc\xaf\x27\x1c\x00",
    "gzip": b"\x1f\x8b\x08\x00",
    "lnk": b"L\x00\x00\x00\x01\x14\x02\x00",
}


def letter_with(*files: tuple[str, bytes], **fields: str) -> bytes:
    message = EmailMessage(policy=SMTP)
    message["From"] = "a@b.fr"
    for name, value in fields.items():
        message[name.replace("_", "-")] = value
    message.set_content("Voici.")
    for name, data in files:
        given = {"filename": name} if name else {}
        message.add_attachment(data, maintype="application", subtype="octet-stream", **given)
    return message.as_bytes()


async def checked(folder: Path, data: bytes, sending: Sending, rules: ContentRules) -> HeaderBlock:
    folder.mkdir(exist_ok=True)
    draft = Draft(LocalBlobs(folder), inline_bytes=32_768, limits=Limits())
    for start in range(0, len(data), 65_536):
        await draft.write(data[start : start + 65_536])
    header = HeaderBlock.parse(data[: data.find(b"\r\n\r\n") + 2])
    try:
        return await rules.check(draft, header, sending)
    finally:
        await draft.discard()


async def outcome(folder: Path, data: bytes, sending: Sending, **settings: object) -> str:
    rules = ContentRules(ContentSettings.model_validate(settings), AntivirusSettings(), read_claims=read_nothing)
    try:
        await checked(folder, data, sending, rules)
    except Refused as refused:
        return refused.reason.value
    return "ok"


def read_nothing(_data: bytes) -> Claims:
    return Claims()


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["id"])
@pytest.mark.parametrize("writer", ["patient", "professional"])
async def test_files_follow_the_table(row: dict[str, str], writer: str, tmp_path: Path) -> None:
    data = letter_with((row["name"], SAMPLES[row["content"]]))

    said = await outcome(tmp_path / "b", data, Sending(patient=writer == "patient", submitted=True))

    assert said == row[writer]


async def test_large_file_is_read_back_from_its_segments(tmp_path: Path) -> None:
    disguised = zipped([("scan.pdf", b"%PDF-1.4" + b"0" * 200), ("setup.exe", b"x")], zipfile.ZIP_STORED)
    padded = zipped([(f"{n}.bin.txt", bytes([65 + n]) * 300_000) for n in range(5)], zipfile.ZIP_STORED)
    sending = Sending(patient=False, submitted=False)

    assert (
        await outcome(tmp_path / "a", letter_with(("a.zip", padded)), sending) == "S_PIECE_JOINTE_TYPE"
    )  # .bin inside
    assert await outcome(tmp_path / "b", letter_with(("a.zip", disguised)), sending) == "S_PIECE_JOINTE_TYPE"
    good = zipped([(f"{n}.txt", bytes([65 + n]) * 300_000) for n in range(5)], zipfile.ZIP_STORED)
    assert await outcome(tmp_path / "c", letter_with(("a.zip", good)), sending) == "ok"


async def test_file_in_a_forwarded_message_is_a_file(tmp_path: Path) -> None:
    inner = letter_with(("virus.exe", SAMPLES["exe"]))
    outer = (
        b"From: a@b.fr\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n"
        + inner
        + b"\r\n--b--\r\n"
    )

    assert await outcome(tmp_path / "b", outer, Sending(patient=False, submitted=True)) == "S_PIECE_JOINTE_TYPE"


@pytest.mark.parametrize(
    ("header", "may"),
    [
        (b"From: a\r\n", False),
        (b"Content-Type: text/plain; charset=utf-8\r\n", False),
        (b"Content-Type: TEXT/HTML\r\n", False),
        (b"Content-Type: multipart/alternative; boundary=b\r\n", True),
        (b"Content-Type: application/pdf\r\n", True),
        (b'Content-Type: text/plain; NAME="a.exe"\r\n', True),
        (b"Content-Disposition: attachment\r\n", True),
    ],
)
def test_letter_without_files_is_told_by_its_header(header: bytes, may: bool) -> None:
    assert may_carry_files(HeaderBlock.parse(header)) == may


LIMITS = ArchiveLimits(
    entries=50, total_bytes=50_000_000, nested_bytes=1_000_000, depth=3, ratio=200, encrypted=False, macros=False
)


def nested(depth: int, innermost: bytes, name: str = "a.txt") -> bytes:
    data = zipped([(name, innermost)])
    for _ in range(depth - 1):
        data = zipped([("inner.zip", data)])
    return data


def encrypted() -> bytes:
    data = bytearray(zipped([("a.txt", b"secret")]))
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(signature) + offset] |= 1
    return bytes(data)


@pytest.mark.parametrize(
    ("data", "refusal"),
    [
        (nested(3, b"bonjour"), None),
        (nested(4, b"bonjour"), Refusal.ARCHIVE),
        (nested(3, b"x", "virus.exe"), Refusal.FILE_TYPE),
        (nested(3, SAMPLES["exe"], "notes.txt"), Refusal.FILE_CONTENT),
        (nested(1, SAMPLES["rar"], "a.txt"), Refusal.FILE_CONTENT),
        (zipped((f"{n}.txt", b"") for n in range(51)), Refusal.ARCHIVE),
        (nested(1, b"\0" * 20_000_000), Refusal.ARCHIVE),  # 1,000 to 1
        (zipped((f"{n}.txt", b"\0" * 1_048_576) for n in range(49)), Refusal.ARCHIVE),  # many of them
        (zipped([("../../etc/passwd.txt", b"x")]), Refusal.ARCHIVE),
        (encrypted(), Refusal.ARCHIVE_ENCRYPTED),
        (b"PK\x03\x04nonsense", Refusal.ARCHIVE),
        (zipped([("a.txt", b"x" * 5_000)])[:-30], Refusal.ARCHIVE),
        (zipped([]), None),
    ],
)
def test_archives_are_bounded(data: bytes, refusal: Refusal | None) -> None:
    assert check_archive(data, LIMITS) == refusal


def test_archive_that_lies_about_its_size_is_not_believed() -> None:
    data = bytearray(zipped([("inner.zip", nested(1, b"x" * 100_000))]))
    place = data.index(b"PK\x01\x02") + 24
    data[place : place + 4] = (10).to_bytes(4, "little")

    assert check_archive(bytes(data), LIMITS) is Refusal.ARCHIVE


def test_xdm_archive_of_the_corpus_passes(corpus: Path) -> None:
    archives = [path for path in corpus.rglob("*") if path.suffix.lower() == ".zip"]
    read = [path.read_bytes() for path in archives if "xdm" in path.name.lower()]
    limits = ArchiveLimits(
        entries=2_000, total_bytes=2 * 10**8, nested_bytes=10**7, depth=3, ratio=200, encrypted=False, macros=False
    )

    assert read
    assert [refusal for data in read if (refusal := check_archive(data, limits))] == []


@pytest.mark.parametrize(("name", "family"), [("exe", Family.EXECUTABLE), ("text", Family.TEXT), ("zip", Family.ZIP)])
def test_family_is_told_from_the_first_bytes(name: str, family: Family) -> None:
    assert family_of(SAMPLES[name]) is family
    assert family_of(b"") is Family.TEXT
    assert family_of(b"MZ est le debut de ce texte") is Family.TEXT


CDA = Claims(("34112-3", "11490-0"), qualified=True)
SUBMITTED, RECEIVED = Sending(patient=False, submitted=True), Sending(patient=False, submitted=False)


@pytest.mark.parametrize(
    ("fields", "claims", "sending", "after"),
    [
        ({"X_MSS_NIL": "DEV935997"}, Claims(), SUBMITTED, {"X-MSS-NIL": "DEV935997"}),
        ({"X_MSS_INS": "O"}, Claims(), SUBMITTED, {}),
        ({"X_MSS_INS": "O", "X_MSS_CODECDA": "34112-3"}, Claims(), RECEIVED, {}),
        (
            {"X_MSS_INS": "O", "X_MSS_CODECDA": "34112-3, 11490-0"},
            CDA,
            RECEIVED,
            {"X-MSS-INS": "O", "X-MSS-CODECDA": "34112-3, 11490-0"},
        ),
        (
            {"X_MSS_INS": "N", "X_MSS_CODECDA": "60591-5"},
            CDA,
            SUBMITTED,
            {"X-MSS-INS": "O", "X-MSS-CODECDA": "34112-3,11490-0"},
        ),
        ({"X_MSS_INS": "N", "X_MSS_CODECDA": "60591-5"}, CDA, RECEIVED, {}),
        (
            {"X_MSS_INS": "O", "X_MSS_CODECDA": "60591-5"},
            Claims(known=False),
            RECEIVED,
            {"X-MSS-INS": "O", "X-MSS-CODECDA": "60591-5"},
        ),
        ({"X_MSS_INS": "oui"}, Claims(known=False), RECEIVED, {}),
        ({"X_MSS_MES": "FIN"}, Claims(), SUBMITTED, {"X-MSS-MES": "FIN"}),
        ({"X_MSS_MES": "fin"}, Claims(), SUBMITTED, {}),
        ({"X_MSS_NIL": "<script>"}, Claims(), RECEIVED, {}),
    ],
)
@pytest.mark.requirement("MSS2:ECO.2.4.1")
@pytest.mark.requirement("MSS2:ECO.2.4.2")
@pytest.mark.requirement("MSS2:ECO.2.4.3")
async def test_x_mss_fields_are_what_the_documents_say(
    tmp_path: Path, fields: dict[str, str], claims: Claims, sending: Sending, after: dict[str, str]
) -> None:
    files = [] if claims == Claims() else [("IHE_XDM.zip", SAMPLES["zip"])]
    data = letter_with(*files, **fields)
    rules = ContentRules(ContentSettings(), AntivirusSettings(), read_claims=lambda _data: claims)

    header = await checked(tmp_path / "b", data, sending, rules)

    left = {field.raw.partition(b":")[0].decode(): field.text for field in header.fields if b"x-mss" in field.name}
    assert left == after


@pytest.mark.requirement("MSS2:ECO.2.4.1")
async def test_documents_of_all_archives_are_counted(tmp_path: Path) -> None:
    found = iter((Claims(("34112-3",), qualified=True), Claims(), Claims(("60591-5", "34112-3"), qualified=False)))
    rules = ContentRules(ContentSettings(), AntivirusSettings(), read_claims=lambda _data: next(found))
    data = letter_with(*[("IHE_XDM.zip", SAMPLES["zip"])] * 3, X_MSS_INS="O", X_MSS_CODECDA="34112-3")

    header = await checked(tmp_path / "b", data, SUBMITTED, rules)

    assert header.text(b"x-mss-codecda") == "34112-3,60591-5"
    assert header.text(b"x-mss-ins") == "N"


@pytest.mark.parametrize(("policy", "said"), [("refuse", "S_X_MSS"), ("keep", "ok")])
async def test_false_claims_are_refused_or_kept_when_asked(tmp_path: Path, policy: str, said: str) -> None:
    data = letter_with(X_MSS_INS="O")

    assert await outcome(tmp_path / "a", data, RECEIVED, x_mss_received=policy) == said
    assert await outcome(tmp_path / "b", data, SUBMITTED, x_mss_submitted=policy) == said


async def test_repeated_field_keeps_its_first_value(tmp_path: Path) -> None:
    data = b"X-MSS-MES: FIN\r\nX-MSS-MES: DEBUT\r\n" + letter_with()
    rules = ContentRules(ContentSettings(), AntivirusSettings())

    header = await checked(tmp_path / "b", data, RECEIVED, rules)

    assert [field.text for field in header.all(b"x-mss-mes")] == ["FIN"]
