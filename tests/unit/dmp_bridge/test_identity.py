"""Whose document it is: INS first, then the traits of `tests/spec/patient_traits.csv`."""

import csv
from datetime import date
from pathlib import Path

import pytest

from access_core.facts import IdentityStatus
from access_core.identifiers import INS
from access_core.profiles import Profile, ProfileStatus
from access_core.reasons import REGISTER, Reason
from dmp_bridge.cda.header import InstanceId, PatientIdentity
from dmp_bridge.config import TEST_INS_AUTHORITIES, BridgeSettings
from dmp_bridge.identity import document_identity, metadata_identity
from dmp_bridge.outcome import sentence_of
from dmp_bridge.refusals import Refusal
from dmp_bridge.xds.identifiers import CX, INS_NIR, INS_NIR_TEST

TRAITS = list(csv.DictReader((Path(__file__).parents[2] / "spec" / "patient_traits.csv").read_text().splitlines()))
AUTHORITIES = TEST_INS_AUTHORITIES
VALUE = "279035121518989"
DOMINIQUE = Profile(
    id="0" * 32,
    ins=INS.parse(VALUE),
    family="PAT-TROIS",
    given="Dominique",
    birth_date=date(1979, 3, 28),
    sex="F",
    email=None,
    status=ProfileStatus.ACTIF,
    account_id="1" * 32,
)


def patient(row: dict[str, str], ins: InstanceId | None = None) -> PatientIdentity:
    return PatientIdentity(
        ids=(ins or InstanceId(INS_NIR_TEST, VALUE),),
        birth_family=row["birth_family"] or None,
        used_families=(row["used_family"],) if row["used_family"] else (),
        first_given=row["first_given"] or None,
        given=row["given"] or None,
        sex=row["sex"] or None,
        birth_date=row["birth_date"] or None,
    )


@pytest.mark.parametrize("row", TRAITS, ids=lambda row: row["id"])
@pytest.mark.requirement("MSS2:ECO.2.1.2")
def test_traits_follow_the_table(row):
    status = document_identity(patient(row), DOMINIQUE, AUTHORITIES)

    expected = IdentityStatus.QUALIFIEE if row["matches"] == "yes" else IdentityStatus.DISCORDANTE
    assert status is expected


@pytest.mark.parametrize(
    ("root", "extension", "expected"),
    [
        (INS_NIR, VALUE, IdentityStatus.QUALIFIEE),
        (INS_NIR, "277076322082910", IdentityStatus.DISCORDANTE),
        (INS_NIR, "279035121518988", IdentityStatus.MALFORMEE),
        (INS_NIR_TEST, "279035121518988", IdentityStatus.DISCORDANTE),
        (INS_NIR, "12", IdentityStatus.MALFORMEE),
        (INS_NIR, "", IdentityStatus.ABSENTE),
        ("1.2.3", VALUE, IdentityStatus.ABSENTE),
    ],
)
def test_the_ins_of_a_document_is_compared_first(root, extension, expected):
    status = document_identity(patient(TRAITS[0], InstanceId(root, extension)), DOMINIQUE, AUTHORITIES)

    assert status is expected


def cx(value: str, oid: str = INS_NIR_TEST) -> CX:
    return CX.build(value, oid)


@pytest.mark.parametrize(
    ("entry", "submission_set", "expected"),
    [
        (cx(VALUE), cx(VALUE), IdentityStatus.QUALIFIEE),
        (cx(VALUE), None, IdentityStatus.QUALIFIEE),
        (None, cx(VALUE), IdentityStatus.ABSENTE),
        (CX("^^^&1.2.3&ISO"), None, IdentityStatus.ABSENTE),
        (cx(VALUE), cx("277076322082910"), IdentityStatus.DISCORDANTE),
        (cx("277076322082910"), cx(VALUE), IdentityStatus.DISCORDANTE),
        (cx(VALUE, "1.2.3"), cx(VALUE), IdentityStatus.MALFORMEE),
        (CX(VALUE), None, IdentityStatus.MALFORMEE),
    ],
)
@pytest.mark.requirement("MSS2:ECO.2.1.2")
def test_every_identifier_of_the_metadata_must_be_hers(entry, submission_set, expected):
    assert metadata_identity([entry, submission_set], DOMINIQUE, AUTHORITIES) is expected


def test_test_authorities_can_be_shut_out():
    production = BridgeSettings().ins_authorities

    assert metadata_identity([cx(VALUE)], DOMINIQUE, production) is IdentityStatus.MALFORMEE
    assert metadata_identity([cx(VALUE, INS_NIR)], DOMINIQUE, production) is IdentityStatus.QUALIFIEE


def test_every_outcome_has_its_sentence():
    assert sentence_of("OK") == "Action autorisée."
    assert sentence_of("nothing known") == ""
    assert sentence_of(Refusal.DOCUMENT_NOT_CDA) == "Ce document n'est pas au format CDA R2."
    assert sentence_of("I_INS_DISCORDANTE") == REGISTER[Reason.I_INS_DISCORDANTE].sentence
