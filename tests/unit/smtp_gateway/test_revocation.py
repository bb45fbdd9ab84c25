"""Revocation: lists, responders, what each lie of theirs is worth, and what happens when nobody can tell."""

import asyncio
import csv
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from smtp_gateway.config import TrustSettings
from smtp_gateway.trust.crl import read_crl
from smtp_gateway.trust.revocation import Revocation
from smtp_gateway.trust.standing import Known, Source, Standing, judge
from tests.standins.igc import HOUR, Igc, PkiServer, Responder, Wish
from vaguemestre.kernel.clock import ManualClock
from vaguemestre.kernel.errors import ProtocolError

TABLE = Path(__file__).parents[2] / "spec" / "revocation_rules.csv"
RULES = list(csv.DictReader(TABLE.read_text(encoding="utf-8").splitlines()))
NOW = datetime.now(UTC)


class House:
    """An authority, its server, and the checker under test."""

    def __init__(self, folder: Path) -> None:
        self.igc = Igc(folder)
        self.responder = Responder(self.igc)
        self.server = PkiServer(self.responder)
        self.clock = ManualClock(datetime.now(UTC))
        self.folder = folder

    def checker(self, **settings: object) -> Revocation:
        given = TrustSettings.model_validate({"whitelist": self.folder / "w.xml"} | settings)
        return Revocation.build(self.folder / "ca.pem", self.folder, given, self.clock)

    def peer(self, *, lists: bool = False, responder: bool = False, dead: bool = False) -> bytes:
        lists_at = [self.server.url("/absent" if dead else "/ca.crl")] if lists else []
        responders = [self.server.url("/ocsp")] if responder else []
        self.certificate = self.igc.issue("peer", Wish(lists=lists_at, responders=responders))
        return self.certificate.public_bytes(Encoding.DER)

    def publish(self, *revoked: x509.Certificate, made_at: datetime | None = None) -> None:
        self.server.documents["/ca.crl"] = self.igc.crl(revoked, made_at=made_at)

    def keep(self, data: bytes, name: str = "ca.crl.pem") -> None:
        (self.folder / name).write_bytes(x509.load_der_x509_crl(data).public_bytes(Encoding.PEM))


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    yield made
    made.server.close()


@pytest.mark.parametrize("row", RULES, ids=lambda row: row["id"])
def test_judgement_follows_the_table(row: dict[str, str]) -> None:
    known = Known(
        Source(row["list"]),
        Source(row["responder"]),
        names_list="l" in row["names"],
        names_responder="r" in row["names"],
    )

    standing, why = judge(known, expired_list=row["expired_crl"], responder=row["ocsp"])  # type: ignore[arg-type]

    assert standing == row["standing"]
    assert why


def test_list_of_the_distribution_point_is_fetched_once_and_kept(house: House) -> None:
    peer = house.peer(lists=True)
    house.publish()
    checker = house.checker()

    standings = [checker.check_now(peer).standing for _ in range(3)]
    house.server.documents.clear()

    assert standings == [Standing.GOOD] * 3
    assert house.server.served == 1
    assert house.checker().check_now(peer).standing is Standing.GOOD  # another process finds it on disk
    assert list(house.folder.glob("fetched-*.crl.pem"))


def test_newer_list_is_fetched_by_the_chore_and_obeyed_at_once(house: House) -> None:
    peer = house.peer(lists=True)
    house.publish()
    checker = house.checker()
    before = checker.check_now(peer).standing
    house.publish(house.certificate, made_at=datetime.now(UTC))

    assert checker.folder.refresh_all() == 1

    assert (before, checker.check_now(peer).standing) == (Standing.GOOD, Standing.REVOKED)
    assert checker.folder.refresh_all() == 0


def test_older_list_does_not_take_a_revocation_back(house: House) -> None:
    peer = house.peer(lists=True)
    house.publish(house.certificate)
    checker = house.checker()
    before = checker.check_now(peer).standing
    house.publish(made_at=datetime.now(UTC) - 5 * HOUR)

    checker.folder.refresh_all()

    assert before is checker.check_now(peer).standing is Standing.REVOKED


def test_list_of_another_authority_under_the_same_name_is_not_believed(house: House, tmp_path: Path) -> None:
    peer = house.peer(lists=True)
    house.server.documents["/ca.crl"] = Igc(tmp_path / "forger").crl()

    assert house.checker().check_now(peer).standing is Standing.UNKNOWN
    assert not list(house.folder.glob("fetched-*"))


@pytest.mark.parametrize(
    ("expired_crl", "standing"), [("defer", Standing.UNKNOWN), ("use", Standing.GOOD)], ids=["defer", "use"]
)
def test_list_past_its_date_is_kept_and_used_as_the_setting_says(
    house: House, expired_crl: str, standing: Standing
) -> None:
    peer = house.peer(lists=True, dead=True)
    house.keep(house.igc.crl(due_at=datetime.now(UTC) - timedelta(minutes=1)))

    assert house.checker(expired_crl=expired_crl).check_now(peer).standing is standing


def test_list_past_its_date_still_revokes(house: House) -> None:
    peer = house.peer(lists=True, dead=True)
    house.keep(house.igc.crl([house.certificate], due_at=datetime.now(UTC) - timedelta(minutes=1)))

    assert house.checker(expired_crl="use").check_now(peer).standing is Standing.REVOKED


def test_source_that_fails_is_not_asked_again_at_once(house: House) -> None:
    peer = house.peer(responder=True)
    house.responder.replay = b"nonsense"
    checker = house.checker()

    standings = {checker.check_now(peer).standing for _ in range(5)}
    asked = house.responder.asked
    house.clock.advance(timedelta(seconds=61))
    checker.check_now(peer)

    assert standings == {Standing.UNKNOWN}
    assert (asked, house.responder.asked) == (1, 2)


@pytest.mark.parametrize("delegated", [False, True])
def test_answer_of_the_responder_is_believed_until_it_is_due(house: House, delegated: bool) -> None:
    peer = house.peer(responder=True)
    if delegated:
        house.responder.signer = house.igc.delegate()
    checker = house.checker()

    good = [checker.check_now(peer).standing for _ in range(3)]
    house.responder.revoked.add(house.certificate.serial_number)
    asked = house.responder.asked
    house.clock.advance(timedelta(minutes=61))

    assert good == [Standing.GOOD] * 3
    assert asked == 1
    house.responder.made_at, house.responder.due_at = house.clock.now(), house.clock.now() + HOUR
    assert checker.check_now(peer).standing is Standing.REVOKED


def lie_stale(house: House) -> None:
    house.responder.made_at = NOW - 50 * HOUR
    house.responder.due_at = NOW - 2 * HOUR


def lie_future(house: House) -> None:
    house.responder.made_at = datetime.now(UTC) + HOUR
    house.responder.due_at = datetime.now(UTC) + 2 * HOUR


def lie_nonce(house: House) -> None:
    house.responder.nonce = b"n" * 32


def lie_serial(house: House) -> None:
    house.responder.serial = 42


def lie_signer_without_right(house: House) -> None:
    house.responder.signer = house.igc.delegate(ExtendedKeyUsageOID.SERVER_AUTH)


def lie_foreign_signer(house: House) -> None:
    house.responder.signer = Igc(house.folder / "forger").delegate()


def lie_revoked_signer(house: House) -> None:
    certificate, key = house.igc.delegate()
    house.keep(house.igc.crl([certificate], due_at=datetime.now(UTC) + HOUR))
    house.responder.signer = certificate, key


def lie_nonsense(house: House) -> None:
    house.responder.replay = b"\x30\x03\x0a\x01\x06"  # « unauthorized »


LIES = [
    lie_stale,
    lie_future,
    lie_nonce,
    lie_serial,
    lie_signer_without_right,
    lie_foreign_signer,
    lie_revoked_signer,
    lie_nonsense,
]


@pytest.mark.parametrize("lie", LIES, ids=lambda lie: lie.__name__)
def test_answer_that_lies_is_no_answer(house: House, lie: object) -> None:
    assert callable(lie)
    peer = house.peer(responder=True)
    lie(house)

    assert house.checker(ocsp="hard").check_now(peer).standing is Standing.UNKNOWN
    assert house.responder.asked == 1


def test_answer_to_another_question_is_a_replay(house: House) -> None:
    peer = house.peer(responder=True)
    house.checker().check_now(peer)
    house.responder.replay = house.responder.last
    house.responder.revoked.add(house.certificate.serial_number)

    assert house.checker().check_now(peer).standing is Standing.UNKNOWN


def test_answer_without_nonce_passes_unless_one_is_required(house: House) -> None:
    peer = house.peer(responder=True)
    house.responder.nonce = None

    assert house.checker().check_now(peer).standing is Standing.GOOD
    assert house.checker(ocsp_nonce="required").check_now(peer).standing is Standing.UNKNOWN


def test_list_does_without_the_responder_when_it_may(house: House) -> None:
    peer = house.peer(lists=True, responder=True)
    house.publish()
    house.server.responder = None

    assert house.checker(ocsp="soft").check_now(peer).standing is Standing.GOOD
    assert house.checker(ocsp="hard").check_now(peer).standing is Standing.UNKNOWN
    assert house.checker(ocsp="off").check_now(peer).standing is Standing.GOOD


def test_certificate_out_of_its_dates_or_of_nobody_does_not_pass(house: House, tmp_path: Path) -> None:
    expired = house.igc.issue("expired", Wish(begins=NOW - 10 * HOUR, ends=NOW - HOUR))
    foreign = Igc(tmp_path / "foreign").issue("peer")
    checker = house.checker()

    assert checker.check_now(expired.public_bytes(Encoding.DER)).standing is Standing.EXPIRED
    assert checker.check_now(foreign.public_bytes(Encoding.DER)).standing is Standing.UNKNOWN


async def test_many_greetings_at_once_ask_once_and_are_remembered(house: House) -> None:
    peer = house.peer(responder=True)
    checker = house.checker()

    verdicts = await asyncio.gather(*(checker.check(peer) for _ in range(20)))
    verdicts.append(await checker.check(peer))

    assert {verdict.standing for verdict in verdicts} == {Standing.GOOD}
    assert house.responder.asked == 1


DISTRIBUTION = {
    "full_name": None,
    "relative_name": None,
    "only_contains_user_certs": False,
    "only_contains_ca_certs": False,
    "only_some_reasons": None,
    "indirect_crl": False,
    "only_contains_attribute_certs": False,
}


@pytest.mark.parametrize(
    "extension",
    [
        x509.DeltaCRLIndicator(1),
        x509.IssuingDistributionPoint(**(DISTRIBUTION | {"indirect_crl": True})),
        x509.IssuingDistributionPoint(**(DISTRIBUTION | {"only_contains_ca_certs": True})),
        x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00"),
    ],
    ids=["delta", "indirect", "of authorities", "unknown"],
)
def test_list_of_another_kind_is_refused(house: House, extension: x509.ExtensionType) -> None:
    data = house.igc.crl(extensions=[(extension, True)])

    with pytest.raises(ProtocolError):
        read_crl(data, [house.igc.authority.certificate])


def test_list_in_parts_by_user_certificates_is_read(house: House) -> None:
    point = x509.IssuingDistributionPoint(**(DISTRIBUTION | {"only_contains_user_certs": True}))

    read = read_crl(
        house.igc.crl([house.igc.issue("x")], extensions=[(point, True)]), [house.igc.authority.certificate]
    )

    assert len(read.serials) == 1
