"""A mailbox elsewhere is watched: nothing is lost or doubled, whatever is cut, renumbered or killed."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from pydantic import ValidationError

from access_core.reasons import Reason
from dmp_bridge.config import BridgeSettings
from dmp_bridge.refusals import Refusal
from dmp_bridge.tables import watched_message
from dmp_bridge.watch_config import WatchSettings
from dmp_bridge.watched import prepare_message
from mailstore.elsewhere import ANSWER_BYTES, read_password
from tests.conftest import NOON
from tests.fictional.structure_keys import issue_rsa
from tests.fictional.watched_mailbox import WatchedMailbox, message, message_with, plain_message
from tests.fictional.watching import Start, outcomes, start_watching, until
from tests.standins.cutting_proxy import CuttingProxy, cutting_proxy
from tests.standins.hostile_imap import hostile_imap
from tests.standins.ports import free_port_base
from tests.unit.dmp_bridge.archives import zip_of
from tests.unit.dmp_bridge.conftest import Practice, on_each_engine
from vaguemestre.app.demo.fictional_documents import DOMINIQUE, fictional_cda
from vaguemestre.app.demo.people import DOMAIN, MARTIN
from vaguemestre.app.demo.program import Program
from vaguemestre.app.demo.stage import add_doctor
from vaguemestre.app.pki import Authority
from vaguemestre.kernel.errors import ConfigurationError

FOLDER = "Entrants"


@pytest.fixture(scope="module")
def mailbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WatchedMailbox]:
    """Our own IMAP server, in another process."""
    folder = tmp_path_factory.mktemp("imap") / "vaguemestre"
    program = Program(folder)
    program.run("init", str(folder), "--domain", DOMAIN, "--port-base", str(free_port_base()))
    add_doctor(program, MARTIN)
    ports = program.serve("imap")
    yield WatchedMailbox(ports["imaps"], folder / "pki" / "ca.pem", MARTIN.address, MARTIN.password)
    program.stop()


@pytest.fixture
async def proxy(mailbox: WatchedMailbox) -> AsyncIterator[CuttingProxy]:
    mailbox.create(FOLDER)
    async with cutting_proxy(mailbox.port) as opened:
        yield opened


@pytest.fixture
def watching(practice: Practice, mailbox: WatchedMailbox, proxy: CuttingProxy, tmp_path: Path) -> Start:
    """Start watching by the proxy; the record is that of the practice."""
    return partial(start_watching, practice, mailbox, tmp_path, port=proxy.port, folder=FOLDER)


@pytest.mark.requirement("VGM:DMP-06")
async def test_what_is_there_and_what_arrives_is_filed_and_flagged(
    practice: Practice, mailbox: WatchedMailbox, watching: Start
):
    await asyncio.to_thread(mailbox.put, FOLDER, message())

    async with watching():
        await until(lambda: len(outcomes(practice)) == 1)
        await asyncio.to_thread(mailbox.put, FOLDER, message(), plain_message())
        await until(lambda: len(outcomes(practice)) == 3)

    assert outcomes(practice) == ["OK", "OK", "-"]
    assert len(practice.documents()) == 2
    assert all(b"$Depose" in each for each in mailbox.flags(FOLDER))
    assert {each.filing.label for each in practice.documents()} == {"dr.ailleurs@autre.mssante.fr"}


async def test_the_flag_is_a_setting(practice: Practice, mailbox: WatchedMailbox, watching: Start):
    await asyncio.to_thread(mailbox.put, FOLDER, message())

    async with watching(flag="\\Seen"):
        await until(lambda: outcomes(practice) == ["OK"])

    assert b"\\Seen" in mailbox.flags(FOLDER)[0]


@pytest.mark.requirement("VGM:DMP-06")
async def test_cuts_at_random_points_lose_and_double_nothing(
    practice: Practice, mailbox: WatchedMailbox, proxy: CuttingProxy, watching: Start
):
    documents = [fictional_cda() for _ in range(12)]
    await asyncio.to_thread(mailbox.put, FOLDER, *(message(each) for each in documents[:6]))
    proxy.cuts_left, proxy.reach = 15, 20_000

    async with watching():
        for each in documents[6:]:
            await asyncio.to_thread(mailbox.put, FOLDER, message(each))
            proxy.cut()
        await until(lambda: len(outcomes(practice)) == len(documents))

    print(f"{proxy.cuts} cuts by chance")
    assert outcomes(practice) == ["OK"] * len(documents)
    filed = [entry.reason for entry in practice.history() if entry.act == "file_document"]
    assert filed == ["OK"] * len(documents)
    assert len(practice.documents()) == len(documents)


@on_each_engine
async def test_a_renumbered_folder_is_not_filed_again(practice: Practice, mailbox: WatchedMailbox, watching: Start):
    known, later = [message() for _ in range(3)], message()
    await asyncio.to_thread(mailbox.put, FOLDER, *known)
    async with watching():
        await until(lambda: len(outcomes(practice)) == 3)

    await asyncio.to_thread(mailbox.create, FOLDER)
    await asyncio.to_thread(mailbox.put, FOLDER, *known, later)
    async with watching():
        await until(lambda: len(outcomes(practice)) == 7)

    assert len(practice.documents()) == 4
    assert len([entry for entry in practice.history() if entry.act == "file_document"]) == 4
    assert all(b"$Depose" in each for each in mailbox.flags(FOLDER))


async def test_what_was_filed_but_not_flagged_is_flagged_and_not_filed_again(
    practice: Practice, mailbox: WatchedMailbox, watching: Start
):
    await asyncio.to_thread(mailbox.put, FOLDER, message())
    async with watching():
        await until(lambda: outcomes(practice) == ["OK"])
    practice.write(lambda tx: tx.execute(watched_message.update().values(flagged=False)))

    async with watching():
        await until(lambda: outcomes(practice) == ["OK"])

    assert len([entry for entry in practice.history() if entry.act == "file_document"]) == 1


async def test_the_same_document_in_two_mails_is_filed_once(
    practice: Practice, mailbox: WatchedMailbox, watching: Start
):
    document = fictional_cda()
    await asyncio.to_thread(mailbox.put, FOLDER, message(document), message(document))

    async with watching():
        await until(lambda: len(outcomes(practice)) == 2)

    assert len(practice.documents()) == 1
    assert [entry.obligations[:1] for entry in practice.history()][-1] == ("DEDUP",)


STRANGER = fictional_cda().replace(DOMINIQUE.ins.encode(), b"207058575627097")
BAD = {
    "another zip": (message_with(zip_of({"A.JPG": b"a"}), "photos.zip"), "-"),
    "a broken archive": (message_with(b"not a zip"), Refusal.ARCHIVE_UNREADABLE),
    "another patient": (message(STRANGER), Reason.D_PROFIL_INEXISTANT),
    "too large": (message() + b"x" * 200_000, Refusal.ARCHIVE_TOO_LARGE),
}


@pytest.mark.parametrize(("content", "outcome"), BAD.values(), ids=BAD)
async def test_bad_mail_is_traced_and_flagged_and_stops_nothing(
    practice: Practice, mailbox: WatchedMailbox, watching: Start, content: bytes, outcome: str
):
    await asyncio.to_thread(mailbox.put, FOLDER, content, message())

    async with watching(max_message_bytes=100_000):
        await until(lambda: len(outcomes(practice)) == 2)

    assert outcomes(practice) == [outcome, "OK"]
    assert len(practice.documents()) == 1


async def test_a_server_that_is_away_is_tried_again(
    practice: Practice,
    mailbox: WatchedMailbox,
    proxy: CuttingProxy,
    watching: Start,
    capsys: pytest.CaptureFixture[str],
):
    await asyncio.to_thread(mailbox.put, FOLDER, message())
    target, proxy.target = proxy.target, 1

    async with watching():
        await until(lambda: "watch_interrupted" in seen(capsys))
        proxy.target = target
        await until(lambda: outcomes(practice) == ["OK"])


def seen(capsys: pytest.CaptureFixture[str]) -> str:
    """The log since it was looked at last."""
    return capsys.readouterr().err


@pytest.mark.parametrize("wrong", ["password", "folder", "authority"])
async def test_a_watch_that_cannot_begin_goes_on_trying(
    watching: Start, tmp_path: Path, wrong: str, capsys: pytest.CaptureFixture[str]
):
    secret = tmp_path / "wrong"
    secret.write_text("Faux-mot-de-passe-1")
    secret.chmod(0o600)
    changes = {"password": {"password_file": secret}, "folder": {"folder": "Absent"}, "authority": {"authority": None}}

    async with watching(**changes[wrong]) as running:
        await until(lambda: "watch_interrupted" in seen(capsys))
        await until(lambda: "watch_interrupted" in seen(capsys))
        assert not running.done()

    assert "Faux" not in seen(capsys)


def test_a_password_that_others_can_read_stops_the_start(tmp_path: Path):
    secret = tmp_path / "password"
    secret.write_text("x")
    secret.chmod(0o644)
    with pytest.raises(ConfigurationError, match="chmod 600"):
        read_password(secret)
    secret.chmod(0o600)
    secret.write_text("\n")
    with pytest.raises(ConfigurationError, match="empty"):
        read_password(secret)
    with pytest.raises(ConfigurationError, match="cannot be read"):
        read_password(tmp_path / "absent")


@pytest.mark.parametrize("flag", ["", "deux mots", "\\Deleted", "a(b", "é"])
def test_a_flag_is_one_word(flag: str):
    with pytest.raises(ValidationError):
        WatchSettings.model_validate({"name": "a", "host": "h", "login": "l", "password_file": "p", "flag": flag})


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0" * 1_000,
        b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n" * 500,
        b"Content-Type: application/zip; name*=nothing'fr'%e9\r\nContent-Transfer-Encoding: base64\r\n\r\n!!!!",
        b'Content-Type: application/zip; name="=?no-such-charset?q?x?="\r\n\r\nPK',
    ],
)
def test_hostile_bytes_are_refused_or_hold_nothing(content: bytes):
    prepared = prepare_message(content, BridgeSettings())

    assert all(isinstance(each, Refusal) for each in prepared)


async def test_a_server_that_sends_without_end_is_cut(practice: Practice, tmp_path: Path):
    authority = Authority.create(NOON - timedelta(days=30))
    authority.save(tmp_path)
    elsewhere = WatchedMailbox(0, tmp_path / "ca.pem", "app@ch.test", "Motdepasse-1")

    async with (
        hostile_imap(issue_rsa(authority, "localhost", NOON, hosts=("localhost",)), tmp_path, 1 << 30) as hostile,
        start_watching(practice, elsewhere, tmp_path, port=hostile.port),
    ):
        await until(lambda: hostile.connections >= 3)

    assert hostile.sent < hostile.connections * 16 * ANSWER_BYTES
    assert outcomes(practice) == []
