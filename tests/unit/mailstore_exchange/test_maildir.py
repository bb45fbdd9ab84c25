"""Maildirs of other programs, and ours as other programs read them."""

import mailbox
import os
from pathlib import Path

import pytest

from mailstore.exchange.maildir import MaildirSource
from mailstore.exchange.maildir_writing import MaildirTarget
from mailstore.exchange.model import Problem
from tests.conftest import NOON
from tests.fictional.carrier import Carrier, Letter

CONTENT = b"Subject: a\n\nFrom a\n"


def put(folder: Path, name: str, content: bytes = CONTENT) -> None:
    """Write a message of a Maildir, dated NOON."""
    for each in ("cur", "new", "tmp"):
        (folder / each).mkdir(parents=True, exist_ok=True)
    place = "cur" if ":2," in name or ";2," in name else "new"
    (folder / place / name).write_bytes(content)
    os.utime(folder / place / name, (NOON.timestamp(), NOON.timestamp()))


@pytest.mark.parametrize(
    ("name", "flags"),
    [
        ("1.a.host", set()),
        ("1.a.host:2,", set()),
        ("1.a.host:2,DFRS", {"\\Draft", "\\Flagged", "\\Answered", "\\Seen"}),
        ("1.a.host;2,PT", {"$Forwarded", "\\Deleted"}),
        ("1.a.host:2,Sabz", {"\\Seen", "NonJunk", "$Label1"}),
    ],
)
def test_letters_are_flags_and_keywords(carrier: Carrier, name: str, flags: set[str]):
    path, mailbox_id = carrier.fresh(), carrier.mailbox()
    put(path, name)
    (path / "dovecot-keywords").write_text("0 NonJunk\n1 $Label1\n99 too-far\nnonsense\n")

    carrier.bring_in(mailbox_id, MaildirSource(path))

    assert carrier.letters(mailbox_id) == [Letter(b"Subject: a\r\n\r\nFrom a\r\n", flags=frozenset(flags), date=NOON)]


@pytest.mark.parametrize(
    ("place", "name"),
    [
        (".", "INBOX"),
        (".Sent", "Envoyés"),
        (".Envoy&AOk-s.2024", "Envoyés/2024"),
        (".Dossier à part", "Dossier à part"),
        (".INBOX.Suivi", "INBOX/Suivi"),
        ("Archives/2023", "Archives/2023"),
        (".a%b*c", "a_b_c"),
        (".&bad", "&bad"),
    ],
)
def test_folders_have_their_names_here(carrier: Carrier, place: str, name: str):
    path, mailbox_id = carrier.fresh(), carrier.mailbox()
    put(path, "1.a.host")
    put(path / place, "2.a.host")

    carrier.bring_in(mailbox_id, MaildirSource(path), only=name)

    assert {each.folder for each in carrier.letters(mailbox_id)} == {name}


def test_a_message_is_known_with_other_flags_and_in_cur(carrier: Carrier):
    path, mailbox_id = carrier.fresh(), carrier.mailbox()
    put(path, "1.a.host")
    put(path, "2.a.host:2,")
    carrier.bring_in(mailbox_id, MaildirSource(path))

    (path / "new" / "1.a.host").rename(path / "cur" / "1.a.host:2,S")
    put(path, "3.a.host")
    report = carrier.bring_in(mailbox_id, MaildirSource(path))

    assert (report.known, report.done) == (2, 1)


def test_a_file_that_does_not_open_is_told_and_stops_nothing(carrier: Carrier):
    path = carrier.fresh()
    put(path, "1.a.host")
    put(path, "3.a.host")
    (path / "new" / "2.a.host").symlink_to("1.a.host")

    report = carrier.bring_in(carrier.mailbox(), MaildirSource(path))

    assert report.done == 2
    assert [each.place for each in report.problems] == ["new/2.a.host"]
    assert report.problems[0] == Problem("new/2.a.host", "fichier illisible (Too many levels of symbolic links)")


def test_empty_folders_are_made(carrier: Carrier):
    path, mailbox_id = carrier.fresh(), carrier.mailbox()
    (path / "cur").mkdir(parents=True)
    (path / ".Suivi.2024" / "cur").mkdir(parents=True)

    carrier.bring_in(mailbox_id, MaildirSource(path))

    assert {"Suivi", "Suivi/2024"} <= set(carrier.names(mailbox_id))


def test_what_is_written_out_reads_in_python(carrier: Carrier):
    letters = [Letter(b"Subject: a\r\n\r\nFrom a\r\n", flags=frozenset({"\\Seen"})), Letter(b"x\ry\n", "Archives/é")]
    path, mailbox_id = carrier.fresh(), carrier.mailbox(*letters)

    carrier.write_out(mailbox_id, MaildirTarget(path))

    read = mailbox.Maildir(str(path), create=False)
    (first,), (second,) = read, read.get_folder("Archives.&AOk-")
    assert (first["Subject"], first.get_flags(), first.get_payload()) == ("a", "S", "From a\n")
    assert first.get_date() == NOON.timestamp()
    assert second.get_flags() == ""
    assert ",E=raw:2," in next((path / ".Archives.&AOk-" / "cur").iterdir()).name


def test_more_keywords_than_letters_are_kept(carrier: Carrier):
    letters = [Letter(b"%d" % number, flags=frozenset({f"mot{number}", "commun"})) for number in range(40)]
    mailbox_id = carrier.mailbox(*letters)

    assert carrier.letters(carrier.carried(mailbox_id, "maildir")) == letters
