"""mbox files of other programs: where messages begin, which flags, dates and folders they have."""

import contextlib
import mailbox
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mailstore.exchange.mbox import MboxSource
from mailstore.exchange.mbox_writing import MboxTarget
from mailstore.exchange.model import Problem
from tests.fictional.carrier import Carrier, Letter

BEGIN = b"From a@b.fr Mon Nov 23 08:09:10 2026\n"
BEGUN = datetime(2026, 11, 23, 8, 9, 10, tzinfo=UTC)


def taken(carrier: Carrier, *pieces: bytes) -> list[Letter]:
    """Return what comes in from a file of these bytes, which reads without a problem."""
    path = carrier.fresh()
    path.write_bytes(b"".join(pieces))
    mailbox_id = carrier.mailbox()
    report = carrier.bring_in(mailbox_id, MboxSource(path))
    assert report.problems == []
    return carrier.letters(mailbox_id)


def test_lines_come_in_with_crlf_and_one_quote_less(carrier: Carrier):
    letters = taken(
        carrier, BEGIN, b"Subject: a\n\n>From here\n>>From there\nFrom now on\n\n", BEGIN, b"Subject: b\n\nx\n"
    )

    assert [each.content for each in letters] == [
        b"Subject: a\r\n\r\nFrom here\r\n>From there\r\nFrom now on\r\n",
        b"Subject: b\r\n\r\nx\r\n",
    ]


@pytest.mark.parametrize(
    ("fields", "flags"),
    [
        (b"Status: O\n", set()),
        (b"Status: RO\nX-Status: AF\nX-Keywords: $Label1 a\n", {"\\Seen", "\\Answered", "\\Flagged", "$Label1", "a"}),
        (b"status: R\nX-Status: DT\n", {"\\Seen", "\\Deleted", "\\Draft"}),
        (b"X-Mozilla-Status: 0005\nX-Mozilla-Status2: 00000000\nX-Mozilla-Keys: b \n", {"\\Seen", "\\Flagged", "b"}),
        (b"X-Keywords: a\n  b\n", {"a", "b"}),
        (b"X-Mozilla-Status: zz\nContent-Length: 99999\nX-UID: 3\n", set()),
    ],
)
def test_fields_of_the_file_are_flags_and_no_part_of_the_message(carrier: Carrier, fields: bytes, flags: set[str]):
    (letter,) = taken(carrier, BEGIN, b"Subject: a\n", fields, b"To: b\n\nStatus: R\n")

    assert letter.flags == flags
    assert letter.content == b"Subject: a\r\nTo: b\r\n\r\nStatus: R\r\n"


@pytest.mark.parametrize(
    ("line", "date"),
    [
        (b"From a@b.fr Mon Nov 23 08:09:10 2026\n", BEGUN),
        (b"From a@b.fr Mon Nov  3 08:09 2025\r\n", datetime(2025, 11, 3, 8, 9, tzinfo=UTC)),
        (b"From a@b.fr Mon Nov 23 10:09:10 +0200 2026\n", BEGUN),
        (b"From a@b.fr Mon Nov 23 10:09:10 2026 +0200\n", BEGUN),
        (b"From - Mon Nov 23 03:09:10 EST 2026\n", BEGUN),
        (b"From \n", datetime(2020, 1, 2, 2, 4, 5, tzinfo=UTC)),
        (b"From -\n", datetime(2020, 1, 2, 2, 4, 5, tzinfo=UTC)),
        (b"From a@b.fr Xyz Foo 99 88:09:10 2026\n", datetime(2020, 1, 2, 2, 4, 5, tzinfo=UTC)),
    ],
)
def test_the_date_is_that_of_the_line_or_of_the_header(carrier: Carrier, line: bytes, date: datetime):
    (letter,) = taken(carrier, line, b"Subject: a\nDate: Thu, 2 Jan 2020\n 03:04:05 +0100\n\nx\n")

    assert letter.date == date


def test_a_message_begins_after_a_blank_line_alone(carrier: Carrier):
    letters = taken(
        carrier,
        BEGIN,
        b"Subject: a\n\nDear all,\n",
        BEGIN,
        b"\nFrom the very start\n\nFrom 2026 on\n\n",
        BEGIN,
        b"B: b\n",
    )

    assert len(letters) == 2
    assert letters[0].content.endswith(b"From 2026 on\r\n")


@pytest.mark.parametrize("end", [b"", b"\n", b"\n\n"])
def test_a_file_with_crlf_reads_as_one_with_lf(carrier: Carrier, end: bytes):
    lines = BEGIN + b"Subject: a\n\nx\n\n" + BEGIN + b"Subject: b\n\ny" + end

    assert taken(carrier, lines) == taken(carrier, lines.replace(b"\n", b"\r\n"))


def test_what_python_wrote_comes_in(carrier: Carrier):
    path = carrier.fresh()
    written = mailbox.mbox(str(path))
    message = mailbox.mboxMessage(b"Subject: a\n\nFrom a\n\nx\n")
    message.set_flags("RFA")
    message.set_from("a@b.fr", BEGUN.timetuple())
    written.add(message)
    written.add(b"Subject: b\n\ny\n")
    written.close()

    letters = taken(carrier, path.read_bytes())

    assert letters[0] == Letter(
        b"Subject: a\r\n\r\nFrom a\r\n\r\nx\r\n", flags=frozenset({"\\Seen", "\\Answered", "\\Flagged"}), date=BEGUN
    )
    assert letters[1].content == b"Subject: b\r\n\r\ny\r\n"


def test_what_is_written_out_reads_in_python(carrier: Carrier):
    letters = [Letter(b"Subject: a\r\n\r\nFrom a\r\n", flags=frozenset({"\\Seen"})), Letter(b"x", "Archives")]
    path = carrier.fresh()
    mailbox_id = carrier.mailbox(*letters)
    carrier.write_out(mailbox_id, MboxTarget(path, mailbox_id, None))

    with contextlib.closing(mailbox.mbox(str(path), create=False)) as read:
        first, second = read
    assert (first["Subject"], first.get_flags(), first.get_payload()) == ("a", "RO", ">From a\n")
    assert second["X-Vaguemestre-Folder"] == "Archives"
    assert path.stat().st_mode & 0o777 == 0o600


def test_the_note_that_pine_keeps_at_the_start_is_no_message(carrier: Carrier):
    note = b"Subject: DON'T DELETE THIS MESSAGE -- FOLDER INTERNAL DATA\nX-IMAP: 1 2\nStatus: RO\n\ntext\n\n"

    (letter,) = taken(carrier, BEGIN, note, BEGIN, b"Subject: a\n\nx\n")

    assert letter.content == b"Subject: a\r\n\r\nx\r\n"


def test_messages_that_cross_windows_are_found(carrier: Carrier):
    body = b"".join(b"%07d\n" % number for number in range(131_070))  # just under one window of the reader
    pieces = [BEGIN + b"S: %d\n\n" % size + body + b"x" * size + b"\n\n" for size in range(40, 80)]
    path = carrier.fresh()
    path.write_bytes(b"".join(pieces))
    mailbox_id = carrier.mailbox()

    report = carrier.bring_in(mailbox_id, MboxSource(path), message_bytes=2_000_000, dry_run=True)

    assert (report.done, report.problems) == (40, [])


@pytest.mark.parametrize(
    ("content", "problem", "count"),
    [
        (b"Subject: a\n\nx\n", Problem("out, octet 0", "aucun message : ce n'est pas un fichier mbox"), 0),
        (
            b"x\n\n" + BEGIN + b"S: a\n\nx\n",
            Problem("out, octet 0", "le fichier ne commence pas par une ligne « From »"),
            1,
        ),
        (BEGIN + b"\n" + BEGIN + b"S: a\n\nx\n", Problem("out, octet 0", "message vide"), 1),
        (
            BEGIN + b"S: a\n\n" + b"x" * 1_000_000 + b"\n\n" + BEGIN + b"S: a\n\nx\n",
            Problem("out, octet 0", "plus grand que 1000000 octets ([imap] message_bytes)"),
            1,
        ),
    ],
    ids=["no mbox", "something before", "empty", "too large"],
)
def test_what_does_not_read_is_told_with_its_place_and_stops_nothing(
    carrier: Carrier, content: bytes, problem: Problem, count: int
):
    path = carrier.fresh()
    path.write_bytes(content)

    report = carrier.bring_in(carrier.mailbox(), MboxSource(path))

    assert (report.problems, report.failed, report.done) == ([problem], 1, count)


def test_the_files_of_a_folder_are_folders(carrier: Carrier):
    path = carrier.fresh()
    files = {
        "Inbox": b"1",
        "Inbox.msf": None,
        "Sent": b"2",
        "Sent.sbd/2024": b"3",
        "Archive.mbox": b"4",
        "vide.mbox": b"",
    }
    for name, number in files.items():
        file = path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"index" if number is None else BEGIN + b"S: " + number + b"\n\n" if number else b"")
    mailbox_id = carrier.mailbox()

    report = carrier.bring_in(mailbox_id, MboxSource(path))

    found = {each.folder: each.content[3:4] for each in carrier.letters(mailbox_id)}
    assert found == {"INBOX": b"1", "Envoyés": b"2", "Envoyés/2024": b"3", "Archives": b"4"}
    assert report.problems == []


def test_a_message_is_known_wherever_it_lies_in_the_file(carrier: Carrier):
    path, mailbox_id = carrier.fresh(), carrier.mailbox()
    first, second, twin = (BEGIN + b"S: a\n\n1\n\n", BEGIN + b"S: a\n\n2\n\n", BEGIN + b"S: a\n\n2\n\n")
    path.write_bytes(first + second + twin)
    carrier.bring_in(mailbox_id, MboxSource(path))

    path.write_bytes(twin.replace(b"S: a\n", b"S: a\nStatus: RO\n") + second + BEGIN + b"S: a\n\n3\n\n")
    report = carrier.bring_in(mailbox_id, MboxSource(path))

    assert (report.known, report.done) == (2, 1)
    assert [each.content[-3:-2] for each in carrier.letters(mailbox_id)] == [b"1", b"2", b"2", b"3"]


def test_a_path_that_is_not_there_is_an_error(tmp_path: Path):
    with pytest.raises(FileNotFoundError):
        MboxSource(tmp_path / "absent")
