"""What goes out comes back: bytes, flags, dates, folders and order, by every format that can be written."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailstore.exchange import imap_answers, lines
from mailstore.exchange.mbox import MboxSource
from tests.fictional.carrier import Carrier, Letter
from tests.properties.effort import examples

BITS = (
    b"From ", b">From ", b">>From x", b"\n", b"\r\n", b"\r", b"\r\n\r\n", b"\n\n", b"Status: RO", b"X-Status: D",
    b"Subject: Essai", b"X-Vaguemestre-Export: 1; lines=raw; end=open; date=", b"From a@b Mon Nov 23 12:00:00 2026",
    b"Content-Length: 3", b"Fro", b">", b"m ", b"\x00\xff", "été".encode(), b"x" * 70, b".",
)  # fmt: skip
BEGIN = b"From a@b Mon Nov 23 12:00:00 2026\n"
ANSWERS = (
    rb'(\Sent) "/" "a/b"', rb'() "." {3}', rb'() NIL ""', b'(("" "/")) NIL (("x" "/"))', b"((((", b"1 FETCH (UID 5",
    rb'2 FETCH (FLAGS (\Seen) UID 6 RFC822.SIZE 3 INTERNALDATE "31-Feb-2026 00:00:00 +0000")', b"BODY[] NIL)",
)  # fmt: skip
Contents = st.one_of(
    st.lists(st.sampled_from(BITS), min_size=1, max_size=12).map(b"".join),
    st.lists(st.sampled_from(BITS), max_size=8).map(lambda bits: b"Subject: a\r\n\r\n" + b"\r\n".join(bits) + b"\r\n"),
    st.binary(min_size=1, max_size=300),
)
Folders = st.sampled_from(("INBOX", "Envoyés", "Archives/2024", "Dr. Noël & fils/avis", "INBOX/à voir", "~été"))
Keywords = st.from_regex(r"[A-Za-z$][A-Za-z0-9_.$-]{0,20}", fullmatch=True)
Flags = st.frozensets(
    st.one_of(st.sampled_from(("\\Seen", "\\Answered", "\\Flagged", "\\Deleted", "\\Draft", "$Forwarded")), Keywords),
    max_size=6,
)
Dates = st.integers(0, 4 * 10**15).map(lambda each: datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=each))
Letters = st.lists(st.builds(Letter, content=Contents, folder=Folders, flags=Flags, date=Dates), max_size=8)


@pytest.fixture(scope="module")
def carrier() -> Iterator[Carrier]:
    with Carrier() as made:
        yield made


@pytest.mark.parametrize("form", ["mbox", "maildir"])
@settings(max_examples=examples(60))
@given(letters=Letters)
def test_what_was_written_out_comes_in_as_it_was(carrier: Carrier, form: str, letters: list[Letter]):
    mailbox_id = carrier.mailbox(*letters)

    fresh = carrier.carried(mailbox_id, form)

    assert by_folder(carrier.letters(fresh)) == by_folder(carrier.letters(mailbox_id))


@given(content=Contents, data=st.data())
def test_lines_do_not_depend_on_how_the_bytes_were_cut(content: bytes, data: st.DataObject):
    cuts = data.draw(st.lists(st.integers(0, len(content)), unique=True).map(sorted))
    pieces = [content[a:b] for a, b in pairwise([0, *cuts, len(content)])]

    for change in (lines.quoted, lines.unquoted, lines.to_lf, lines.to_crlf, lines.without_last_lf):
        assert b"".join(change(pieces)) == b"".join(change([content]))
    assert lines.measure(pieces) == lines.measure([content])


@given(content=Contents)
def test_quoting_is_undone_and_hides_every_line_that_begins_a_message(content: bytes):
    quoted = b"".join(lines.quoted([content]))

    assert b"".join(lines.unquoted([quoted])) == content
    assert b"\nFrom " not in b"\n" + quoted


@given(content=Contents)
def test_lines_that_all_end_with_crlf_come_back_from_lf(content: bytes):
    normal = b"".join(lines.to_crlf([content.replace(b"\r", b"")]))

    assert lines.measure([normal]) == (True, normal.endswith(b"\n"))
    assert b"".join(lines.to_crlf(lines.to_lf([normal]))) == normal


def by_folder(letters: list[Letter]) -> dict[str, list[Letter]]:
    found: dict[str, list[Letter]] = defaultdict(list)
    for letter in letters:
        found[letter.folder].append(letter)
    return found


@given(content=st.lists(st.one_of(st.sampled_from((*BITS, b"\n\n" + BEGIN)), st.binary(max_size=20))).map(b"".join))
def test_any_bytes_read_as_mbox_end_in_messages_and_problems(carrier: Carrier, content: bytes):
    path = carrier.fresh()
    path.write_bytes(BEGIN + content)

    report = carrier.bring_in(carrier.mailbox(), MboxSource(path), dry_run=True)

    assert report.done + report.failed > 0


@given(
    lines=st.lists(st.one_of(st.sampled_from(ANSWERS), st.binary(max_size=30), st.binary(max_size=9).map(bytearray)))
)
def test_any_answer_of_a_server_reads(lines: list[bytes | bytearray]):
    names = [each.name for each in imap_answers.read_list(lines, imap_answers.read_namespaces(lines))]

    assert all(names)
    assert all(uid > 0 for uid in imap_answers.read_known(lines))
    assert all(each.uid >= 0 for each in imap_answers.fetched(lines))
