"""Each command is read into its value; what breaks the grammar is refused by the rule that it breaks."""

from datetime import UTC, date, datetime

import pytest

from mailstore.imap.protocol import commands as c
from mailstore.imap.protocol import criteria as k
from mailstore.imap.protocol.grammar import parse_append_prelude, parse_following_append, parse_request
from mailstore.imap.protocol.items import Attribute, Section, SectionText
from mailstore.imap.protocol.sequence import SequenceSet, Target
from vaguemestre.kernel.errors import ProtocolError


def numbers(text: str, *, uid: bool = False) -> Target:
    return Target(SequenceSet.parse(text.encode()), uid)


COMMANDS = [
    (b"NOOP", c.Noop()),
    (b"login", None),
    (b'LOGIN jean "a \\"b\\\\ c"', c.Login("jean", 'a "b\\ c')),
    (b"LOGIN {4}\r\njean {3+}\r\na b", c.Login("jean", "a b")),
    (b'LOGIN jean "\xc3\xa9t\xc3\xa9"', c.Login("jean", "été")),
    (b'LOGIN jean "\xe9"', None),
    (b'LOGIN jean "\x00"', None),
    (b"AUTHENTICATE PLAIN AGEAYg==", c.Authenticate("PLAIN", b"\0a\0b")),
    (b"authenticate plain =", c.Authenticate("PLAIN", b"")),
    (b"AUTHENTICATE PLAIN", c.Authenticate("PLAIN", None)),
    (b"SELECT inbox", c.Select("INBOX", False)),
    (b"SELECT Inbox/Sous", c.Select("INBOX/Sous", False)),
    (b'EXAMINE "Envoy&AOk-s"', c.Select("Envoyés", True)),
    (b'EXAMINE "Envoy\xc3\xa9s"', c.Select("Envoyés", True)),
    (b"ENABLE qresync X", c.Enable(("QRESYNC", "X"))),
    (b"SELECT INBOX (CONDSTORE)", c.Select("INBOX", False, True)),
    (
        b"SELECT INBOX (QRESYNC (7 90 1:5 (1,3 2,4)))",
        c.Select("INBOX", False, False, c.Resync(7, 90, SequenceSet.parse(b"1:5"))),
    ),
    (b"SELECT INBOX (QRESYNC (7 90 (1,3 2,4)))", c.Select("INBOX", False, False, c.Resync(7, 90))),
    (b"SELECT INBOX (QRESYNC (7 9223372036854775808))", None),
    (b"SELECT INBOX ()", c.Select("INBOX", False)),
    (b"GETQUOTA {0}\r\n", c.GetQuota("")),
    (b"GETQUOTAROOT INBOX", c.GetQuotaRoot("INBOX")),
    (b'SELECT "a&b"', None),
    (b'SELECT "a&AOk"', None),
    (b'SELECT "a\x01"', None),
    (b"SELECT ", None),
    (b"CREATE Cas/", c.Create("Cas", None)),
    (b"CREATE Cas (USE (\\Archive))", c.Create("Cas", "\\Archive")),
    (b"CREATE Cas (USE (\\Nimporte))", None),
    (b"RENAME a b", c.Rename("a", "b")),
    (b"UNSUBSCRIBE a", c.Subscribe("a", False)),
    (b"STATUS a (messages UIDNEXT)", c.Status("a", (c.StatusItem.MESSAGES, c.StatusItem.UIDNEXT))),
    (b"STATUS a ()", None),
    (b"STATUS a (NOTHING)", None),
    (b'LIST "" *', c.ListMailboxes(reference="", patterns=("*",))),
    (b'LSUB "" "a/%"', c.ListMailboxes(reference="", patterns=("a/%",), legacy_subscribed=True)),
    (
        b'LIST (SUBSCRIBED) "" (a b) RETURN (CHILDREN STATUS (UNSEEN))',
        c.ListMailboxes(
            reference="",
            patterns=("a", "b"),
            select=frozenset({"SUBSCRIBED"}),
            return_=frozenset({"CHILDREN", "STATUS"}),
            status=(c.StatusItem.UNSEEN,),
        ),
    ),
    (
        b'LIST "" * RETURN (SPECIAL-USE)',
        c.ListMailboxes(reference="", patterns=("*",), return_=frozenset({"SPECIAL-USE"})),
    ),
    (b'LIST "" * RETURN (SECRETS)', None),
    (b"ID NIL", c.Identify()),
    (b'ID ("name" "x" "version" NIL)', c.Identify()),
    (b"ID name", None),
    (b"CLOSE", c.Close(expunge=True)),
    (b"UNSELECT", c.Close(expunge=False)),
    (b"UID EXPUNGE 3:5", c.Expunge(SequenceSet(((3, 5),)))),
    (b"UID NOOP", None),
    (b"COPY 1 a", c.Copy(numbers("1"), "a", move=False)),
    (b"UID MOVE 4:* a", c.Copy(numbers("4:*", uid=True), "a", move=True)),
    (b"STORE 1 FLAGS ()", c.Store(numbers("1"), c.FlagOperation.REPLACE, frozenset(), False)),
    (
        b"STORE 1 +flags.silent (\\seen $X)",
        c.Store(numbers("1"), c.FlagOperation.ADD, frozenset({"\\Seen", "$X"}), True),
    ),
    (
        b"UID STORE 2 -FLAGS \\Seen \\Recent",
        c.Store(numbers("2", uid=True), c.FlagOperation.REMOVE, frozenset({"\\Seen"}), False),
    ),
    (b"STORE 1 FLAGS (\\Invente)", None),
    (b"STORE 0 FLAGS ()", None),
    (b"STORE 4294967296 FLAGS ()", None),
    (b"STORE 1,,2 FLAGS ()", None),
    (b"FETCH 1 FAST", c.Fetch(numbers("1"), (Attribute.FLAGS, Attribute.INTERNALDATE, Attribute.SIZE), ())),
    (b"FETCH 1 (FLAGS UID FLAGS)", c.Fetch(numbers("1"), (Attribute.FLAGS, Attribute.UID), ())),
    (b"FETCH 1 BODY", c.Fetch(numbers("1"), (Attribute.BODY,), ())),
    (b"FETCH 1 (FAST)", None),
    (b"FETCH 1 ()", None),
    (b"FETCH 1 BODY[", None),
    (b"FETCH 1 BODY[0]", None),
    (b"FETCH 1 BODY[MIME]", None),
    (b"FETCH 1 BODY[1.]", None),
    (b"FETCH 1 BODY[]<0.0>", None),
    (b"FETCH 1 BODY[HEADER.FIELDS ()]", None),
    (b'FETCH 1 BODY[HEADER.FIELDS ("a\x01")]', None),
    (b"APPEND INBOX", None),
    (b"SEARCH", None),
    (b"SEARCH $", c.Search(k.InSet(Target(SequenceSet(()), False)), False)),
    (
        b"SEARCH RETURN (SAVE PARTIAL -1:-9) OLDER 60 MODSEQ 4",
        c.Search(k.Both((k.AgeIs(True, 60), k.ModseqIs(4))), False, False, c.Returns(frozenset({"SAVE"}), (-1, -9))),
    ),
    (
        b"SORT (REVERSE DATE SIZE) UTF-8 ALL",
        c.Sort(
            (c.SortKey(c.SortField.DATE, True), c.SortKey(c.SortField.SIZE, False)), c.Search(k.Everything(), False)
        ),
    ),
    (b"UID THREAD REFERENCES UTF-8 ALL", c.Thread("REFERENCES", c.Search(k.Everything(), True))),
    (b"REPLACE 1 INBOX", None),
    (b'SEARCH SUBJECT "\xe9"', None),
    (b"SEARCH BEFORE 31-Feb-2026", None),
    (b"SEARCH " + b"NOT " * 50 + b"ALL", None),
    (b"SEARCH ()", None),
    (b"SEARCH ON", None),
]


@pytest.mark.parametrize(("text", "expected"), COMMANDS, ids=lambda value: repr(value)[:50])
def test_a_command_is_read_or_refused(text, expected):
    if expected is None:
        with pytest.raises(ProtocolError):
            parse_request(b"a1 " + text)
        return

    request = parse_request(b"a1 " + text)

    assert request.tag == b"a1"
    assert request.command == expected


SECTIONS = [
    (b"BODY[]", Section(sets_seen=True, label=b"BODY[]")),
    (b"BODY.PEEK[TEXT]", Section(text=SectionText.TEXT, sets_seen=False, label=b"BODY[TEXT]")),
    (
        b"body.peek[1.2.mime]<5.10>",
        Section(part=(1, 2), text=SectionText.MIME, partial=(5, 10), sets_seen=False, label=b"BODY[1.2.MIME]<5>"),
    ),
    (
        b'BODY[header.fields (From "X-Y")]',
        Section(
            text=SectionText.FIELDS, fields=(b"From", b"X-Y"), sets_seen=True, label=b"BODY[HEADER.FIELDS (From X-Y)]"
        ),
    ),
    (
        b"BODY.PEEK[3.HEADER.FIELDS.NOT ({2}\r\nTo)]",
        Section(
            part=(3,),
            text=SectionText.FIELDS_NOT,
            fields=(b"To",),
            sets_seen=False,
            label=b"BODY[3.HEADER.FIELDS.NOT (To)]",
        ),
    ),
    (b"RFC822", Section(sets_seen=True, label=b"RFC822")),
    (b"RFC822.HEADER", Section(text=SectionText.HEADER, sets_seen=False, label=b"RFC822.HEADER")),
    (b"RFC822.TEXT", Section(text=SectionText.TEXT, sets_seen=True, label=b"RFC822.TEXT")),
]


@pytest.mark.parametrize(("text", "expected"), SECTIONS)
def test_a_section_is_read_with_the_label_of_its_answer(text, expected):
    command = parse_request(b"a1 FETCH 1 " + text).command

    assert command == c.Fetch(numbers("1"), (), (expected,))


SEARCHES = [
    (b"ALL", k.Everything()),
    (b"UNSEEN", k.Not(k.HasFlag("\\Seen"))),
    (b"NEW", k.Both((k.HasFlag("\\Recent"), k.Not(k.HasFlag("\\Seen"))))),
    (b"KEYWORD $Junk", k.HasFlag("$Junk")),
    (b"2:4 UID 9", k.Both((k.InSet(numbers("2:4")), k.InSet(numbers("9", uid=True))))),
    (
        b"OR FROM a (TO b CC c)",
        k.Either(k.HeaderHas("FROM", "a"), k.Both((k.HeaderHas("TO", "b"), k.HeaderHas("CC", "c")))),
    ),
    (b'SENTSINCE "1-Feb-2026"', k.DateIs(k.DateField.SENT, ">=", date(2026, 2, 1))),
    (b"ON 3-mar-2026", k.DateIs(k.DateField.INTERNAL, "=", date(2026, 3, 3))),
    (b"LARGER 10", k.SizeIs(True, 10)),
    (b"HEADER x-tuid abc", k.HeaderHas("X-TUID", "abc")),
    (b"CHARSET utf-8 BODY {5}\r\n\xc3\xa9t\xc3\xa9", k.TextHas("été", header=False)),
    (b'TEXT "a b"', k.TextHas("a b", header=True)),
]


@pytest.mark.parametrize(("text", "key"), SEARCHES)
def test_a_search_key_is_read(text, key):
    command = parse_request(b"a1 UID SEARCH " + text).command

    assert command == c.Search(key, uid=True)


def test_a_charset_that_is_not_read_is_said_so():
    command = parse_request(b'a1 SEARCH CHARSET KOI8-R SUBJECT "\xc1"').command

    assert isinstance(command, c.Search)
    assert command.unknown_charset


@pytest.mark.parametrize("between", [b" {9}", b"  {9}", b" () {9}", b") ~{9}"])
def test_what_stands_between_two_messages_of_an_append(between):
    assert parse_following_append(between) == c.Append(mailbox="", flags=frozenset(), internal_date=None)


@pytest.mark.parametrize("between", [b"{9}", b"   {9}", b" x {9}", b")) {9}"])
def test_what_may_not_stand_between_two_messages_of_an_append(between):
    assert parse_following_append(between) is None


def test_an_append_is_read_up_to_its_message():
    line = b'a1 APPEND {7}\r\nEnvoyes (\\seen \\Recent $X) " 3-Mar-2026 09:30:00 +0100" {310}\r\n'

    request = parse_append_prelude(line)

    moment = datetime(2026, 3, 3, 8, 30, tzinfo=UTC)
    assert request is not None
    assert request.command == c.Append("Envoyes", frozenset({"\\Seen", "$X"}), moment)


@pytest.mark.parametrize(
    "line", [b"a1 APPEND {5}\r\n", b"a1 LOGIN x {5}\r\n", b'a1 APPEND a "32-Jan-2026" {5}\r\n', b"{5}\r\n"]
)
def test_a_literal_that_is_no_message_is_not_streamed(line):
    assert parse_append_prelude(line) is None


def test_a_password_is_not_shown():
    assert "secret" not in repr(parse_request(b"a1 LOGIN jean secret"))
