"""Any bytes as a CDA give a header or a refusal; a header that is written is read back."""

import contextlib
import random

from hypothesis import given, settings
from hypothesis import strategies as st

from dmp_bridge.cda.body import Body, read_body
from dmp_bridge.cda.header import (
    CDADocument,
    Encounter,
    InstanceId,
    Organization,
    PatientIdentity,
    Person,
    RelatedDocument,
    ServiceEvent,
)
from dmp_bridge.cda.reader import read_cda
from dmp_bridge.cda.writer import write_cda
from dmp_bridge.refusals import ExchangeError
from dmp_bridge.xds.mapping import document_entry
from dmp_bridge.xds.metadata import Code
from tests.properties.effort import examples
from vaguemestre.app.demo.fictional_documents import fictional_cda

CDA = fictional_cda(pdf=b"%PDF-1.4")
PLAIN = st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Cn"), exclude_characters="￾￿")
TEXTS = st.text(PLAIN, max_size=30).map(lambda text: " ".join(text.split()))
WORDS = TEXTS.filter(bool)
OIDS = st.integers(0, 2**128).map(lambda number: f"2.25.{number}")
IDS = st.builds(InstanceId, OIDS, TEXTS)
CODES = st.builds(Code, WORDS, TEXTS, TEXTS)
TIMES = st.from_regex(r"\d{14}[+-]\d{4}", fullmatch=True)
MAYBE_TIMES = st.none() | TIMES
NAMES = st.none() | WORDS
STRUCTURES = st.builds(Organization, identifier=st.none() | IDS, name=TEXTS, industry=st.none() | CODES)
PEOPLE = st.builds(
    Person,
    identifier=st.none() | IDS,
    family=TEXTS,
    given=TEXTS,
    specialty=st.none() | CODES,
    organization=st.none() | STRUCTURES,
    time=MAYBE_TIMES,
)
RECIPIENTS = st.builds(
    Person, identifier=st.none() | IDS, family=TEXTS, given=TEXTS, organization=st.none() | STRUCTURES
)
DEVICES = st.builds(Person, identifier=IDS, family=TEXTS, is_device=st.just(True), time=TIMES)
PATIENTS = st.builds(
    PatientIdentity,
    ids=st.lists(IDS, max_size=3).map(tuple),
    birth_family=WORDS,
    used_families=st.lists(WORDS, max_size=2).map(tuple),
    given=NAMES,
    first_given=NAMES,
    sex=st.none() | st.sampled_from(["M", "F", "U"]),
    birth_date=st.none() | st.from_regex(r"\d{8}", fullmatch=True),
    birth_place=NAMES,
)
EVENTS = st.builds(
    ServiceEvent, code=st.none() | CODES, start=MAYBE_TIMES, stop=MAYBE_TIMES, performer=st.none() | PEOPLE
)
LINKS = st.builds(RelatedDocument, st.sampled_from(["RPLC", "XFRM", "APND"]), st.lists(IDS, max_size=2).map(tuple))
HEADERS = st.builds(
    CDADocument,
    id=IDS,
    code=CODES,
    title=TEXTS,
    effective_time=TIMES,
    patient=PATIENTS,
    set_id=st.none() | IDS,
    version=st.none() | st.integers(0, 999_999_999),
    confidentiality=st.none() | CODES,
    language=st.none() | st.just("fr-FR"),
    templates=st.lists(OIDS, max_size=4).map(tuple),
    authors=st.lists(PEOPLE | DEVICES, max_size=3).map(tuple),
    custodian=STRUCTURES,
    recipients=st.lists(RECIPIENTS, max_size=2).map(tuple),
    legal_authenticator=st.none() | PEOPLE,
    service_events=st.lists(EVENTS, max_size=3).map(tuple),
    related=st.lists(LINKS, max_size=2).map(tuple),
    encounter=st.none() | st.builds(Encounter, start=MAYBE_TIMES, stop=MAYBE_TIMES, facility=st.none() | CODES),
    orders=st.lists(IDS, max_size=2).map(tuple),
    body_media_type=st.just("application/pdf"),
)


def outcome_of(data: bytes) -> CDADocument | str:
    with contextlib.suppress(ExchangeError):
        read_body(data)
    try:
        header = read_cda(data)
    except ExchangeError as error:
        return error.code
    document_entry(header, data, entry_id="Document01")
    return header


@given(HEADERS, st.binary(min_size=1, max_size=200))
def test_a_header_that_is_written_is_read_back(header, content):
    body = Body("application/pdf", content)

    data = write_cda(header, body)

    assert read_cda(data) == header
    assert read_body(data) == body


@given(st.binary(max_size=300))
def test_any_bytes_give_a_header_or_a_refusal(data):
    assert isinstance(outcome_of(data), CDADocument | str)


@given(st.binary(max_size=40), st.integers(0, len(CDA)), st.integers(0, 80))
def test_a_damaged_document_gives_a_header_or_a_refusal(patch, place, dropped):
    assert isinstance(outcome_of(CDA[:place] + patch + CDA[place + dropped :]), CDADocument | str)


@settings(max_examples=examples(300))
@given(st.integers(0, 2**32))
def test_elements_that_are_dropped_or_emptied_give_a_header_or_a_refusal(seed):
    chance = random.Random(seed)
    lines = CDA.splitlines(keepends=True)
    for _ in range(chance.randint(1, 4)):
        place = chance.randrange(len(lines))
        lines[place] = chance.choice([b"", lines[place].replace(b'value="', b'nil="'), lines[place].split(b"/>")[0]])

    assert isinstance(outcome_of(b"".join(lines)), CDADocument | str)
