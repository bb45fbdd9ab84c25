"""An import that is cut short, refused or repeated: nothing lost, nothing doubled, limits kept."""

import asyncio
import tracemalloc
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from mailstore.exchange.exporting import Target
from mailstore.exchange.importing import MailboxFull
from mailstore.exchange.maildir_writing import MaildirTarget
from mailstore.exchange.mbox import MboxSource
from mailstore.exchange.mbox_writing import MboxTarget
from mailstore.exchange.model import Found, Problem, Reference, as_pieces
from mailstore.tables import imported
from tests.conftest import NOON
from tests.fictional.carrier import LARGEST, Carrier
from vaguemestre.kernel.errors import TemporaryFailure

MEGABYTE = 1024 * 1024
BEGIN = b"From a@b.fr Mon Nov 23 08:09:10 2026\n"


def mbox_of(carrier: Carrier, count: int) -> Path:
    path = carrier.fresh()
    path.write_bytes(b"".join(BEGIN + b"S: %d\n\nx\n\n" % number for number in range(count)))
    return path


class Numbered:
    """A source whose messages have UIDs, as those of a server; it goes away after some of them."""

    identity, total = "test", 0

    def __init__(self, contents: Sequence[bytes], *, validity: int = 1, lasts: int = 1_000) -> None:
        self.contents, self.validity, self.lasts = contents, validity, lasts
        self.opened: list[int] = []

    def folders(self) -> Sequence[str]:
        return ["INBOX"]

    async def groups(self) -> AsyncIterator[Sequence[Reference | Problem]]:
        for start in range(0, len(self.contents), 3):
            yield [self._reference(uid) for uid in range(start, min(start + 3, len(self.contents)))]

    async def open(self, references: Sequence[Reference]) -> AsyncIterator[Found | Problem]:
        for reference in references:
            if len(self.opened) == self.lasts:
                raise TemporaryFailure("gone")
            self.opened.append(reference.handle)
            pieces = as_pieces(iter([self.contents[reference.handle]]))
            yield Found(reference=reference, flags=frozenset(), internal_date=NOON, pieces=pieces)

    def _reference(self, uid: int) -> Reference:
        key = f"{self.validity}/{uid}".encode()
        place = f"UID {uid}"
        return Reference(folder="INBOX", origin="a", key=key, place=place, handle=uid, validity=self.validity)


def contents_of(carrier: Carrier, mailbox_id: str) -> list[bytes]:
    return [each.content for each in carrier.letters(mailbox_id)]


def test_what_came_in_does_not_come_again(carrier: Carrier):
    path, mailbox_id = mbox_of(carrier, 450), carrier.mailbox()

    first = carrier.bring_in(mailbox_id, MboxSource(path))
    second = carrier.bring_in(mailbox_id, MboxSource(path))

    assert (first.done, first.known, second.done, second.known) == (450, 0, 0, 450)
    assert len(contents_of(carrier, mailbox_id)) == 450


@pytest.mark.parametrize("lasts", [0, 1, 4, 6, 7])
def test_a_source_that_goes_away_is_gone_on_with(carrier: Carrier, lasts: int):
    contents, mailbox_id = [b"%d" % number for number in range(8)], carrier.mailbox()

    with pytest.raises(TemporaryFailure):
        carrier.bring_in(mailbox_id, Numbered(contents, lasts=lasts))
    kept = contents_of(carrier, mailbox_id)
    carrier.bring_in(mailbox_id, Numbered(contents))

    assert kept == contents[: lasts // 3 * 3]
    assert contents_of(carrier, mailbox_id) == contents


def test_a_renumbered_folder_is_known_by_its_bytes(carrier: Carrier):
    mailbox_id = carrier.mailbox()
    carrier.bring_in(mailbox_id, Numbered([b"a", b"b", b"b", b"c"]))

    again = Numbered([b"b", b"c", b"b", b"b", b"d", b"a"], validity=2)
    report = carrier.bring_in(mailbox_id, again)
    idle = Numbered(again.contents, validity=2)
    carrier.bring_in(mailbox_id, idle)

    assert (report.known, report.done) == (4, 2)
    assert sorted(contents_of(carrier, mailbox_id)) == [b"a", b"b", b"b", b"b", b"c", b"d"]
    assert idle.opened == []


def test_it_comes_again_when_asked_for(carrier: Carrier):
    path, mailbox_id = mbox_of(carrier, 250), carrier.mailbox()
    carrier.bring_in(mailbox_id, MboxSource(path))

    again = carrier.bring_in(mailbox_id, MboxSource(path), again=True)
    after = carrier.bring_in(mailbox_id, MboxSource(path))

    assert (again.done, again.known, after.done) == (250, 0, 0)
    assert len(contents_of(carrier, mailbox_id)) == 500


def test_the_journal_of_one_mailbox_is_not_that_of_another(carrier: Carrier):
    path = mbox_of(carrier, 3)

    reports = [carrier.bring_in(carrier.mailbox(), MboxSource(path)) for _ in range(2)]

    assert [each.done for each in reports] == [3, 3]


def test_a_dry_run_changes_nothing_and_counts_all(carrier: Carrier):
    path, mailbox_id = mbox_of(carrier, 3), carrier.mailbox()
    folders = carrier.names(mailbox_id)

    report = carrier.bring_in(mailbox_id, MboxSource(path, folder="Reprise"), dry_run=True)

    assert (report.done, report.size_bytes, dict(report.folders)) == (3, 3 * 11, {"Reprise": 3})
    assert (contents_of(carrier, mailbox_id), carrier.names(mailbox_id), carrier.begun) == ([], folders, 0)


def test_a_mailbox_is_filled_to_its_quota_and_no_further(carrier: Carrier):
    path, mailbox_id = mbox_of(carrier, 9), carrier.mailbox()
    plan = replace(carrier.plan(mailbox_id), quota_bytes=45)

    importer = carrier.importer(plan, MboxSource(path))
    with pytest.raises(MailboxFull):
        asyncio.run(importer.run(MboxSource(path), carrier.begin, lambda _done, _total: None))
    report = carrier.bring_in(mailbox_id, MboxSource(path), quota_bytes=1_000)

    assert (importer.report.done, report.known, report.done) == (4, 4, 5)


def test_one_folder_may_be_asked_for(carrier: Carrier):
    path, mailbox_id = mbox_of(carrier, 2), carrier.mailbox()

    report = carrier.bring_in(mailbox_id, MboxSource(path), only="Archives")

    assert (report.done, report.known, contents_of(carrier, mailbox_id)) == (0, 0, [])


def test_flags_that_no_mailbox_here_can_hold_are_left_out(carrier: Carrier):
    path, mailbox_id = carrier.fresh(), carrier.mailbox()
    path.write_bytes(BEGIN + b"S: a\nX-Keywords: ok \\Important (x) " + b"y" * 61 + b"\n\nx\n")

    carrier.bring_in(mailbox_id, MboxSource(path))

    assert carrier.letters(mailbox_id)[0].flags == {"ok"}


def test_a_large_message_comes_in_pieces(carrier: Carrier):
    path, mailbox_id = carrier.fresh(), carrier.mailbox()
    body = b"".join(b"line %d\n" % number for number in range(80_000))
    path.write_bytes(BEGIN + b"S: a\n\n" + body)

    carrier.bring_in(mailbox_id, MboxSource(path))

    assert len(body) < LARGEST
    assert contents_of(carrier, mailbox_id) == [b"S: a\r\n\r\n" + body.replace(b"\n", b"\r\n")]


@pytest.mark.parametrize("form", ["mbox", "maildir"])
def test_a_message_of_25_megabytes_takes_a_few_of_memory_each_way(carrier: Carrier, form: str):
    size, path, out, mailbox_id = 25 * MEGABYTE, carrier.fresh(), carrier.fresh(), carrier.mailbox()
    with path.open("wb") as file:
        file.write(BEGIN + b"S: a\n\n")
        file.writelines(b"0123456789abcde\n" for _ in range(size // 16))
    target: Target = MboxTarget(out, mailbox_id, None) if form == "mbox" else MaildirTarget(out)

    tracemalloc.start()
    report = carrier.bring_in(mailbox_id, MboxSource(path), message_bytes=2 * size)
    carrier.write_out(mailbox_id, target)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert (report.done, report.problems) == (1, [])
    assert peak < 12 * MEGABYTE


def test_the_journal_goes_with_the_mailbox(carrier: Carrier):
    path, mailbox_id = mbox_of(carrier, 3), carrier.mailbox()
    carrier.bring_in(mailbox_id, MboxSource(path))

    carrier.database.write_now(lambda tx: carrier.store.delete_mailbox(tx, mailbox_id))

    assert carrier.database.read_now(lambda tx: tx.execute(imported.select()).all()) == []
