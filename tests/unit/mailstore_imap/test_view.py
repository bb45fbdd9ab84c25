"""A session's view: sequence numbers move only when the client may hear of it."""

from array import array

import pytest

from mailstore.imap.protocol.sequence import SequenceSet, Target
from mailstore.imap.view import Opened, View
from mailstore.model import Changes, Entry


def view_of(*uids: int, uidnext: int = 100, first_recent: int = 100) -> View:
    opened = Opened(
        folder_id=1,
        mailbox_id="m",
        name="INBOX",
        read_only=False,
        uidvalidity=7,
        uidnext=uidnext,
        modseq=10,
        first_recent=first_recent,
    )
    return View(opened, array("I", uids), 0.0)


def entry(uid: int, *flags: str, modseq: int = 11) -> Entry:
    return Entry(uid, f"m{uid}", modseq, frozenset(flags), 0, 1, 0)


@pytest.mark.parametrize(
    ("numbers", "uid", "expected"),
    [
        ("1", False, [10]),
        ("2:*", False, [20, 30]),
        ("3:1", False, [10, 20, 30]),
        ("1,1:2,2", False, [10, 20]),
        ("4", False, None),
        ("2,9", False, None),
        ("5:*", False, [30]),
        ("20", True, [20]),
        ("15:25,999", True, [20]),
        ("*", True, [30]),
        ("40:*", True, [30]),
    ],
)
def test_numbers_are_resolved(numbers, uid, expected):
    view = view_of(10, 20, 30)

    resolved = view.resolve(Target(SequenceSet.parse(numbers.encode()), uid))

    assert (None if resolved is None else list(resolved)) == expected


@pytest.mark.parametrize(("numbers", "expected"), [("1:*", []), ("*", []), ("1", None)])
def test_an_empty_folder_has_no_numbers(numbers, expected):
    resolved = view_of().resolve(Target(SequenceSet.parse(numbers.encode()), uid=False))

    assert (None if resolved is None else list(resolved)) == expected


def test_four_octets_a_message():
    assert view_of(1).uids.itemsize == 4


def test_expunges_are_told_from_the_last_so_that_each_number_is_right():
    view = view_of(10, 20, 30, 40)

    lines = view.apply(Changes([], [10, 30], 11), may_expunge=True)

    assert lines == [b"* 3 EXPUNGE\r\n", b"* 1 EXPUNGE\r\n"]
    assert list(view.uids) == [20, 40]


def test_expunges_are_held_back_while_numbers_must_not_move():
    view = view_of(10, 20)

    held = view.apply(Changes([], [10], 11), may_expunge=False)
    numbers_then = view.sequence(20)
    told = view.apply(Changes([], [], 11), may_expunge=True)

    assert (held, numbers_then, view.sequence(20)) == ([], 2, 1)
    assert told == [b"* 1 EXPUNGE\r\n"]
    assert not view.holds_expunges


def test_arrivals_are_counted_and_recent():
    view = view_of(10, uidnext=11, first_recent=11)

    lines = view.apply(Changes([entry(11), entry(12)], [], 12), may_expunge=True)

    assert lines == [b"* 3 EXISTS\r\n", b"* 2 RECENT\r\n"]
    assert view.is_recent(12)
    assert view.modseq == 12


def test_flags_that_others_changed_are_told_and_own_ones_are_not():
    view = view_of(10, 20, 30)

    lines = view.apply(
        Changes([entry(10, "\\Seen"), entry(20, "\\Flagged")], [], 12), may_expunge=False, quiet=frozenset({10})
    )

    assert lines == [b"* 2 FETCH (UID 20 FLAGS (\\Flagged))\r\n"]


def test_a_message_that_came_and_went_unseen_is_not_told():
    view = view_of(10, uidnext=11)

    lines = view.apply(Changes([], [11], 13), may_expunge=True)

    assert lines == []
    assert list(view.uids) == [10]
