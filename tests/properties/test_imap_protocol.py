"""Whatever a client sends, and however the network cuts it, the protocol core answers with events."""

from collections.abc import Callable
from itertools import pairwise
from typing import TypeVar

from hypothesis import given, settings
from hypothesis import strategies as st

from mailstore.imap.protocol.commands import Request
from mailstore.imap.protocol.connection import AppendFollows, AppendOffered, Event, Received, ServerConnection
from mailstore.imap.protocol.framing import CHUNK_BYTES
from mailstore.imap.protocol.grammar import parse_request
from mailstore.imap.protocol.sequence import SequenceSet, format_set
from mailstore.imap.protocol.session import Step
from mailstore.imap.protocol.utf7 import decode_name, encode_name
from tests.properties.effort import examples
from vaguemestre.kernel.errors import ProtocolError

T = TypeVar("T")
MESSAGE = b"Subject: essai\r\n\r\n" + b"x" * (CHUNK_BYTES + 100)
DIALOGUE = b"".join(
    (
        b"a1 NOOP\r\n",
        b"a2 LOGIN {6+}\r\nmartin {4}\r\nabcd\r\n",
        b"a3 SELECT {5+}\r\nINBOX\r\n",
        b'a4 FETCH 1:* (UID FLAGS BODY.PEEK[HEADER.FIELDS (FROM "To")]<0.100>)\r\n',
        b"a5 APPEND INBOX (\\Seen) {%d}\r\n" % len(MESSAGE) + MESSAGE + b"\r\n",
        b"a6 bare line feed\n",
        b"a6 APPEND INBOX {3}\r\nabc (a) {4+}\r\ndefg {2}\r\nhi\r\n",
        b"a7 APPEND Absent {3+}\r\nabc\r\n",
        b"a7 APPEND INBOX {3+}\r\nabc {999}\r\n",
        b"a7 APPEND INBOX UTF8 (~{3+}\r\na\0c)\r\n",
        b"a8 " + b"x" * 70_000 + b"\r\n",
        b"a9 SEARCH CHARSET UTF-8 SUBJECT {7+}\r\n\xc3\xa9t\xc3\xa9 2 OR SEEN NOT (DELETED FROM x)\r\n",
        b"a10 LOGIN {99999}\r\n",
        b"a11 LOGOUT\r\n",
    )
)


def run(chunks: list[bytes]) -> list[Event]:
    """Play a client's bytes: sign in at LOGIN, select at SELECT, accept every APPEND but one."""
    connection, events = ServerConnection(), []
    for chunk in chunks:
        connection.receive_data(chunk)
        while (event := connection.next_event()) is not None:
            events.append(event)
            answer(connection, event)
    return events


def answer(connection: ServerConnection, event: Event) -> None:
    steps = {b"a2": Step.AUTHENTICATED, b"a3": Step.SELECTED}
    if isinstance(event, Received) and event.request.tag in steps:
        connection.advance(steps[event.request.tag])
    if isinstance(event, AppendOffered):
        (connection.refuse_append if event.command.mailbox == "Absent" else connection.accept_append)()
    if isinstance(event, AppendFollows):
        (connection.refuse_append if event.size_bytes == 999 else connection.accept_append)()


WHOLE = run([DIALOGUE])


def test_the_dialogue_exercises_every_kind_of_event():
    kinds = {type(event).__name__ for event in WHOLE}

    assert kinds == {
        "Received",
        "Rejected",
        "ContinuationDue",
        "AppendOffered",
        "AppendFollows",
        "AppendChunk",
        "AppendEnded",
    }
    assert len(WHOLE) == 28


@settings(max_examples=examples(60), deadline=None)
@given(st.lists(st.integers(0, len(DIALOGUE)), unique=True, max_size=40).map(sorted))
def test_events_do_not_depend_on_how_the_bytes_were_cut(cuts):
    chunks = [DIALOGUE[a:b] for a, b in pairwise([0, *cuts, len(DIALOGUE)])]

    assert run(chunks) == WHOLE


def test_events_are_the_same_byte_by_byte():
    start = DIALOGUE.index(b"a5 ")

    assert run([bytes([byte]) for byte in DIALOGUE[:start]]) == WHOLE[:5]


@settings(max_examples=examples(300), deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data):
    connection = ServerConnection()
    connection.advance(Step.AUTHENTICATED)
    connection.receive_data(data + b"\r\n")

    while (event := connection.next_event()) is not None:
        if isinstance(event, AppendOffered):
            connection.refuse_append()


WORDS = st.sampled_from(
    [
        *(
            "a1",
            "FETCH",
            "UID",
            "SEARCH",
            "STORE",
            "LIST",
            "APPEND",
            "STATUS",
            "CREATE",
            "USE",
            "ID",
            "LOGIN",
            "RETURN",
            "SORT",
            "THREAD",
            "ENABLE",
            "SELECT",
            "QRESYNC",
            "CHANGEDSINCE",
            "UNCHANGEDSINCE",
            "PARTIAL",
            "-1:-5",
            "BINARY.PEEK[1]",
            "$",
        ),
        *(
            "1:*",
            "(",
            ")",
            "BODY[",
            "]",
            "<0.1>",
            "HEADER.FIELDS",
            "{3+}\r\nabc",
            '"q\\""',
            "OR",
            "NOT",
            "+FLAGS",
            "\\Seen",
        ),
        *(
            "GETMETADATA",
            "SETMETADATA",
            "DEPTH",
            "MAXSIZE",
            "/private/comment",
            "/shared",
            "~{3+}\r\na\0c",
            "METADATA",
        ),
        *(
            "NOTIFY",
            "SET",
            "NONE",
            "personal",
            "selected",
            "subtree",
            "MessageNew",
            "MessageExpunge",
            "FlagChange",
            "(selected (MessageNew (UID) MessageExpunge))",
        ),
        *("CHARSET", "UTF-8", "SUBJECT", "1-Feb-2026", "&AOk-", "INBOX", "*", "%", "NIL", "é", "\x00"),
    ]
)


def read_or_refuse(read: Callable[[bytes], T], data: bytes) -> T | ProtocolError:
    try:
        return read(data)
    except ProtocolError as error:
        return error


@settings(max_examples=examples(500), deadline=None)
@given(st.lists(WORDS, max_size=12), st.sampled_from([" ", ""]))
def test_any_words_of_the_grammar_are_read_or_refused(words, glue):
    data = f"a1 {glue.join(words)}".encode("latin-1")

    request = read_or_refuse(parse_request, data)

    assert isinstance(request, (Request, ProtocolError))
    assert "abc" not in str(request) or isinstance(request, Request)


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=60))
def test_mailbox_names_survive_the_wire(name):
    decoded = decode_name(encode_name(name))

    assert decoded == name or decoded.split("/")[0] == "INBOX"


@given(st.binary(max_size=60))
def test_any_mailbox_name_is_read_or_refused(raw):
    name = read_or_refuse(decode_name, raw)

    assert str(name).startswith("mailbox name") if isinstance(name, ProtocolError) else encode_name(name).isascii()


@given(st.sets(st.integers(1, 2_000), min_size=1))
def test_sets_survive_the_wire(numbers):
    written = format_set(sorted(numbers))

    ranges = SequenceSet.parse(written).resolve(5_000)

    assert [number for low, high in ranges for number in range(low, high + 1)] == sorted(numbers)
