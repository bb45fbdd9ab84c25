"""What one session sees of the folder that it selected: an array of UIDs, four octets a message.

Sequence numbers are places in that array. They change in `apply` and nowhere else, and messages leave it only
when the command that is under way allows EXPUNGE responses (RFC 9051 §7.5.1); until then they are held back.
"""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from mailstore.imap.protocol.responses import flag_list, untagged
from mailstore.imap.protocol.sequence import Target, format_set
from mailstore.model import Changes, Entry

BRIEF_RUN = 64
"""So many messages are read, or given flags, without leaving the loop's thread."""
_NOTHING: frozenset[int] = frozenset()
_NO_WORDS: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """What the store says of a folder when it is selected.

    `first_recent` is the lowest UID that is recent; `shared` says whether the mailbox is one that several share;
    `viewer` is the account when it has a Seen flag of its own there (`mailstore/member_seen.py`), else empty.
    """

    mailbox_id: str
    folder_id: int
    name: str
    read_only: bool
    uidvalidity: int
    uidnext: int
    modseq: int
    first_recent: int
    shared: bool = False
    viewer: str = ""


class View:
    """One session's view of one folder."""

    __slots__ = (
        "_held",
        "checked_at",
        "dirty",
        "enabled",
        "fetched_to",
        "modseq",
        "opened",
        "saved",
        "uidnext",
        "uids",
    )

    def __init__(self, opened: Opened, uids: "array[int]", checked_at: float) -> None:
        self.opened = opened
        self.uids = uids
        self.uidnext = self.fetched_to = opened.uidnext
        self.modseq = opened.modseq
        self.dirty = False
        self.saved: array[int] = array("I")
        self.enabled: frozenset[str] = _NO_WORDS
        self.checked_at = checked_at
        self._held: set[int] | None = None

    @property
    def folder_id(self) -> int:
        """The folder's id in the store."""
        return self.opened.folder_id

    def marks_briefly(self, uids: Collection[int]) -> bool:
        """Say whether flags of these messages are answered before the disk has them (`Database.write`).

        Not in a shared mailbox, where each change is traced, and the trace is durable.
        """
        return not self.shared and len(uids) <= BRIEF_RUN

    @property
    def mailbox_id(self) -> str:
        """The mailbox that the folder is in."""
        return self.opened.mailbox_id

    @property
    def shared(self) -> bool:
        """Whether the mailbox is one that several share."""
        return self.opened.shared

    @property
    def viewer(self) -> str:
        """The account, when it has a Seen flag of its own here."""
        return self.opened.viewer

    @property
    def read_only(self) -> bool:
        """Whether it was opened by EXAMINE."""
        return self.opened.read_only

    @property
    def holds_expunges(self) -> bool:
        """Whether some messages are gone that the client was not told about yet."""
        return bool(self._held)

    @property
    def is_revision_2(self) -> bool:
        """Whether the client enabled IMAP4rev2, which knows nothing of recent messages (RFC 9051 appendix E)."""
        return "IMAP4REV2" in self.enabled

    @property
    def recent_count(self) -> int:
        """How many messages are recent in this session."""
        return len(self.uids) - bisect_left(self.uids, self.opened.first_recent)

    def is_recent(self, uid: int) -> bool:
        """Say whether a message is recent in this session."""
        return uid >= self.opened.first_recent and not self.is_revision_2

    def sequence(self, uid: int) -> int | None:
        """Return the sequence number of a UID, None when it is not in the view."""
        place = bisect_left(self.uids, uid)
        return place + 1 if place < len(self.uids) and self.uids[place] == uid else None

    def resolve(self, target: Target) -> "array[int] | None":
        """Return the UIDs that a command names, ascending; None when a sequence number does not exist.

        UIDs that do not exist are left out (RFC 9051 §6.4.9), and so are numbers of a set that holds `*`, since
        clients ask for `5:*` to learn whether there is a fifth.
        """
        count = len(self.uids)
        if target.numbers.is_saved_result:
            return self._between((bisect_left(self.uids, uid), bisect_right(self.uids, uid)) for uid in self.saved)
        if target.uid:
            ranges = target.numbers.resolve(self.uids[-1] if count else 0)
            return self._between((bisect_left(self.uids, low), bisect_right(self.uids, high)) for low, high in ranges)
        ranges = target.numbers.resolve(count)
        if ranges[-1][1] > count and not target.numbers.open_ended:
            return None
        return self._between((max(low - 1, 0), high) for low, high in ranges)

    def _between(self, places: Iterator[tuple[int, int]]) -> "array[int]":
        chosen: array[int] = array("I")
        for first, end in places:
            chosen.extend(self.uids[first:end])
        return chosen

    def apply(self, changes: Changes, *, may_expunge: bool, quiet: Collection[int] = _NOTHING) -> list[bytes]:
        """Take in what changed and return the untagged responses that tell the client.

        Args:
            changes: since this view's `modseq`.
            may_expunge: whether EXPUNGE responses may be sent now.
            quiet: UIDs whose flags the client knows already.
        """
        lines: list[bytes] = []
        if changes.expunged:
            self._held = (self._held or set()).union(changes.expunged)
        if may_expunge and self._held:
            lines += self._expunge(self._held)
            self._held = None
        known = self.uidnext
        lines += self._arrive([entry.uid for entry in changes.entries if entry.uid >= known])
        told = (entry for entry in changes.entries if entry.uid < known and entry.uid not in quiet)
        lines += [line for entry in told if (line := self.flags_line(entry)) is not None]
        self.modseq = max(self.modseq, changes.highest_modseq)
        return lines

    def flags_line(self, entry: Entry) -> bytes | None:
        """Return the untagged FETCH that tells an entry's flags, None when it is not in the view."""
        sequence = self.sequence(entry.uid)
        if sequence is None:
            return None
        flags = flag_list(entry.flags, recent=self.is_recent(entry.uid))
        if "CONDSTORE" in self.enabled:
            return b"* %d FETCH (UID %d FLAGS %s MODSEQ (%d))\r\n" % (sequence, entry.uid, flags, entry.modseq)
        return b"* %d FETCH (UID %d FLAGS %s)\r\n" % (sequence, entry.uid, flags)

    def modseq_line(self, entry: Entry) -> bytes | None:
        """Return the untagged FETCH that tells an entry's modseq alone (RFC 7162 §3.1.3), None when not in view."""
        sequence = self.sequence(entry.uid)
        return (
            None if sequence is None else b"* %d FETCH (UID %d MODSEQ (%d))\r\n" % (sequence, entry.uid, entry.modseq)
        )

    def _expunge(self, gone: set[int]) -> list[bytes]:
        """Remove messages, the last first, so that each sequence number is right when it is read."""
        sequences = [sequence for uid in gone if (sequence := self.sequence(uid)) is not None]
        if not sequences:
            return []
        sequences.sort(reverse=True)
        vanished = [self.uids[sequence - 1] for sequence in reversed(sequences)]
        self.uids = array("I", (uid for uid in self.uids if uid not in gone))
        if "QRESYNC" in self.enabled:  # RFC 7162 §3.2.10
            return [untagged(b"VANISHED " + format_set(vanished))]
        return [b"* %d EXPUNGE\r\n" % sequence for sequence in sequences]

    def _arrive(self, uids: list[int]) -> list[bytes]:
        if not uids:
            return []
        self.uids.extend(uids)
        self.uidnext = uids[-1] + 1
        lines = [untagged(b"%d EXISTS" % len(self.uids))]
        return lines if self.is_revision_2 else [*lines, untagged(b"%d RECENT" % self.recent_count)]
