"""A client that believes every untagged response always sees the folder as it is."""

import re
from array import array
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from mailstore.imap.view import Opened, View
from mailstore.model import Changes, Entry
from tests.properties.effort import examples

LINE = re.compile(rb"\* (\d+) (EXISTS|RECENT|EXPUNGE|FETCH)(?: \(UID (\d+) FLAGS (\(.*\))\))?\r\n\Z")
FLAGS = ("\\Seen", "\\Flagged", "$Forwarded")


@dataclass
class Folder:
    """What the store holds."""

    flags: dict[int, frozenset[str]] = field(default_factory=dict)
    touched: dict[int, int] = field(default_factory=dict)
    gone: dict[int, int] = field(default_factory=dict)
    modseq: int = 1
    uidnext: int = 1

    def add(self) -> None:
        self.change(self.uidnext, frozenset())
        self.uidnext += 1

    def change(self, uid: int, flags: frozenset[str]) -> None:
        self.modseq += 1
        self.flags[uid], self.touched[uid] = flags, self.modseq

    def expunge(self, uid: int) -> None:
        self.modseq += 1
        del self.flags[uid]
        self.gone[uid] = self.modseq

    def changes(self, since: int) -> Changes:
        changed = sorted(uid for uid in self.flags if self.touched[uid] > since)
        entries = [Entry(uid, f"m{uid}", self.touched[uid], self.flags[uid], 0, 1, 0) for uid in changed]
        return Changes(entries, sorted(uid for uid, at in self.gone.items() if at > since), self.modseq)


class Client:
    """Believes what it is told: None for a message whose UID it was not told yet."""

    def __init__(self) -> None:
        self.messages: list[int | None] = []

    def hear(self, line: bytes, view: View) -> None:
        found = LINE.match(line)
        assert found is not None, line
        number, kind = int(found[1]), found[2]
        if kind == b"EXPUNGE":
            del self.messages[number - 1]
        elif kind == b"EXISTS":
            assert number >= len(self.messages)
            self.messages += view.uids[len(self.messages) : number]
        elif kind == b"FETCH":
            assert self.messages[number - 1] == int(found[3])


STEPS = st.lists(
    st.tuples(st.sampled_from(["add", "flag", "expunge", "look", "look quietly"]), st.integers(0, 9)), max_size=40
)


@settings(max_examples=examples(200), deadline=None)
@given(STEPS)
def test_the_client_sees_the_folder_as_it_is(steps):
    folder, client = Folder(), Client()
    opened = Opened(
        mailbox_id="m", folder_id=1, name="x", read_only=False, uidvalidity=1, uidnext=1, modseq=1, first_recent=1
    )
    view = View(opened, array("I"), 0.0)

    for step, choice in [*steps, ("look", 0)]:
        present = sorted(folder.flags)
        uid = present[choice % len(present)] if present else 0
        if step == "add":
            folder.add()
        elif step == "flag" and uid:
            folder.change(uid, frozenset({FLAGS[choice % 3]}))
        elif step == "expunge" and uid:
            folder.expunge(uid)
        elif step.startswith("look"):
            for line in view.apply(folder.changes(view.modseq), may_expunge=step == "look"):
                client.hear(line, view)
            assert client.messages == list(view.uids)

    assert client.messages == sorted(folder.flags)
