"""Who may look what a record holds: the refusals of reading hold at its door, but for that of a document's type."""

from datetime import UTC, datetime

import pytest

from access_core.care import declare_care
from access_core.case_inputs import NO_DOCUMENT, ReadingRequest, Session, local_sender
from access_core.facts import Auth
from access_core.looking import decide_looking
from access_core.professionals import Professional
from access_core.profiles import Profile
from access_core.reasons import Reason
from tests.fictional.people import add_active_patient, add_martin, add_service
from vaguemestre.kernel.database import Database

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def reason_at_the_door(database: Database, reader: Professional | Profile, patient: Profile, auth: Auth) -> Reason:
    """What the door says, in a transaction of its own."""
    who = reader if isinstance(reader, Profile) else local_sender(reader)
    request = ReadingRequest(reader=who, profile=patient, document=NO_DOCUMENT, session=Session(auth=auth), now=NOW)
    _, decision = database.write_now(lambda tx: decide_looking(tx, request))
    assert decision.allowed is (decision.reason is Reason.OK)
    return decision.reason


@pytest.mark.parametrize(
    ("who", "in_care", "auth", "reason"),
    [
        ("doctor", True, Auth.AIR, Reason.OK),
        ("doctor", False, Auth.AIR, Reason.C_CONSENTEMENT_MANQUANT),
        ("doctor", True, Auth.LOGIN_SEUL, Reason.A_MOYEN_INSUFFISANT),
        ("service", True, Auth.ORG_CERT, Reason.A_MOYEN_INSUFFISANT),
        ("service", True, Auth.AIR, Reason.H_PROFESSION_NON_HABILITEE),
    ],
)
def test_the_door_of_a_record(database, who: str, in_care: bool, auth: Auth, reason: Reason):
    add = {"doctor": add_martin, "service": add_service}[who]
    reader = database.write_now(lambda tx: add(tx, NOW))
    lea = database.write_now(lambda tx: add_active_patient(tx, NOW))
    if in_care:
        database.write_now(lambda tx: declare_care(tx, lea.id, reader.account_id, until=None, now=NOW))

    assert reason_at_the_door(database, reader, lea, auth) is reason


def test_a_patient_may_look_at_her_own(database):
    lea = database.write_now(lambda tx: add_active_patient(tx, NOW))

    assert reason_at_the_door(database, lea, lea, Auth.LOGIN_OTP) is Reason.OK
