"""Who did what in a shared mailbox: one line of the trace for each message that a member reads, files or removes.

Each line is written in the transaction of the act (VGM:M15). What somebody does in a mailbox of her own is not traced
here.
"""

from collections.abc import Sequence
from enum import StrEnum

from access_core.decision import Verdict
from access_core.facts import SubjectKind
from access_core.reasons import Reason
from access_core.trace.entries import TraceEntry, record
from mailstore.imap.session import Session
from mailstore.imap.view import View
from mailstore.model import Entry
from vaguemestre.kernel.database import Transaction

TOLD_ONE_BY_ONE = 100
"""Beyond, an act is one line with the number of messages."""


class SharedAct(StrEnum):
    """What a member does in a shared mailbox."""

    OPENED = "shared_mailbox_opened"
    ANNOTATED = "shared_mailbox_annotated"
    READ = "shared_message_read"
    MARKED = "shared_message_marked"
    ADDED = "shared_message_added"
    COPIED = "shared_message_copied"
    MOVED = "shared_message_moved"
    DELETED = "shared_message_deleted"


def note_act(session: Session, tx: Transaction, view: View, act: SharedAct, entries: Sequence[Entry]) -> None:
    """Trace an act on messages of the selected folder, when its mailbox is shared."""
    if view.shared:
        note_in(session, tx, view.mailbox_id, act, [entry.message_id for entry in entries])


def note_in(session: Session, tx: Transaction, mailbox_id: str, act: SharedAct, message_ids: Sequence[str]) -> None:
    """Trace an act in a shared mailbox."""
    if act in (SharedAct.OPENED, SharedAct.ANNOTATED):
        _note(session, tx, mailbox_id, act, ("mailbox", mailbox_id))
    elif len(message_ids) > TOLD_ONE_BY_ONE:
        _note(session, tx, mailbox_id, act, ("messages", str(len(message_ids))))
    else:
        for message_id in message_ids:
            _note(session, tx, mailbox_id, act, ("message", message_id))


def _note(session: Session, tx: Transaction, mailbox_id: str, act: SharedAct, resource: tuple[str, str]) -> None:
    account = session.account
    assert account is not None
    record(
        tx,
        TraceEntry(
            at=session.parts.clock.now(),
            act=act,
            verdict=Verdict.PERMIT,
            reason=Reason.OK,
            subject_kind=SubjectKind.PRO,
            subject_id=account.id,
            subject_label=account.display_name,
            mailbox_id=mailbox_id,
            resource_kind=resource[0],
            resource_id=resource[1],
        ),
    )
