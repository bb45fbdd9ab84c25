"""What IMAP servers answer, as aioimaplib hands it over: lines as bytes, literals as bytearray."""

from datetime import UTC, datetime

import pytest

from mailstore.exchange.imap_answers import Known, Namespaces, fetched, read_known, read_list, read_namespaces

DONE = b"Completed."


@pytest.mark.parametrize(
    ("line", "namespaces"),
    [
        (b'(("" "/")) NIL NIL', Namespaces("", ())),
        (
            b'(("INBOX." ".")) (("Autres (tous)/" "/")("~" "/")) (("Shared/" "/"))',
            Namespaces("INBOX.", ("Autres (tous)/", "~", "Shared/")),
        ),
        (b'NIL (("Others/" "/")) NIL', Namespaces("", ("Others/",))),
        (b"nonsense (((", Namespaces()),
    ],
)
def test_namespaces_tell_the_user_s_own_folders(line: bytes, namespaces: Namespaces):
    assert read_namespaces([line, DONE]) == namespaces


@pytest.mark.parametrize(
    ("lines", "names"),
    [
        ([rb'(\HasNoChildren) "/" INBOX'], ["INBOX"]),
        ([rb'(\HasNoChildren \Sent) "/" "Mails partis"'], ["Envoyés"]),
        ([rb'(\Sent) "/" "Mails partis"', rb'() "/" "Mails partis/2024"'], ["Envoyés", "Envoyés/2024"]),
        ([rb'(\Noselect) "/" "[Gmail]"', rb'(\All) "/" "[Gmail]/Tous"'], ["[Gmail]/Tous"]),
        ([rb'(\Flagged) "/" "[Gmail]/Suivis"'], []),
        ([rb'() "." "INBOX.Envoy&AOk-s"', rb'() "." INBOX.a.b'], ["Envoyés", "a/b"]),
        ([rb'() "." "a/b"'], ["a_b"]),
        ([rb'() NIL "seul"'], ["seul"]),
        ([rb'() "\\" "a\\b"'], ["a/b"]),
        ([b'() "/" "' + "Été".encode() + b'"'], ["Été"]),
        ([b'() "/" {3}', bytearray(b'a"b')], ["a_b"]),
        ([rb'() "/" "Others/x"', b"nonsense"], []),
        ([rb'() "/" "."', rb'() "/" ""'], ["_", "_"]),
    ],
)
def test_folders_get_their_names_here(lines: list[bytes], names: list[str]):
    prefix = "INBOX." if b'"."' in lines[0] else ""

    assert [each.name for each in read_list([*lines, DONE], Namespaces(prefix, ("Others/",)))] == names


def test_what_is_known_of_messages_is_read_by_uid():
    lines = [
        rb'1 FETCH (UID 5 FLAGS (\Seen $a) INTERNALDATE " 3-Nov-2026 13:00:00 +0100" RFC822.SIZE 12)',
        rb"2 FETCH (FLAGS (\Deleted))",
        rb'3 FETCH (RFC822.SIZE 9 INTERNALDATE "nonsense" FLAGS () UID 7)',
        DONE,
    ]

    assert read_known(lines) == {
        5: Known(frozenset({"\\Seen", "$a"}), datetime(2026, 11, 3, 12, 0, tzinfo=UTC), 12),
        7: Known(frozenset(), None, 9),
    }


def test_bodies_are_found_as_literals_and_as_strings():
    lines = [
        *(b"1 FETCH (UID 5 BODY[]<0> {3}", bytearray(b"a\r\n"), b")"),
        *(b"2 FETCH (BODY[] {0}", bytearray(b""), b" UID 6)"),
        rb'3 FETCH (UID 7 BODY[]<0> "a\"b")',
        rb"4 FETCH (UID 8 BODY[]<0> NIL)",
        rb"5 FETCH (FLAGS (\Seen))",
        DONE,
    ]

    assert [(each.uid, each.body) for each in fetched(lines)] == [
        (5, b"a\r\n"),
        (6, b""),
        (7, b'a"b'),
        (8, b""),
        (0, None),
    ]
