"""The bytes of answers: strings, flags, dates, header fields, patterns, failures."""

from datetime import UTC, datetime, timedelta

import pytest

from mailstore.imap.commands.listing import name_matches
from mailstore.imap.commands.rendering import header_fields, internal_date
from mailstore.imap.commands.table import HANDLERS
from mailstore.imap.protocol import responses
from mailstore.imap.protocol.commands import Append, StartTls
from mailstore.imap.protocol.envelope import parse_envelope
from mailstore.imap.protocol.session import ALLOWED, TRANSITIONS, State, Step
from vaguemestre.kernel.errors import ProtocolError

HEADER = b"From: a\r\nX-Long: un\r\n\tdeux\r\nTO : b\r\nFrom-Not: c\r\nfrom: d\r\n\r\n"


@pytest.mark.parametrize(
    ("data", "written"),
    [
        (b"", b'""'),
        (b'a "b" \\c', b'"a \\"b\\" \\\\c"'),
        (b"\xc3\xa9", b"{2}\r\n\xc3\xa9"),
        (b"a\r\nb", b"{4}\r\na\r\nb"),
        (b"x" * 1_001, b"{1001}\r\n" + b"x" * 1_001),
    ],
)
def test_a_string_is_quoted_when_it_can_be(data, written):
    assert responses.string(data) == written


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("INBOX", b"INBOX"),
        ("Envoyés", b"Envoy&AOk-s"),
        ("a b", b'"a b"'),
        ("A&B", b"A&-B"),
        ("", b'""'),
        ("nil", b'"nil"'),
    ],
)
def test_a_mailbox_name_is_written_in_modified_utf7(name, written):
    assert responses.mailbox(name) == written


def test_flags_are_in_a_stable_order():
    flags = frozenset({"$Forwarded", "\\Seen", "\\Answered"})

    assert responses.flag_list(flags, recent=True) == b"(\\Answered \\Seen $Forwarded \\Recent)"


@pytest.mark.parametrize(
    ("moment", "written"),
    [
        (datetime(2026, 3, 3, 8, 5, 9, 999_999, tzinfo=UTC), b'" 3-Mar-2026 08:05:09 +0000"'),
        (datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC), b'"31-Dec-1969 23:59:59 +0000"'),
    ],
)
def test_internal_date(moment, written):
    microseconds = (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)

    assert internal_date(microseconds) == written


@pytest.mark.parametrize(
    ("names", "wanted", "chosen"),
    [
        ((b"FROM",), True, b"From: a\r\nfrom: d\r\n\r\n"),
        ((b"to", b"x-long"), True, b"X-Long: un\r\n\tdeux\r\nTO : b\r\n\r\n"),
        ((b"absent",), True, b"\r\n"),
        ((b"from", b"to"), False, b"X-Long: un\r\n\tdeux\r\nFrom-Not: c\r\n\r\n"),
    ],
)
def test_header_fields_come_byte_exact_and_in_order(names, wanted, chosen):
    assert header_fields(HEADER, names, wanted=wanted) == chosen


def test_a_header_without_end_is_closed():
    assert header_fields(b"A: b", (b"a",), wanted=True) == b"A: b\r\n\r\n"


@pytest.mark.parametrize(
    ("name", "pattern", "fits"),
    [
        ("INBOX", "*", True),
        ("Cas/été", "*", True),
        ("Cas/été", "%", False),
        ("Cas/été", "Cas/%", True),
        ("Cas/été/1", "Cas/%", False),
        ("Cas/été/1", "Cas*1", True),
        ("Cas/été/1", "%/%/%", True),
        ("Cas", "Cas/%", False),
        ("a+b", "a+b", True),
        ("aab", "a+b", False),
        ("", "", True),
        ("a", "", False),
    ],
)
def test_a_name_fits_a_pattern(name, pattern, fits):
    assert name_matches(name, pattern) is fits


def test_a_pattern_of_wildcards_costs_no_more_than_its_length():
    assert not name_matches("a" * 1_000, "*a" * 10 + "b")


def test_an_envelope_is_read_back():
    people = b'(("L\xc3\xa9a \\"x\\"" NIL "lea" "exemple.test")(NIL NIL "b" "c"))'
    data = b'("date" {3}\r\n"a) (("Z" NIL "z" "z")) NIL NIL %s NIL NIL NIL "<id>")' % people

    envelope = parse_envelope(data)

    assert envelope.subject == b'"a)'
    assert envelope.from_ == b"Z <z@z>"
    assert envelope.to == b'L\xc3\xa9a "x" <lea@exemple.test>, b@c'
    assert envelope.cc == b""


@pytest.mark.parametrize("data", [b"", b"NIL", b"()", b'("a" "b")', b'("date" {30}\r\nx)', b"((((((((((((("])
def test_what_is_no_envelope_is_refused(data):
    with pytest.raises(ProtocolError):
        parse_envelope(data)


def test_every_command_has_its_states_and_its_handler():
    beside_the_connection = {StartTls, Append}

    assert set(ALLOWED) == set(HANDLERS) | beside_the_connection


def test_nothing_leaves_logout():
    assert {state for state, _ in TRANSITIONS} == set(State) - {State.LOGOUT}
    assert all(target is State.LOGOUT for (_, step), target in TRANSITIONS.items() if step is Step.LOGGED_OUT)
