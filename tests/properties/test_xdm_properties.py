"""Any bytes as an archive give a result or a refusal; what is written is what is read."""

import io
import random
import re
import zipfile
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from dmp_bridge.refusals import ExchangeError
from dmp_bridge.xdm.archive import XDMArchive
from dmp_bridge.xdm.limits import STRICT, TOLERANT
from dmp_bridge.xdm.reader import looks_like_xdm, read_archive
from dmp_bridge.xdm.writer import LotToWrite, completed_submission, write_archive
from dmp_bridge.xds.identifiers import CX, XCN, XON
from dmp_bridge.xds.metadata import Author, Code, DocumentEntry, SubmissionSet
from tests.properties.effort import examples
from vaguemestre.app.demo.fictional_documents import fictional_archive

ARCHIVE = fictional_archive()
PLAIN = st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Cn"), exclude_characters="￾￿\x85\u2028\u2029")
TEXTS = st.text(PLAIN, max_size=40).map(lambda text: " ".join(text.split()))
WORDS = TEXTS.filter(bool)
OIDS = st.integers(0, 2**128).map(lambda number: f"2.25.{number}")
CODES = st.builds(Code, WORDS, WORDS, TEXTS)
PATIENTS = st.builds(lambda value, oid: CX(f"{value}^^^&{oid}&ISO^NH"), st.text("0123456789AB", min_size=1), OIDS)
AUTHORS = st.builds(
    Author,
    person=st.none() | WORDS.map(XCN),
    institutions=st.lists(WORDS.map(XON), max_size=2).map(tuple),
    roles=st.lists(WORDS, max_size=2).map(tuple),
    specialties=st.lists(WORDS, max_size=2).map(tuple),
)
TIMES = st.none() | st.from_regex(r"\d{8}(\d{6})?", fullmatch=True)
ENTRIES = st.builds(
    DocumentEntry,
    entry_id=st.just("Document"),
    unique_id=OIDS,
    mime_type=st.sampled_from(["text/xml", "application/xslt+xml"]),
    patient_id=st.none() | PATIENTS,
    source_patient_id=st.none() | PATIENTS,
    source_patient_info=st.lists(WORDS, max_size=3).map(tuple),
    title=TEXTS,
    comments=TEXTS,
    language=st.none() | st.just("fr-FR"),
    creation_time=TIMES,
    service_start=TIMES,
    service_stop=TIMES,
    authors=st.lists(AUTHORS, max_size=2).map(tuple),
    legal_authenticator=st.none() | WORDS.map(XCN),
    class_code=st.none() | CODES,
    type_code=st.none() | CODES,
    format_code=st.none() | CODES,
    facility_type=st.none() | CODES,
    practice_setting=st.none() | CODES,
    confidentiality=st.lists(CODES, max_size=3).map(tuple),
    event_codes=st.lists(CODES, max_size=3).map(tuple),
    reference_ids=st.lists(WORDS, max_size=2).map(tuple),
)
SETS = st.builds(
    SubmissionSet,
    entry_id=st.just("SubmissionSet01"),
    unique_id=OIDS,
    source_id=OIDS,
    patient_id=st.none() | PATIENTS,
    submission_time=TIMES,
    title=TEXTS,
    comments=TEXTS,
    authors=st.lists(AUTHORS, max_size=1).map(tuple),
    content_type=st.none() | CODES,
)
LOTS = st.builds(
    LotToWrite,
    submission_set=SETS,
    documents=st.lists(st.tuples(ENTRIES, st.binary(max_size=200)), min_size=1, max_size=3).map(
        lambda pairs: [
            (replace(entry, entry_id=f"Document{n:02d}"), content) for n, (entry, content) in enumerate(pairs)
        ]
    ),
)


def outcome_of(data: bytes) -> XDMArchive | str:
    looks_like_xdm(data, TOLERANT)
    try:
        return read_archive(data, TOLERANT)
    except ExchangeError as error:
        return error.code


@given(st.lists(LOTS, min_size=1, max_size=3))
def test_what_is_written_is_what_is_read(lots):
    data = write_archive(lots, sender="Cabinet fictif")

    archive = read_archive(data, STRICT)

    assert [lot.submission for lot in archive.lots] == [completed_submission(lot) for lot in lots]
    assert [each.content for each in archive.documents] == [content for lot in lots for _, content in lot.documents]
    assert {each.refusal for each in archive.documents} == {None}
    assert write_archive(lots, sender="Cabinet fictif") == data


@settings(max_examples=examples(40))
@given(st.lists(LOTS, min_size=1, max_size=3))
def test_what_is_read_can_be_written_again_to_the_same_bytes(lots):
    data = write_archive(lots, sender="Cabinet fictif")
    archive = read_archive(data, STRICT)

    again = [
        LotToWrite(
            submission_set=lot.submission.submission_set,
            documents=[(document.entry, document.content) for document in lot.documents],
        )
        for lot in archive.lots
    ]

    assert write_archive(again, sender="Cabinet fictif") == data


@settings(max_examples=examples(40))
@given(st.lists(LOTS, min_size=1, max_size=3))
def test_other_readers_of_zip_find_every_file_whole(lots):
    data = write_archive(lots, sender="Cabinet fictif")

    with zipfile.ZipFile(io.BytesIO(data)) as opened:
        names = opened.namelist()
        assert opened.testzip() is None
        found = [opened.read(name) for name in names if name.rpartition("/")[2].startswith("DOC")]

    assert found == [content for lot in lots for _, content in lot.documents]
    assert names[:2] == ["README.TXT", "INDEX.HTM"]
    assert all(re.fullmatch(r"([A-Z0-9_]{1,8}/)*[A-Z0-9_]{1,8}(\.[A-Z0-9_]{1,3})?", name) for name in names)


@given(st.binary(max_size=400))
def test_any_bytes_give_a_result_or_a_refusal(data):
    assert isinstance(outcome_of(data), XDMArchive | str)


@given(st.binary(max_size=60), st.integers(0, len(ARCHIVE)), st.integers(0, 60))
def test_a_damaged_archive_gives_a_result_or_a_refusal(patch, place, dropped):
    damaged = ARCHIVE[:place] + patch + ARCHIVE[place + dropped :]

    assert isinstance(outcome_of(damaged), XDMArchive | str)


@settings(max_examples=examples(300))
@given(st.integers(0, 2**32))
def test_flipped_bits_give_a_result_or_a_refusal(seed):
    chance = random.Random(seed)
    data = bytearray(ARCHIVE)
    directory = data.index(b"PK\x01\x02")
    for _ in range(chance.randint(1, 8)):
        start = directory if chance.random() < 0.7 else 0
        place = chance.randrange(start, len(data))
        data[place] ^= 1 << chance.randrange(8)

    assert isinstance(outcome_of(bytes(data)), XDMArchive | str)
