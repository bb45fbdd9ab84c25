"""The identity check: the answers of INSi, from a registry of ours, and the status that follows."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from access_core.case_facts import filing_facts
from access_core.case_inputs import DocumentFacts, FilingRequest, remote_sender
from access_core.directories.identities import (
    COLUMNS,
    AnswerCode,
    IdentityAnswer,
    KnownIdentities,
    Traits,
    keep_status,
    load_identities,
    status_after,
    status_of,
)
from access_core.facts import IdentityStatus
from access_core.identifiers import INS
from tests.conftest import NOON
from tests.fictional.people import add_active_patient, add_patient
from vaguemestre.kernel.database import Database
from vaguemestre.kernel.errors import ConfigurationError

LEA = INS.parse("279035121518989")
HEAD = ",".join(COLUMNS)
ROWS = (
    "279035121518989,,DURAND,LÉA MARIE,1979-03-12,F,51215",
    "255069999999934,,D'ARTAGNAN-LEFÈVRE,ANNE,1955-06-01,F,99999",
    "285042A00411892,,PAOLI,ZOÉ,1985-04-02,F,2A004",
    "285042B00411822,,PAOLI,ZOE,1985-04-02,F,2B004",
)
TRAITS = Traits(family="Durand", given="lea", birth_date=date(1979, 3, 12), sex="F")


def write(folder: Path, *lines: str) -> Path:
    path = folder / "identites.csv"
    path.write_text("\n".join([HEAD, *lines]) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def known(database: Database, tmp_path: Path) -> Database:
    assert database.write_now(lambda tx: load_identities(tx, write(tmp_path, *ROWS))) == 4
    return database


@pytest.mark.requirement("VGM:IDENTITY-CHECK")
@pytest.mark.parametrize(
    ("traits", "code", "ins"),
    [
        (TRAITS, "00", "279035121518989"),
        (replace(TRAITS, given="Marie"), "00", "279035121518989"),
        (replace(TRAITS, given="MARIE LEA", birth_place="51215"), "00", "279035121518989"),
        (replace(TRAITS, birth_place="75056"), "01", None),
        (replace(TRAITS, given="Lucie"), "01", None),
        (replace(TRAITS, given=" "), "01", None),
        (replace(TRAITS, sex="M"), "01", None),
        (replace(TRAITS, family="D ARTAGNAN LEFEVRE", given="Anne", birth_date=date(1955, 6, 1)), "00", None),
        (replace(TRAITS, family="Paoli", given="Zoé", birth_date=date(1985, 4, 2)), "02", None),
        (
            replace(TRAITS, family="Paoli", given="Zoé", birth_date=date(1985, 4, 2), birth_place="2B004"),
            "00",
            "285042B00411822",
        ),
    ],
)
def test_traits_name_one_identity_none_or_several(known: Database, traits: Traits, code: str, ins: str | None) -> None:
    answer = known.read_now(lambda tx: KnownIdentities(tx).by_traits(traits))

    assert answer.code == code
    assert (answer.ins is not None) is (code == "00")
    if ins is not None:
        assert answer.ins is not None
        assert answer.ins.value == ins


@pytest.mark.parametrize(
    ("answer", "paper", "status"),
    [
        (None, False, "provisoire"),
        (None, True, "validee"),
        (IdentityAnswer(AnswerCode.NONE), False, "provisoire"),
        (IdentityAnswer(AnswerCode.SEVERAL), True, "validee"),
        (IdentityAnswer(AnswerCode.ONE, LEA), False, "recuperee"),
        (IdentityAnswer(AnswerCode.ONE, LEA), True, "qualifiee"),
        (IdentityAnswer(AnswerCode.ONE, INS.parse("255069999999934")), True, "discordante"),
    ],
)
def test_the_status_follows_from_the_answer_and_the_paper(
    answer: IdentityAnswer | None, paper: bool, status: str
) -> None:
    assert status_after(answer, LEA, paper=paper) == status


def test_a_status_is_kept_and_replaced(database: Database) -> None:
    lea = database.write_now(lambda tx: add_patient(tx, NOON))
    assert database.read_now(lambda tx: status_of(tx, lea.id)) is None

    for status in (IdentityStatus.RECUPEREE, IdentityStatus.QUALIFIEE):
        database.write_now(lambda tx, status=status: keep_status(tx, lea.id, status, at=NOON))  # type: ignore[misc]

    assert database.read_now(lambda tx: status_of(tx, lea.id)) is IdentityStatus.QUALIFIEE


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("279035121518988,,DURAND,LÉA,1979-03-12,F,51215", "line 6, column ins: INS: key"),
        ("2790351215189,,DURAND,LÉA,1979-03-12,F,51215", "line 6, column ins: INS: not 13"),
        ("260058815400233,1.2.3,DURAND,LÉA,1979-03-12,F,51215", "line 6, column ins: INS: unknown"),
        (ROWS[0], "line 6, column ins: this identity"),
        ("260058815400233,,DURAND,LÉA,12/03/1979,F,51215", "line 6, column birth_date"),
        ("260058815400233,,DURAND,LÉA,1979-03-12,X,51215", "line 6, column sex"),
        ("260058815400233,,DURAND,LÉA,1979-03-12,F,512", "line 6, column birth_place"),
        ("260058815400233,,,LÉA,1979-03-12,F,51215", "line 6, column family"),
        ("260058815400233,,DURAND,LÉA,1979-03-12,F", "line 6: not as many"),
        ("260058815400233,,DU\0RAND,LÉA,1979-03-12,F,51215", "line 6, column family"),
        ('"260058815400233', "not well-formed CSV"),
    ],
)
def test_a_bad_registry_is_named_and_changes_nothing(known: Database, tmp_path: Path, line: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        known.write_now(lambda tx: load_identities(tx, write(tmp_path, *ROWS, line)))

    assert known.read_now(lambda tx: KnownIdentities(tx).by_traits(TRAITS)).code == "00"


def test_a_registry_may_be_emptied(known: Database, tmp_path: Path) -> None:
    assert known.write_now(lambda tx: load_identities(tx, write(tmp_path))) == 0

    assert known.read_now(lambda tx: KnownIdentities(tx).by_traits(TRAITS)).code == "01"


def test_other_columns_and_other_bytes_are_refused(database: Database, tmp_path: Path) -> None:
    other = tmp_path / "autre.csv"
    for content in (b"a,b\n", b"", b"\xff\xfe"):
        other.write_bytes(content)
        with pytest.raises(ConfigurationError):
            database.write_now(lambda tx: load_identities(tx, other))


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (None, "H_HORS_PRISE_EN_CHARGE"),
        (IdentityStatus.QUALIFIEE, "H_HORS_PRISE_EN_CHARGE"),
        (IdentityStatus.RECUPEREE, "I_INS_NON_QUALIFIEE"),
        (IdentityStatus.PROVISOIRE, "I_INS_NON_QUALIFIEE"),
    ],
)
def test_the_status_that_was_kept_counts_when_a_document_is_filed(
    database: Database, status: IdentityStatus | None, reason: str
) -> None:
    lea = database.write_now(lambda tx: add_active_patient(tx, NOON))
    if status is not None:
        database.write_now(lambda tx: keep_status(tx, lea.id, status, at=NOON))
    request = FilingRequest(
        sender=remote_sender("x@demo.mssante.fr"), ins=lea.ins, document=DocumentFacts(type_code="11502-2"), now=NOON
    )

    case = database.read_now(lambda tx: filing_facts(tx, request))

    assert case.decide().reason == reason
