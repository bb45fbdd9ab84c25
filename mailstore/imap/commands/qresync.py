"""QRESYNC: what a client missed since it last looked, told while the folder is opened.

Nothing is told when the folder's UIDVALIDITY is another one: the client's memory is of no use then. The sample of
sequence numbers that a client may add saves a server without a log of expunged UIDs from telling too much; this
one has that log.

Source: RFC 7162 §3.2.
"""

from mailstore.imap.outcome import Outcome, bad
from mailstore.imap.protocol.commands import Resync
from mailstore.imap.protocol.responses import untagged
from mailstore.imap.protocol.sequence import SequenceSet, format_set
from mailstore.imap.session import Session
from mailstore.imap.view import View
from mailstore.model import Changes

WORD = "QRESYNC"
NOT_ENABLED: Outcome = bad("ENABLE QRESYNC first")


def missed(view: View, resync: Resync, changes: Changes) -> list[bytes]:
    """Write what happened since the client's modseq: expunged UIDs first, then flags with modseqs."""
    if resync.uidvalidity != view.opened.uidvalidity:
        return []
    known = _within(resync.known, view.uidnext - 1)
    lines = earlier([uid for uid in changes.expunged if known(uid)])
    lines += [line for entry in changes.entries if known(entry.uid) and (line := view.flags_line(entry)) is not None]
    return lines


def earlier(uids: list[int]) -> list[bytes]:
    """Write VANISHED (EARLIER), nothing when no message vanished."""
    return [untagged(b"VANISHED (EARLIER) " + format_set(uids))] if uids else []


async def vanished(session: Session, since: int, wanted: SequenceSet) -> list[bytes]:
    """Write which UIDs of a set were expunged after a modseq (UID FETCH with VANISHED)."""
    view, store = session.selected, session.parts.store
    changes = await session.read(lambda tx: store.changes(tx, view.folder_id, since, viewer=view.viewer))
    known = _within(wanted, view.uidnext - 1)
    return earlier([uid for uid in changes.expunged if known(uid)])


class _Within:
    """Membership in a set of UIDs."""

    def __init__(self, ranges: list[tuple[int, int]]) -> None:
        self._ranges = ranges

    def __call__(self, uid: int) -> bool:
        return any(low <= uid <= high for low, high in self._ranges)


def _within(wanted: SequenceSet | None, last: int) -> _Within:
    return _Within([(1, last)] if wanted is None else wanted.resolve(last))
