"""QRESYNC: what a client missed since it last looked, told while the folder is opened.

Nothing is told when the folder's UIDVALIDITY is another one: the client's memory is of no use then. The sample of
sequence numbers that a client may add saves a server without a log of expunged UIDs from telling too much; this
one has that log, and tells too much only to clients that were away for longer than it reaches back.

Source: RFC 7162 §3.2.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

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
    ranges = _ranges(resync.known, view.uidnext - 1)
    lines = earlier(_within(changes.expunged, ranges))
    entries = {entry.uid: entry for entry in changes.entries}
    known = (entries[uid] for uid in _within(list(entries), ranges))
    return [*lines, *(line for entry in known if (line := view.flags_line(entry)) is not None)]


def earlier(uids: Sequence[int]) -> list[bytes]:
    """Write VANISHED (EARLIER), nothing when no message vanished."""
    return [untagged(b"VANISHED (EARLIER) " + format_set(uids))] if uids else []


async def vanished(session: Session, since: int, wanted: SequenceSet) -> list[bytes]:
    """Write which UIDs of a set were expunged after a modseq (UID FETCH with VANISHED)."""
    view, store = session.selected, session.parts.store
    changes = await session.read(lambda tx: store.changes(tx, view.folder_id, since, viewer=view.viewer))
    return earlier(_within(changes.expunged, _ranges(wanted, view.uidnext - 1)))


def _ranges(wanted: SequenceSet | None, last: int) -> list[tuple[int, int]]:
    return [(1, last)] if wanted is None else wanted.resolve(last)


def _within(uids: Sequence[int], ranges: list[tuple[int, int]]) -> list[int]:
    """Return those of ascending UIDs that lie within ascending ranges."""
    return [uid for low, high in ranges for uid in uids[bisect_left(uids, low) : bisect_right(uids, high)]]
