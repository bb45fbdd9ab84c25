"""Passwords, one-time codes, and the brake on guessing; Argon2id runs for real."""

import asyncio
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from access_core.accounts import (
    Account,
    AccountKind,
    AccountState,
    NewAccount,
    add_account,
    set_account_state,
    set_password,
)
from access_core.authentication import passwords
from access_core.authentication.authenticator import Authenticator
from access_core.authentication.failures import AuthenticationFailed, Throttled
from access_core.authentication.passwords import hash_password, is_outdated, verify_password
from access_core.authentication.throttle import network_of
from access_core.authentication.totp import code_at, keep_totp, new_secret, seal_secret
from access_core.config import AuthenticationSettings
from access_core.profiles import Profile
from access_core.tables import password_credential, sign_in_failure
from access_core.trace.reader import acts_of_mailbox, history_of_patient
from tests.fictional.people import add_active_patient
from vaguemestre.kernel.clock import ManualClock
from vaguemestre.kernel.database import Database, Transaction
from vaguemestre.kernel.keys import InstanceKey

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
LOGIN, PASSWORD, PEER = "camille.martin@demo.mssante.fr", "Tilleul-2026!", "192.0.2.7"
ENCODED = hash_password(PASSWORD)
SETTINGS = AuthenticationSettings(account_failures=2, peer_failures=4, longest_delay_s=10)


@dataclass
class Scene:
    """A doctor with a password, and the authenticator of one process."""

    database: Database
    clock: ManualClock
    key: InstanceKey
    account: Account
    authenticator: Authenticator

    async def sign_in(self, password: str = PASSWORD, *, login: str = LOGIN, peer: str = PEER) -> str:
        """Return how the attempt ends: "in", "refused", or "wait" with the seconds."""
        try:
            account = await self.authenticator.password(login, password, peer=peer)
        except AuthenticationFailed:
            return "refused"
        except Throttled as brake:
            return f"wait {brake.retry_after_s}"
        assert account == self.account
        return "in"

    def other_process(self) -> "Scene":
        """The same instance seen from another process."""
        authenticator = Authenticator(self.database, self.clock, self.key, SETTINGS)
        return Scene(self.database, self.clock, self.key, self.account, authenticator)

    def acts(self) -> list[tuple[str, str, str]]:
        """What the trace says of the account, oldest first."""
        lines = self.database.read_now(lambda tx: acts_of_mailbox(tx, self.account.id))
        return [(line.entry.act, line.entry.verdict, line.entry.reason) for line in reversed(lines)]


def open_account(tx: Transaction) -> Account:
    opened = add_account(
        tx, NewAccount(kind=AccountKind.PROFESSIONAL, login=LOGIN, display_name="Dr Camille Martin", created_at=NOW)
    )
    set_password(tx, opened.id, ENCODED, changed_at=NOW)
    return opened


@pytest.fixture
def scene(database: Database, clock: ManualClock) -> Iterator[Scene]:
    key = InstanceKey(os.urandom(32))
    authenticator = Authenticator(database, clock, key, SETTINGS, patient_domains=["patient.mssante.fr"])
    yield Scene(database, clock, key, database.write_now(open_account), authenticator)
    authenticator.close()


def test_a_password_verifies_against_its_own_encoding_only() -> None:
    assert verify_password(PASSWORD, ENCODED)
    assert not verify_password(PASSWORD + " ", ENCODED)
    assert ENCODED.startswith("$argon2id$v=19$m=47104,t=1,p=1$")
    assert hash_password(PASSWORD) != ENCODED


def test_accents_verify_however_the_keyboard_composed_them() -> None:
    encoded = hash_password("Été-2026-à-Sète")

    assert verify_password("E\u0301te\u0301-2026-a\u0300-Se\u0300te", encoded)


@pytest.mark.parametrize("text", ["pas une chaîne PHC", "", "$argon2id$v=19$m=47104,t=1,p=1$AAAA"])
def test_what_is_not_an_encoding_matches_nothing(text: str) -> None:
    assert not verify_password(PASSWORD, text)


def test_no_password_matches_the_decoy_and_its_cost_is_the_same() -> None:
    decoy = passwords.decoy()

    assert not verify_password(PASSWORD, decoy)
    assert not is_outdated(decoy)
    assert len(decoy) == len(ENCODED)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Tilleul-2026!", None),
        ("Été-2026-à", None),
        ("Aa1!Aa1!", passwords.Weakness.TOO_SHORT),
        ("Aa1!" * 65, passwords.Weakness.TOO_LONG),
        ("tilleul-2026!", passwords.Weakness.TOO_PLAIN),
        ("Tilleul-deux!", passwords.Weakness.TOO_PLAIN),
        ("Tilleul2026", passwords.Weakness.TOO_PLAIN),
    ],
)
def test_new_passwords_are_long_and_mixed(text: str, found: passwords.Weakness | None) -> None:
    assert passwords.weakness(text) is found
    assert found is None or passwords.SENTENCES[found]


async def test_the_right_password_opens_and_is_traced(scene: Scene) -> None:
    outcome = await scene.sign_in(login="Camille.MARTIN@demo.mssante.fr")

    assert outcome == "in"
    assert scene.acts() == [("sign_in", "PERMIT", "OK")]


@pytest.mark.requirement("VGM:AUTH-PASSWORD")
async def test_wrong_unknown_and_closed_answer_alike(scene: Scene) -> None:
    wrong = await scene.sign_in("Tilleul-2025!", peer="192.0.2.1")
    unknown = await scene.sign_in(login="inconnu@demo.mssante.fr", peer="192.0.2.2")
    too_long = await scene.sign_in(PASSWORD * 100, login="x@y.fr", peer="192.0.2.3")
    scene.database.write_now(lambda tx: set_account_state(tx, scene.account.id, AccountState.CLOSED))
    closed = await scene.sign_in(peer="192.0.2.4")

    assert [wrong, unknown, too_long, closed] == ["refused"] * 4


@pytest.mark.parametrize("login", ["", "\0", "a\0b@y.fr", "\udc80", "x" * 10_000])
async def test_any_text_is_a_login_that_is_refused(scene: Scene, login: str) -> None:
    assert await scene.sign_in(login + "\udc80", login=login) == "refused"


async def test_a_patient_types_her_ins_or_her_address(scene: Scene) -> None:
    def add(tx: Transaction) -> Profile:
        added = add_active_patient(tx, NOW)
        set_password(tx, added.account_id, ENCODED, changed_at=NOW)
        return added

    patient = scene.database.write_now(add)

    for login in ("2 79 03 51 215 189 89", "279035121518989@Patient.MSSante.fr"):
        account = await scene.authenticator.password(login, PASSWORD, peer=PEER)
        assert account.id == patient.account_id
    [line] = scene.database.read_now(lambda tx: history_of_patient(tx, patient.id))
    assert (line.entry.act, line.entry.subject_kind) == ("sign_in", "titulaire")


async def test_an_account_without_password_opens_to_nobody(scene: Scene) -> None:
    scene.database.write_now(lambda tx: tx.execute(password_credential.delete()))

    assert await scene.sign_in("") == "refused"


@pytest.mark.requirement("VGM:AUTH-PASSWORD")
async def test_delays_double_up_to_the_longest(scene: Scene) -> None:
    delays = []
    await scene.sign_in("faux", peer="192.0.2.100")
    for number in range(5):
        assert await scene.sign_in("faux", peer=f"192.0.2.{number}") == "refused"
        blocked = await scene.sign_in(peer=f"192.0.2.{number}")
        delays.append(blocked)
        scene.clock.advance(timedelta(seconds=10))

    assert delays == ["wait 2", "wait 4", "wait 8", "wait 10", "wait 10"]


@pytest.mark.requirement("VGM:AUTH-PASSWORD")
async def test_the_brake_holds_in_every_process_and_opens_when_the_wait_is_over(scene: Scene) -> None:
    other = scene.other_process()
    for _ in range(2):
        await scene.sign_in("faux")

    during = await other.sign_in(peer="198.51.100.1")
    scene.clock.advance(timedelta(seconds=2))
    after = await other.sign_in(peer="198.51.100.1")
    again = await other.sign_in("faux", peer="198.51.100.2")
    other.authenticator.close()

    assert (during, after, again) == ("wait 2", "in", "refused")


async def test_the_right_password_during_the_wait_says_nothing(scene: Scene) -> None:
    for _ in range(2):
        await scene.sign_in("faux")

    right, wrong = await scene.sign_in(), await scene.sign_in("faux")
    unknown = [await scene.sign_in("faux", login="x@y.fr", peer="198.51.100.1") for _ in range(3)]

    assert right == wrong == "wait 2"
    assert unknown == ["refused", "refused", "wait 2"]


async def test_one_address_that_tries_many_logins_waits(scene: Scene) -> None:
    outcomes = [await scene.sign_in("faux", login=f"p{number}@y.fr", peer=f"2001:db8::{number}") for number in range(4)]

    assert outcomes == ["refused"] * 4
    assert await scene.sign_in(peer="2001:db8::ffff") == "wait 2"
    assert await scene.sign_in(peer="2001:db8:0:1::1") == "in"


async def test_guesses_sent_at_once_do_not_outrun_the_brake(scene: Scene) -> None:
    outcomes = await asyncio.gather(*(scene.sign_in("faux", peer=f"192.0.2.{number}") for number in range(12)))

    tried = outcomes.count("refused")
    assert tried < SETTINGS.account_failures + SETTINGS.concurrent_hashes
    assert all(outcome.startswith("wait") for outcome in outcomes if outcome != "refused")


async def test_failures_are_forgotten_after_a_long_silence(scene: Scene) -> None:
    await scene.sign_in("faux")
    scene.clock.advance(timedelta(seconds=SETTINGS.forget_after_s + 1))
    await scene.sign_in("faux")

    assert await scene.sign_in() == "in"


async def test_the_table_of_failures_names_nobody(scene: Scene) -> None:
    await scene.sign_in("faux", login="mot-de-passe-dans-le-mauvais-champ")

    keys = scene.database.read_now(lambda tx: tx.execute(select(sign_in_failure.c.key)).scalars().all())
    assert [len(key) for key in keys] == [64, 64]


async def test_a_reconnection_costs_no_argon2_and_no_trace(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    await scene.sign_in()
    monkeypatch.setattr("access_core.authentication.password_sign_in.verify_password", None)

    again = [await scene.sign_in() for _ in range(3)]

    assert again == ["in"] * 3
    assert len(scene.acts()) == 1


async def test_a_remembered_password_is_for_one_address_and_a_few_minutes(scene: Scene) -> None:
    await scene.sign_in()
    await scene.sign_in(peer="192.0.2.8")
    scene.clock.advance(timedelta(seconds=SETTINGS.remember_s))
    await scene.sign_in()

    assert len(scene.acts()) == 3


async def test_a_changed_password_ends_what_is_remembered(scene: Scene) -> None:
    await scene.sign_in()

    encoded = hash_password("Platane-2026!")
    scene.database.write_now(lambda tx: set_password(tx, scene.account.id, encoded, changed_at=NOW))

    assert await scene.sign_in() == "refused"
    assert await scene.sign_in("Platane-2026!") == "in"


async def test_a_suspended_account_ends_what_is_remembered(scene: Scene) -> None:
    await scene.sign_in()

    scene.database.write_now(lambda tx: set_account_state(tx, scene.account.id, AccountState.SUSPENDED))

    assert await scene.sign_in() == "refused"


async def test_what_is_remembered_does_not_help_to_guess(scene: Scene) -> None:
    await scene.sign_in()
    for _ in range(2):
        await scene.sign_in("faux")

    assert await scene.sign_in() == "wait 2"


async def test_a_password_of_older_parameters_is_encoded_again(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as older:
        older.setattr(passwords, "MEMORY_KIB", 8_192)
        encoded = hash_password(PASSWORD)
    scene.database.write_now(lambda tx: set_password(tx, scene.account.id, encoded, changed_at=NOW))

    outcome = await scene.sign_in()

    kept = scene.database.read_now(lambda tx: tx.execute(select(password_credential.c.encoded)).scalar_one())
    assert outcome == "in"
    assert is_outdated(encoded)
    assert not is_outdated(kept)


async def test_more_sign_ins_than_may_wait_are_put_off(database: Database, clock: ManualClock) -> None:
    settings = AuthenticationSettings(concurrent_hashes=1, waiting_limit=1)
    authenticator = Authenticator(database, clock, InstanceKey(os.urandom(32)), settings)

    attempts = [authenticator.password("x@y.fr", "faux", peer=f"192.0.2.{number}") for number in range(3)]
    outcomes = await asyncio.gather(*attempts, return_exceptions=True)
    authenticator.close()

    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["AuthenticationFailed", "Throttled", "Throttled"]


def enrol(scene: Scene) -> str:
    secret = new_secret()
    sealed = seal_secret(scene.key, scene.account.id, secret)
    scene.database.write_now(lambda tx: keep_totp(tx, scene.account.id, sealed, enrolled_at=NOW))
    return secret


@pytest.mark.parametrize(("offset_s", "accepted"), [(-60, False), (-30, True), (0, True), (30, True), (60, False)])
async def test_a_code_passes_one_step_around_its_own(scene: Scene, offset_s: int, *, accepted: bool) -> None:
    secret = enrol(scene)

    code = code_at(secret, NOW + timedelta(seconds=offset_s))

    assert await scene.authenticator.second_factor(scene.account.id, code) is accepted
    assert scene.acts()[-1] == ("second_factor", *(("PERMIT", "OK") if accepted else ("DENY", "A_MOYEN_INSUFFISANT")))


@pytest.mark.requirement("VGM:AUTH-TOTP")
async def test_a_code_passes_once_and_no_earlier_one_after_it(scene: Scene) -> None:
    secret = enrol(scene)
    code, before = code_at(secret, NOW), code_at(secret, NOW - timedelta(seconds=30))

    both = await asyncio.gather(*(scene.authenticator.second_factor(scene.account.id, code) for _ in range(2)))
    earlier = await scene.authenticator.second_factor(scene.account.id, before)

    assert sorted(both) == [False, True]
    assert earlier is False


async def test_codes_are_guessed_no_faster_than_passwords(scene: Scene) -> None:
    secret = enrol(scene)
    wrong = f"{(int(code_at(secret, NOW)) + 1) % 1_000_000:06d}"
    for _ in range(2):
        assert not await scene.authenticator.second_factor(scene.account.id, wrong)

    with pytest.raises(Throttled) as brake:
        await scene.authenticator.second_factor(scene.account.id, code_at(secret, NOW))
    scene.clock.advance(timedelta(seconds=brake.value.retry_after_s))

    assert await scene.authenticator.second_factor(scene.account.id, code_at(secret, scene.clock.now()))


@pytest.mark.parametrize("code", ["", "12345", "1234567", "abcdef", "１２３４５６", "\udc80"])
async def test_what_is_not_a_code_is_refused(scene: Scene, code: str) -> None:
    enrol(scene)

    assert not await scene.authenticator.second_factor(scene.account.id, code)


async def test_without_second_factor_no_code_passes(scene: Scene) -> None:
    assert not await scene.authenticator.second_factor(scene.account.id, "000000")
    assert not await scene.authenticator.second_factor("0" * 32, "000000")


async def test_a_suspended_account_has_no_second_factor(scene: Scene) -> None:
    secret = enrol(scene)
    scene.database.write_now(lambda tx: set_account_state(tx, scene.account.id, AccountState.SUSPENDED))

    assert not await scene.authenticator.second_factor(scene.account.id, code_at(secret, NOW))


@pytest.mark.requirement("VGM:AUTH-TOTP")
@pytest.mark.parametrize(
    ("seconds", "code"), [(59, "287082"), (1111111109, "081804"), (1234567890, "005924"), (20000000000, "353130")]
)
def test_codes_are_those_of_rfc_6238(seconds: int, code: str) -> None:
    secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"

    assert code_at(secret, datetime.fromtimestamp(seconds, UTC)) == code


@pytest.mark.parametrize(
    ("peer", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8::1", "2001:db8::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("local", "local"),
        ("", ""),
    ],
)
def test_one_subscriber_counts_as_one_address(peer: str, network: str) -> None:
    assert network_of(peer) == network
