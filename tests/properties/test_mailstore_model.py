"""The store against a model: whatever is done, listings and `changes` agree with a dictionary."""

import asyncio
import os
import shutil
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from mailstore.expunged_log import prune_all
from mailstore.store import Delivery, FlagChange, MailStore, MailStoreSettings, SealedMessage
from tests.properties.effort import examples
from vaguemestre.kernel.blobs import LocalBlobs
from vaguemestre.kernel.clock import ManualClock
from vaguemestre.kernel.database import Database
from vaguemestre.kernel.ids import new_id
from vaguemestre.kernel.keys import InstanceKey

FOLDERS = ("INBOX", "Archives")
FLAGS = ("\\Seen", "\\Deleted", "$Forwarded")
NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
Names = st.sampled_from(FOLDERS)
FlagSets = st.frozensets(st.sampled_from(FLAGS))
Uids = st.lists(st.integers(1, 12), max_size=6)


class StoreMachine(RuleBasedStateMachine):
    """Two folders; a client that asks for changes now and then and applies them to what it knew."""

    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="vaguemestre-model-"))
        self.database = Database(f"sqlite:///{self.folder}/catalogue.db")
        self.database.create_all()
        self.store = MailStore(
            blobs=LocalBlobs(self.folder / "blobs"),
            instance_key=InstanceKey(os.urandom(32)),
            clock=ManualClock(NOW),
            settings=MailStoreSettings(),
        )
        self.mailbox_id = new_id()
        self.database.write_now(lambda tx: self.store.create_mailbox(tx, self.mailbox_id))
        self.ids = {}
        for name in FOLDERS:
            found = self.database.read_now(lambda tx, name=name: self.store.folder(tx, self.mailbox_id, name))
            assert found is not None
            self.ids[name] = found.id
        self.model: dict[str, dict[int, frozenset[str]]] = {name: {} for name in FOLDERS}
        self.next_uid = dict.fromkeys(FOLDERS, 1)
        self.known: dict[str, dict[int, frozenset[str]]] = {name: {} for name in FOLDERS}
        self.modseq = dict.fromkeys(FOLDERS, 0)

    def teardown(self) -> None:
        if hasattr(self, "database"):
            self.database.close()
            shutil.rmtree(self.folder)

    @rule(name=Names, flags=FlagSets)
    def deliver(self, name: str, flags: frozenset[str]) -> None:
        message = asyncio.run(self._seal())
        place = Delivery(mailbox_id=self.mailbox_id, folder=name, flags=flags, internal_date=NOW)
        (placement,) = self.database.write_now(lambda tx: self.store.deliver(tx, message, [place]))
        assert placement.uid == self.next_uid[name]
        self._add(name, flags)

    @rule(name=Names, uids=Uids, flags=FlagSets, op=st.sampled_from(["add", "remove", "replace"]))
    def change_flags(self, name: str, uids: list[int], flags: frozenset[str], op: str) -> None:
        change = FlagChange(op=op, flags=flags)  # type: ignore[arg-type]
        result = self.database.write_now(lambda tx: self.store.change_flags(tx, self.ids[name], uids, change))
        for uid in set(uids) & set(self.model[name]):
            before = self.model[name][uid]
            self.model[name][uid] = {"add": before | flags, "remove": before - flags, "replace": flags}[op]
        assert {entry.uid: entry.flags for entry in result.changed} == {
            uid: self.model[name][uid] for uid in set(uids) & set(self.model[name])
        }

    @rule(source=Names, goal=Names, uids=Uids)
    def copy(self, source: str, goal: str, uids: list[int]) -> None:
        pairs = self.database.write_now(lambda tx: self.store.copy(tx, self.ids[source], uids, self.ids[goal]))
        self._transferred(source, goal, uids, pairs)

    @rule(source=Names, goal=Names, uids=Uids)
    def move(self, source: str, goal: str, uids: list[int]) -> None:
        pairs = self.database.write_now(lambda tx: self.store.move(tx, self.ids[source], uids, self.ids[goal]))
        self._transferred(source, goal, uids, pairs)
        for uid, _ in pairs:
            del self.model[source][uid]

    @rule(name=Names, uids=st.none() | Uids)
    def expunge(self, name: str, uids: list[int] | None) -> None:
        gone = self.database.write_now(lambda tx: self.store.expunge(tx, self.ids[name], uids))
        expected = [
            uid
            for uid, flags in sorted(self.model[name].items())
            if "\\Deleted" in flags and (uids is None or uid in uids)
        ]
        assert gone == expected
        for uid in gone:
            del self.model[name][uid]

    @rule(keep=st.integers(0, 2))
    def prune(self, keep: int) -> None:
        """Shorten the log of expunged UIDs, which no client may notice."""
        prune_all(self.database, before=NOW, keep=keep)

    @rule(name=Names)
    def synchronise(self, name: str) -> None:
        """Do as a client with CONDSTORE: apply what changed since the last time."""
        changes = self.database.read_now(lambda tx: self.store.changes(tx, self.ids[name], self.modseq[name]))
        for uid in changes.expunged:
            self.known[name].pop(uid, None)
        self.known[name].update({entry.uid: entry.flags for entry in changes.entries})
        self.modseq[name] = changes.highest_modseq
        assert self.known[name] == self.model[name]

    @precondition(lambda self: hasattr(self, "database"))
    @invariant()
    def listings_agree(self) -> None:
        for name in FOLDERS:
            entries = self.database.read_now(lambda tx, name=name: self.store.entries(tx, self.ids[name]))
            status = self.database.read_now(lambda tx, name=name: self.store.status(tx, self.ids[name]))
            expected = sorted(self.model[name].items())
            assert [(entry.uid, entry.flags) for entry in entries] == expected
            assert status.messages == len(expected)
            assert status.unseen == sum("\\Seen" not in flags for _, flags in expected)
            assert status.uidnext == self.next_uid[name]

    async def _seal(self) -> SealedMessage:
        draft = self.store.draft()
        await draft.write(b"Subject: x\r\n\r\ncorps\r\n")
        return await draft.seal()

    def _add(self, name: str, flags: frozenset[str]) -> None:
        self.model[name][self.next_uid[name]] = flags
        self.next_uid[name] += 1

    def _transferred(self, source: str, goal: str, uids: list[int], pairs: list[tuple[int, int]]) -> None:
        concerned = sorted(set(uids) & set(self.model[source]))
        first = self.next_uid[goal]
        assert pairs == [(uid, first + place) for place, uid in enumerate(concerned)]
        for uid in concerned:
            self._add(goal, self.model[source][uid])


TestStoreAgainstModel = StoreMachine.TestCase
TestStoreAgainstModel.settings = settings(max_examples=examples(15), stateful_step_count=25, deadline=None)
