"""METADATA and NOTIFY are read into their values; a watch wants of each folder what its groups say."""

import pytest

from mailstore.imap.protocol import metadata as m
from mailstore.imap.protocol.grammar import parse_request
from mailstore.imap.protocol.items import Attribute, Section, SectionText
from mailstore.imap.protocol.notify import EventGroup, Notify, NotifyEvent, Where
from mailstore.imap.watch import Watch, changed_marks
from mailstore.model import Folder
from vaguemestre.kernel.bus.contract import Subscriptions

NEW, GONE, FLAGS, NAME = (
    NotifyEvent.MESSAGE_NEW,
    NotifyEvent.MESSAGE_EXPUNGE,
    NotifyEvent.FLAG_CHANGE,
    NotifyEvent.MAILBOX_NAME,
)
BOTH = frozenset({NEW, GONE})


@pytest.mark.parametrize(
    ("line", "command"),
    [
        (b"GETMETADATA INBOX /shared/comment", m.GetMetadata("INBOX", m.MetadataQuery(("/shared/comment",)))),
        (
            b'GETMETADATA "" (/Private/a "/shared/b c")',
            m.GetMetadata("", m.MetadataQuery(("/Private/a", "/shared/b c"))),
        ),
        (
            b"GETMETADATA (MAXSIZE 1024 DEPTH infinity) INBOX /shared",
            m.GetMetadata("INBOX", m.MetadataQuery(("/shared",), m.ANY_DEPTH, 1_024)),
        ),
        (
            b"GETMETADATA INBOX (depth 1) (/shared)",
            m.GetMetadata("INBOX", m.MetadataQuery(("/shared",), 1)),
        ),
        (
            b"SETMETADATA a (/private/x {3}\r\na\r\n /shared/y NIL /shared/z ~{1}\r\n\0)",
            m.SetMetadata("a", (("/private/x", b"a\r\n"), ("/shared/y", None), ("/shared/z", b"\0"))),
        ),
        (b"NOTIFY NONE", Notify()),
        (
            b"NOTIFY SET status (mailboxes (INBOX a) (MESSAGENEW MessageExpunge)) (subtree b NONE)",
            Notify(
                (
                    EventGroup(where=Where.MAILBOXES, names=("INBOX", "a"), events=BOTH),
                    EventGroup(where=Where.SUBTREE, names=("b",)),
                ),
                status=True,
            ),
        ),
        (
            b"NOTIFY SET (selected-delayed (MessageNew (UID BODY[TEXT]) MessageExpunge))",
            Notify(
                (
                    EventGroup(
                        where=Where.SELECTED_DELAYED,
                        events=BOTH,
                        attributes=(Attribute.UID,),
                        contents=(Section(text=SectionText.TEXT, sets_seen=False, label=b"BODY[TEXT]"),),
                    ),
                )
            ),
        ),
        (
            b"NOTIFY SET (inboxes (AnnotationChange MailboxName))",
            Notify((EventGroup(where=Where.INBOXES, events=frozenset({NAME}), unknown=("ANNOTATIONCHANGE",)),)),
        ),
    ],
    ids=lambda value: value[:40].decode() if isinstance(value, bytes) else "",
)
def test_commands_are_read(line, command):
    assert parse_request(b"a1 " + line).command == command


class NoBus(Subscriptions):
    """Wake-ups within a test."""

    def publish(self, topics):
        self.wake(topics)

    subscribe = Subscriptions.add


def folder(name: str, *, subscribed: bool = True) -> Folder:
    return Folder(
        id=1,
        mailbox_id="m",
        name=name,
        special_use=None,
        uidvalidity=1,
        uidnext=1,
        highest_modseq=1,
        recent_from=1,
        subscribed=subscribed,
    )


@pytest.mark.parametrize(
    ("groups", "where", "own", "wanted"),
    [
        ("(personal (MailboxName))", folder("a"), True, {NAME}),
        ("(personal (MailboxName))", folder("Autres utilisateurs/x"), False, set()),
        ("(inboxes (MailboxName))", folder("INBOX"), True, {NAME}),
        ("(inboxes (MailboxName))", folder("INBOX/a"), True, set()),
        ("(subscribed (MailboxName))", folder("a", subscribed=False), True, set()),
        ("(subtree a (MailboxName))", folder("a/b"), True, {NAME}),
        ("(subtree a (MailboxName))", folder("ab"), True, set()),
        ("(mailboxes (a b) (MailboxName))", folder("b"), True, {NAME}),
        ("(mailboxes a (MailboxName)) (personal (MessageNew MessageExpunge))", folder("a"), True, {NAME, NEW, GONE}),
        ("(mailboxes a NONE) (personal (MailboxName))", folder("a"), True, set()),
        ("(personal (MailboxName)) (mailboxes a NONE)", folder("a"), True, {NAME}),
        ("(selected (MessageNew MessageExpunge FlagChange))", folder("a"), True, set()),
    ],
)
def test_what_is_wanted_of_a_folder(groups, where, own, wanted):
    command = parse_request(f"a1 NOTIFY SET {groups}".encode()).command
    assert isinstance(command, Notify)

    watch = Watch(command.groups, NoBus(), lambda: None)

    assert watch.wanted(where, is_own=own) == wanted


def test_a_watch_hears_of_the_mailboxes_that_it_listens_to_and_of_no_others():
    bus, rung = NoBus(), []
    watch = Watch((), bus, lambda: rung.append(1))
    watch.listen({"a", "b"})
    watch.dirty = False

    bus.publish(["mailbox:a", "mailbox:c"])
    heard = watch.dirty
    watch.listen({"b"})
    bus.publish(["mailbox:a"])
    watch.stop()
    bus.publish(["mailbox:b"])

    assert (heard, len(rung), bus.topics) == (True, 1, ())


def test_annotations_that_changed_are_named_by_folder():
    before = {(0, "/private/a"): "1", (7, "/shared/a"): "1", (7, "/shared/b"): "1"}
    after = {(0, "/private/a"): "1", (7, "/shared/b"): "2", (8, "/shared/c"): "1"}

    assert changed_marks(before, after) == {7: ["/shared/a", "/shared/b"], 8: ["/shared/c"]}
