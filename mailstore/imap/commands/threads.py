"""THREAD: conversations, by the subject alone or by the references between messages.

Every message that matches the search comes once. Threads are ordered by the date of their first message, replies
by theirs.

Source: RFC 5256 §3 (ORDEREDSUBJECT, REFERENCES).
"""

from mailstore.imap.commands.examination import matching_entries, summaries_of
from mailstore.imap.commands.references import Letter, by_references, by_subject, message_ids, write
from mailstore.imap.commands.search import BAD_CHARSET, TOO_LONG
from mailstore.imap.commands.sort import sent_us
from mailstore.imap.outcome import Outcome, ok
from mailstore.imap.protocol.commands import Thread
from mailstore.imap.protocol.envelope import Envelope
from mailstore.imap.protocol.responses import untagged
from mailstore.imap.session import Session
from mailstore.imap.summary import Summary
from mailstore.mime.words import decode_words
from mailstore.model import Entry


async def thread(session: Session, command: Thread) -> Outcome:
    """THREAD and UID THREAD."""
    if command.search.unknown_charset:
        return BAD_CHARSET
    entries = await matching_entries(session, command.search.key)
    if entries is None:
        return TOO_LONG
    summaries = await summaries_of(session, entries)
    letters = [_letter(entry, summary) for entry, summary in zip(entries, summaries, strict=True)]
    build = by_references if command.algorithm == "REFERENCES" else by_subject
    uid, view = command.search.uid, session.selected
    written = b"".join(
        write(root, lambda each: each if uid else (view.sequence(each) or each)) for root in build(letters)
    )
    session.send(untagged(b"THREAD " + written if written else b"THREAD"))
    return ok()


def _letter(entry: Entry, summary: Summary | None) -> Letter:
    if summary is None:
        return Letter(uid=entry.uid, sent_us=entry.internal_us, subject="", message_id=b"", references=())
    envelope: Envelope = summary.envelope
    return Letter(
        uid=entry.uid,
        sent_us=sent_us(entry, envelope),
        subject=decode_words(envelope.subject),
        message_id=next(iter(message_ids(envelope.message_id)), b""),
        references=tuple(message_ids(summary.references) or message_ids(envelope.in_reply_to)[:1]),
    )
