"""Signing in by SASL, through the whole authenticator: who gets in, what is traced, what the brake sees."""

import asyncio
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from access_core.accounts import Account, AccountState, set_account_state, set_password
from access_core.authentication.application_passwords import ApplicationPasswords, NewApplicationPassword, revoke
from access_core.authentication.authenticator import Authenticator
from access_core.authentication.channel import Channel, Scope, Use
from access_core.authentication.failures import AuthenticationFailed, Throttled, TokenRefused
from access_core.authentication.passwords import hash_password
from access_core.authentication.sasl.steps import Challenge
from access_core.authentication.scram_keys import ScramKeeper
from access_core.authentication.token_sign_in import Holder
from access_core.config import AuthenticationSettings
from access_core.professionals import MailboxType, NewProfessional, add_professional
from access_core.trace.reader import acts_of_mailbox
from tests.standins.scram_client import ScramClient
from vaguemestre.kernel.clock import ManualClock
from vaguemestre.kernel.database import Database, Transaction
from vaguemestre.kernel.errors import TemporaryFailure
from vaguemestre.kernel.keys import InstanceKey

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
MARTIN, PRACTICE, PEER = "camille.martin@demo.mssante.fr", "cabinet@demo.mssante.fr", "192.0.2.7"
PASSWORD, RPPS, STRUCTURE = "Tilleul-2026!", "10001234567", "1750000000"
ENCODED = hash_password(PASSWORD)
SETTINGS = AuthenticationSettings(account_failures=2, peer_failures=6, longest_delay_s=10, channel_binding=True)
END_POINT = b"hash of our certificate"


class Tokens:
    """Knows one token, of the doctor; another is of an issuer that is away."""

    async def holder(self, token: str) -> Holder:
        if token == "away":
            raise TemporaryFailure("issuer: away")
        if token != "good":
            raise TokenRefused("invalid_token")
        return Holder(issuer="psc", value=f"8{RPPS}", names="rpps", refusal=TokenRefused("invalid_token"))


@dataclass
class House:
    """A doctor and her practice, and the authenticator of one process."""

    database: Database
    clock: ManualClock
    key: InstanceKey
    authenticator: Authenticator
    ids: dict[str, str]

    def channel(self, **other: object) -> Channel:
        return Channel(**{"peer": PEER, "use": Use.IMAP, **other})  # type: ignore[arg-type]

    async def run(self, mechanism: str, *responses: bytes, **other: object) -> str:
        """Return how an exchange ends: "in" and whose account, "refused", or "wait" with the seconds."""
        exchange = self.authenticator.begin(mechanism, self.channel(**other))
        assert exchange is not None
        try:
            for response in responses:
                step = await exchange.respond(response)
        except AuthenticationFailed:
            return "refused"
        except Throttled as brake:
            return f"wait {brake.retry_after_s}"
        assert isinstance(step, Account)
        return f"in {step.login}"

    async def scram(self, client: ScramClient, mechanism: str = "SCRAM-SHA-256", **other: object) -> str:
        exchange = self.authenticator.begin(mechanism, self.channel(**other))
        assert exchange is not None
        try:
            first = await exchange.respond(client.first())
            assert isinstance(first, Challenge)
            final = await exchange.respond(client.final(first.data))
            assert isinstance(final, Challenge)
            assert client.believes(final.data)
            account = await exchange.respond(b"")
        except AuthenticationFailed:
            return "refused"
        except Throttled as brake:
            return f"wait {brake.retry_after_s}"
        assert isinstance(account, Account)
        return f"in {account.login}"

    def application(self, scope: Scope = Scope.ALL, until: datetime | None = None) -> tuple[str, str]:
        new = NewApplicationPassword(label="Thunderbird", scope=scope, created_at=self.clock.now(), until=until)
        keeper = ApplicationPasswords(self.key)
        return self.database.write_now(lambda tx: keeper.add(tx, self.ids[MARTIN], MARTIN, new))

    def traced(self, login: str = MARTIN) -> list[tuple[str, str | None]]:
        """Verdict and means of each sign-in, oldest first."""
        lines = self.database.read_now(lambda tx: acts_of_mailbox(tx, self.ids[login]))
        return [(line.entry.verdict, line.entry.resource_kind) for line in reversed(lines)]


@pytest.fixture
def house(database: Database, clock: ManualClock) -> Iterator[House]:
    key = InstanceKey(os.urandom(32))
    keeper = ScramKeeper(key)

    def work(tx: Transaction) -> dict[str, str]:
        doctor = NewProfessional(address=MARTIN, type=MailboxType.PER, name="Dr Martin", created_at=NOW, rpps=RPPS)
        practice = NewProfessional(
            address=PRACTICE, type=MailboxType.ORG, name="Cabinet", created_at=NOW, structure=STRUCTURE
        )
        ids = {new.address: add_professional(tx, new).account_id for new in (doctor, practice)}
        for login, account_id in ids.items():
            set_password(tx, account_id, ENCODED, changed_at=NOW, scram=keeper.sealed(login, account_id, PASSWORD))
        return ids

    ids = database.write_now(work)
    authenticator = Authenticator(database, clock, key, SETTINGS)
    authenticator.accept_tokens(Tokens())
    yield House(database, clock, key, authenticator, ids)
    authenticator.close()


def plain(login: str, password: str) -> bytes:
    return f"\0{login}\0{password}".encode()


async def test_passwords_by_every_mechanism_that_carries_them(house: House) -> None:
    assert await house.run("PLAIN", plain(MARTIN.upper(), PASSWORD)) == f"in {MARTIN}"
    assert await house.run("LOGIN", MARTIN.encode(), PASSWORD.encode()) == f"in {MARTIN}"
    assert await house.scram(ScramClient(MARTIN, PASSWORD)) == f"in {MARTIN}"
    assert await house.scram(ScramClient(MARTIN.upper(), PASSWORD)) == f"in {MARTIN}"


async def test_scram_proves_any_password_of_the_account_for_its_use(house: House) -> None:
    _, for_imap = house.application(Scope.IMAP)
    _, for_smtp = house.application(Scope.SMTP)

    assert await house.scram(ScramClient(MARTIN, for_imap)) == f"in {MARTIN}"
    assert await house.scram(ScramClient(MARTIN, for_smtp)) == "refused"
    assert await house.scram(ScramClient(MARTIN, for_smtp), use=Use.SMTP) == f"in {MARTIN}"
    assert house.traced() == [
        ("PERMIT", "app_password"),
        ("DENY", "account"),
        ("PERMIT", "app_password"),
    ]


async def test_plus_is_offered_where_the_connection_can_be_bound(house: House) -> None:
    bound = ScramClient(MARTIN, PASSWORD, "p=tls-server-end-point,,", END_POINT)

    assert house.authenticator.begin("SCRAM-SHA-256-PLUS", house.channel()) is None
    assert await house.scram(bound, "SCRAM-SHA-256-PLUS", end_point=END_POINT) == f"in {MARTIN}"
    assert await house.scram(bound, "SCRAM-SHA-256-PLUS", end_point=b"of another") == "refused"


async def salt_of(house: House, login: str) -> bytes:
    exchange = house.authenticator.begin("SCRAM-SHA-256", house.channel())
    assert exchange is not None
    first = await exchange.respond(ScramClient(login, "x").first())
    assert isinstance(first, Challenge)
    return first.data.partition(b",")[2]


async def test_salts_do_not_tell_who_exists(house: House) -> None:
    twice = [await salt_of(house, "personne@demo.mssante.fr") for _ in range(2)]
    other = await salt_of(house, "autre@demo.mssante.fr")
    real = await salt_of(house, MARTIN)
    house.database.write_now(
        lambda tx: set_password(tx, house.ids[MARTIN], hash_password("Platane-2026!"), changed_at=NOW)
    )

    assert twice[0] == twice[1] != other
    assert real == await salt_of(house, MARTIN)
    assert len(real) == len(other)


async def test_a_changed_password_ends_its_scram_keys_until_it_is_used_by_a_mail_program(house: House) -> None:
    encoded = hash_password("Platane-2026!")
    house.database.write_now(lambda tx: set_password(tx, house.ids[MARTIN], encoded, changed_at=NOW))

    before = [await house.scram(ScramClient(MARTIN, word)) for word in (PASSWORD, "Platane-2026!")]
    house.clock.advance(timedelta(seconds=3))
    await house.run("PLAIN", plain(MARTIN, "Platane-2026!"))

    assert before == ["refused", "refused"]
    assert await house.scram(ScramClient(MARTIN, "Platane-2026!")) == f"in {MARTIN}"
    assert await house.scram(ScramClient(MARTIN, PASSWORD)) == "refused"


@pytest.mark.requirement("VGM:AUTH-PASSWORD")
async def test_scram_guesses_count_like_others(house: House) -> None:
    for _ in range(2):
        assert await house.scram(ScramClient(MARTIN, "faux")) == "refused"

    assert await house.scram(ScramClient(MARTIN, PASSWORD)) == "wait 2"
    assert await house.run("PLAIN", plain(MARTIN, PASSWORD)) == "wait 2"
    for _ in range(2):
        assert await house.scram(ScramClient("personne@y.fr", "faux")) == "refused"
    assert await house.scram(ScramClient("personne@y.fr", "faux"), peer="198.51.100.1") == "wait 2"


async def test_scram_guesses_sent_at_once_do_not_outrun_the_brake(house: House) -> None:
    outcomes = await asyncio.gather(
        *(house.scram(ScramClient(MARTIN, "faux"), peer=f"192.0.2.{number}") for number in range(30))
    )

    assert outcomes.count("refused") == SETTINGS.account_failures
    assert all(each.startswith("wait") for each in outcomes if each != "refused")


async def test_guessing_the_password_does_not_shut_out_the_programs(house: House) -> None:
    _, password = house.application()
    for _ in range(2):
        await house.run("PLAIN", plain(MARTIN, "faux"), peer="198.51.100.9")

    assert await house.run("PLAIN", plain(MARTIN, PASSWORD)) == "wait 2"
    assert await house.run("PLAIN", plain(MARTIN, password)) == f"in {MARTIN}"
    assert await house.scram(ScramClient(MARTIN, password)) == f"in {MARTIN}"
    assert await house.run("XOAUTH2", b"user=" + MARTIN.encode() + b"\x01auth=Bearer good\x01\x01") == f"in {MARTIN}"


async def test_wrong_application_passwords_are_slowed_down_too(house: House) -> None:
    wrong = "vm-" + "-".join(["aaaaaa"] * 4)
    outcomes = [await house.run("PLAIN", plain(MARTIN, wrong)) for _ in range(3)]

    assert outcomes == ["refused", "refused", "wait 2"]
    assert await house.run("PLAIN", plain("personne@y.fr", wrong)) == "refused"


async def test_an_application_password_ends_by_its_term_its_revocation_or_its_account(house: House) -> None:
    until = NOW + timedelta(days=1)
    _, short = house.application(until=until)
    lost_id, lost = house.application()
    _, kept = house.application()
    assert await house.run("PLAIN", plain(MARTIN, lost)) == f"in {MARTIN}"

    house.clock.advance(timedelta(days=1))
    house.database.write_now(lambda tx: revoke(tx, house.ids[MARTIN], lost_id, house.clock.now()))

    assert await house.run("PLAIN", plain(MARTIN, short)) == "refused"
    assert await house.run("PLAIN", plain(MARTIN, lost)) == "refused"
    house.clock.advance(timedelta(seconds=3))
    assert await house.run("PLAIN", plain(PRACTICE, kept)) == "refused"
    assert await house.run("PLAIN", plain(MARTIN, kept)) == f"in {MARTIN}"
    house.database.write_now(lambda tx: set_account_state(tx, house.ids[MARTIN], AccountState.SUSPENDED))
    assert await house.run("PLAIN", plain(MARTIN, kept)) == "refused"


async def test_the_same_program_that_comes_back_is_written_once(house: House) -> None:
    _, password = house.application()
    for _ in range(3):
        await house.run("PLAIN", plain(MARTIN, password))
    again = house.traced()
    await house.run("PLAIN", plain(MARTIN, password), peer="192.0.2.8")
    house.clock.advance(timedelta(seconds=SETTINGS.remember_s))
    await house.run("PLAIN", plain(MARTIN, password))

    assert again == [("PERMIT", "app_password")]
    assert len(house.traced()) == 3


async def test_the_account_s_own_password_may_be_kept_for_the_portal(
    house: House, database: Database, clock: ManualClock
) -> None:
    strict = SETTINGS.model_copy(update={"account_password_in_mail": False})
    house.authenticator.close()
    house.authenticator = Authenticator(database, clock, house.key, strict)
    _, password = house.application()

    assert await house.run("PLAIN", plain(MARTIN, PASSWORD)) == "refused"
    assert await house.scram(ScramClient(MARTIN, PASSWORD)) == "refused"
    house.clock.advance(timedelta(seconds=3))
    assert (await house.authenticator.password(MARTIN, PASSWORD, peer="192.0.2.1")).login == MARTIN
    assert await house.run("PLAIN", plain(MARTIN, password)) == f"in {MARTIN}"
    assert await house.scram(ScramClient(MARTIN, password)) == f"in {MARTIN}"


def certificate(*names: tuple[x509.ObjectIdentifier, str], email: str = "") -> bytes:
    """A certificate as TLS would show it after its checks; who signed it does not matter here."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(kind, value) for kind, value in names])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(NOW).not_valid_after(NOW + timedelta(days=1))
    if email:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.RFC822Name(email)]), critical=False)
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)


CPS = certificate((NameOID.COUNTRY_NAME, "FR"), (NameOID.COMMON_NAME, f"8{RPPS}"))
SOFTWARE = certificate((NameOID.ORGANIZATIONAL_UNIT_NAME, STRUCTURE), (NameOID.COMMON_NAME, "logiciel"))
ADDRESSED = certificate((NameOID.COMMON_NAME, "x"), email=MARTIN.title())
STRANGER = certificate((NameOID.COMMON_NAME, "810009999999"), (NameOID.ORGANIZATIONAL_UNIT_NAME, "9"))


@pytest.mark.parametrize(
    ("shown", "identity", "outcome"),
    [
        (CPS, "", f"in {MARTIN}"),
        (CPS, MARTIN, f"in {MARTIN}"),
        (CPS, PRACTICE, "refused"),
        (SOFTWARE, "", f"in {PRACTICE}"),
        (SOFTWARE, MARTIN, "refused"),
        (ADDRESSED, "", f"in {MARTIN}"),
        (STRANGER, "", "refused"),
        (STRANGER, MARTIN, "refused"),
        (b"not a certificate", MARTIN, "refused"),
    ],
)
async def test_a_certificate_opens_the_mailboxes_that_it_names(
    house: House, shown: bytes, identity: str, outcome: str
) -> None:
    assert await house.run("EXTERNAL", identity.encode(), certificate=shown) == outcome


async def test_external_is_offered_to_who_showed_a_certificate(house: House) -> None:
    assert "EXTERNAL" in house.authenticator.mechanisms(house.channel(certificate=CPS))
    assert "EXTERNAL" not in house.authenticator.mechanisms(house.channel())
    assert house.authenticator.begin("EXTERNAL", house.channel()) is None


async def test_a_revoked_certificate_opens_nothing(house: House) -> None:
    async def stands(shown: bytes) -> bool:
        return shown != CPS

    house.authenticator.check_certificates(stands)

    assert await house.run("EXTERNAL", b"", certificate=CPS) == "refused"
    assert await house.run("EXTERNAL", b"", certificate=ADDRESSED) == f"in {MARTIN}"
    assert house.traced() == [("DENY", "certificate"), ("PERMIT", "certificate")]


@pytest.mark.requirement("MSS2:ECO.1.2.1")
async def test_a_token_opens_the_mailboxes_of_its_holder(house: House) -> None:
    def xoauth2(user: str, token: str) -> bytes:
        return f"user={user}\x01auth=Bearer {token}\x01\x01".encode()

    assert await house.run("XOAUTH2", xoauth2(MARTIN, "good")) == f"in {MARTIN}"
    assert await house.run("OAUTHBEARER", b"n,,\x01auth=Bearer good\x01\x01") == f"in {MARTIN}"
    assert await house.run("XOAUTH2", xoauth2(PRACTICE, "good"), b"") == "refused"
    assert await house.run("XOAUTH2", xoauth2(MARTIN, "bad"), b"") == "refused"
    assert house.traced() == [("PERMIT", "token"), ("DENY", "token")]
    assert house.traced(PRACTICE) == [("DENY", "token")]


async def test_an_issuer_that_is_away_puts_off_and_counts_nothing(house: House) -> None:
    away = f"user={MARTIN}\x01auth=Bearer away\x01\x01".encode()
    for _ in range(3):
        with pytest.raises(TemporaryFailure):
            await house.run("XOAUTH2", away)

    assert house.traced() == []
    assert await house.run("OAUTHBEARER", b"n,,\x01auth=Bearer good\x01\x01") == f"in {MARTIN}"


async def test_false_tokens_are_slowed_down(house: House) -> None:
    bad = f"user={MARTIN}\x01auth=Bearer bad\x01\x01".encode()
    outcomes = [await house.run("XOAUTH2", bad, b"") for _ in range(3)]

    assert outcomes == ["refused", "refused", "wait 2"]
