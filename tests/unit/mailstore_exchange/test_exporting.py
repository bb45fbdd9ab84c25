"""An export that is cut short goes on; one that is repeated takes what is new; a damaged message stops nothing."""

import os
from pathlib import Path

import pytest
from sqlalchemy import update

from mailstore.exchange.exporting import Leaving, Target
from mailstore.exchange.maildir import MaildirSource
from mailstore.exchange.maildir_writing import MaildirTarget
from mailstore.exchange.mbox import MboxSource
from mailstore.exchange.mbox_writing import MboxTarget
from mailstore.store import FlagChange
from mailstore.tables import message
from tests.fictional.carrier import Carrier, Letter
from vaguemestre.kernel.errors import PermanentFailure


class Killed(BaseException):
    """The process ends here."""


def target_of(form: str, path: Path, mailbox_id: str) -> Target:
    return MboxTarget(path, mailbox_id, None) if form == "mbox" else MaildirTarget(path)


@pytest.mark.parametrize("form", ["mbox", "maildir"])
@pytest.mark.parametrize("lasts", [0, 1, 99, 100, 101, 249])
def test_a_cut_export_is_gone_on_with(
    carrier: Carrier, form: str, lasts: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    letters = [Letter(b"%d" % number, "INBOX" if number < 150 else "Archives") for number in range(250)]
    mailbox_id = carrier.mailbox(*letters)
    target = target_of(form, tmp_path / "out", mailbox_id)
    put, left = target.put, [lasts]

    def cut(leaving: Leaving) -> None:
        put(leaving)
        left[0] -= 1
        if left[0] < 0:
            raise Killed

    monkeypatch.setattr(target, "put", cut)
    with pytest.raises(Killed):
        carrier.write_out(mailbox_id, target)
    report = carrier.write_out(mailbox_id, target_of(form, tmp_path / "out", mailbox_id))

    fresh = carrier.mailbox()
    carrier.bring_in(fresh, MboxSource(tmp_path / "out") if form == "mbox" else MaildirSource(tmp_path / "out"))
    assert carrier.letters(fresh) == carrier.letters(mailbox_id)
    assert report.known == max(settled for settled in (0, 100, 150) if settled <= lasts)
    assert report.done + report.known == 250
    assert list(tmp_path.rglob("tmp/*")) == list(tmp_path.rglob("*.part*")) == []


def test_a_file_that_is_there_is_never_replaced(carrier: Carrier, tmp_path: Path):
    mailbox_id = carrier.mailbox(Letter(b"a"))
    carrier.write_out(mailbox_id, MboxTarget(tmp_path / "a", mailbox_id, None))

    with pytest.raises(PermanentFailure, match="jamais remplacé"):
        MboxTarget(tmp_path / "a", mailbox_id, None)

    assert sorted(each.name for each in tmp_path.iterdir()) == ["a"]


@pytest.mark.parametrize("state", [b'{"mailbox_id":"another","only":null}', b"{"])
def test_the_export_of_something_else_is_not_gone_on_with(carrier: Carrier, tmp_path: Path, state: bytes):
    (tmp_path / "a.part.json").write_bytes(state)

    with pytest.raises(PermanentFailure):
        MboxTarget(tmp_path / "a", carrier.mailbox(), None)


@pytest.mark.parametrize("form", ["mbox", "maildir"])
def test_two_exports_do_not_write_in_one_place(carrier: Carrier, form: str, tmp_path: Path):
    mailbox_id = carrier.mailbox(Letter(b"a"))
    first = target_of(form, tmp_path / "out", mailbox_id)

    with pytest.raises(PermanentFailure, match="un autre export"):
        target_of(form, tmp_path / "out", mailbox_id)

    assert carrier.write_out(mailbox_id, first).done == 1


def test_a_maildir_takes_what_is_new_and_the_flags_of_today(carrier: Carrier, tmp_path: Path):
    mailbox_id = carrier.mailbox(Letter(b"a"), Letter(b"b"))
    carrier.write_out(mailbox_id, MaildirTarget(tmp_path / "out"))
    change = FlagChange(op="add", flags=frozenset({"\\Seen", "suivi"}))

    carrier.database.write_now(lambda tx: carrier.store.change_flags(tx, carrier.inbox(mailbox_id), [1], change))
    report = carrier.write_out(mailbox_id, MaildirTarget(tmp_path / "out"))

    names = sorted(each.name.partition(":")[2] for each in (tmp_path / "out" / "cur").iterdir())
    assert (report.known, report.done, names) == (2, 0, ["2,", "2,Sa"])
    assert (tmp_path / "out" / "dovecot-keywords").read_text() == "0 suivi\n"


@pytest.mark.parametrize("form", ["mbox", "maildir"])
def test_a_damaged_message_is_told_and_leaves_no_trace(carrier: Carrier, form: str, tmp_path: Path):
    mailbox_id = carrier.mailbox(Letter(b"a: 1\r\n\r\none"), Letter(b"a: 2\r\n\r\ntwo"), Letter(b"a: 3\r\n\r\nthree"))
    second = carrier.entries(mailbox_id)[1]
    damaged = update(message).where(message.c.id == second.message_id).values(sealed_body=os.urandom(40))
    carrier.database.write_now(lambda tx: tx.execute(damaged) and None)

    report = carrier.write_out(mailbox_id, target_of(form, tmp_path / "out", mailbox_id))

    written = b"".join(each.read_bytes() for each in sorted(tmp_path.rglob("*")) if each.is_file())
    assert (report.done, [each.place for each in report.problems]) == (2, ["INBOX, UID 2"])
    assert (b"one" in written, b"a: 2" in written, b"three" in written) == (True, False, True)


def test_one_folder_may_be_asked_for(carrier: Carrier, tmp_path: Path):
    mailbox_id = carrier.mailbox(Letter(b"a"), Letter(b"b", "Archives"))

    report = carrier.write_out(mailbox_id, MboxTarget(tmp_path / "a", mailbox_id, "Archives"), "Archives")

    assert (report.done, dict(report.folders)) == (1, {"Archives": 1})
