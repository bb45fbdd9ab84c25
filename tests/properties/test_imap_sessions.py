"""Four sessions on one folder of the real server, doing anything in any order, against a model.

Each session keeps what a mail program would: which message stands at which number and with which flags, from what the
server told it and from nothing else. Whatever the others do, that is right whenever the session has asked (NOOP), and a
number means the same message from one answer to the next unless an EXPUNGE stands between.
"""

import re
import tempfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from tests.properties.effort import examples
from tests.unit.mailstore_imap.client import RawClient
from tests.unit.mailstore_imap.house import ImapHouse

FLAGS = ("\\Seen", "\\Flagged", "\\Deleted", "$Forwarded")
MESSAGE = b"Subject: essai\r\n\r\ncorps\r\n"
NOTIFY = "NOTIFY SET (selected-delayed (MessageNew (UID FLAGS) MessageExpunge FlagChange))"
FIRST_WORDS = ("NOOP", "ENABLE QRESYNC", "ENABLE IMAP4rev2", NOTIFY)
_EXISTS = re.compile(rb"\* (\d+) EXISTS")
_EXPUNGE = re.compile(rb"\* (\d+) EXPUNGE")
_VANISHED = re.compile(rb"\* VANISHED ([\d:,]+)")
_FETCH = re.compile(rb"\* (\d+) FETCH \(UID (\d+) FLAGS \(([^)]*)\)")
_SEARCH = re.compile(rb"\* (?:SEARCH|ESEARCH \(TAG [^)]*\)(?: ALL)?) ?([\d:, ]*)$")
_NEW_UID = re.compile(rb" OK \[(?:APPENDUID \d+|COPYUID \d+ [\d:,]+) ([\d:,]+)\]")
Sessions = st.integers(0, len(FIRST_WORDS) - 1)
FlagSets = st.frozensets(st.sampled_from(FLAGS), max_size=2)
Places = st.integers(0, 20)
folders = count(1)


def numbers(text: bytes) -> list[int]:
    """Return the numbers of a set without `*`."""
    ends = [tuple(map(int, part.split(b":"))) for part in text.split(b",") if part]
    return [number for pair in ends for number in range(pair[0], pair[-1] + 1)]


class Program:
    """One session, and what a mail program would know by it."""

    def __init__(self, client: RawClient, first_words: str) -> None:
        self.client = client
        self.vanishes = "QRESYNC" in first_words
        assert b" OK " in client.command(first_words)
        self.uids: list[int | None] = []
        self.flags: dict[int, frozenset[str]] = {}
        self.searched: tuple[set[int], set[int | None]] = (set(), set())

    def select(self, folder: str) -> None:
        """Open a folder and look at all of it."""
        self.do(f"SELECT {folder}")
        if self.uids:
            self.do("FETCH 1:* (UID FLAGS)", may_expunge=False)

    def do(self, text: str, *, may_expunge: bool = True) -> bytes:
        """Send a command that must succeed, and learn from the answer."""
        answer = self.client.command(text)
        assert b" OK " in answer.splitlines()[-1], answer
        return self.learn(answer, may_expunge=may_expunge)

    def learn(self, answer: bytes, *, may_expunge: bool = True) -> bytes:
        """Take in every untagged response in its order."""
        for line in answer.splitlines():
            if line.startswith(b"* OK [CLOSED]"):  # what came before was of the folder opened before
                self.uids, self.flags = [], {}
            elif found := _EXISTS.match(line):
                assert int(found[1]) >= len(self.uids), answer
                self.uids += [None] * (int(found[1]) - len(self.uids))
            elif found := _EXPUNGE.match(line):
                assert (may_expunge, self.vanishes) == (True, False), answer
                del self.uids[int(found[1]) - 1]
            elif found := _VANISHED.match(line):
                assert (may_expunge, self.vanishes) == (True, True), answer
                for uid in numbers(found[1]):
                    self._lose(uid)
            elif found := _FETCH.match(line):
                self._learn_flags(int(found[1]), int(found[2]), found[3])
            elif found := _SEARCH.match(line):
                self._learn_result(numbers(found[1].replace(b" ", b",")))
        return answer

    def _learn_flags(self, sequence: int, uid: int, flags: bytes) -> None:
        assert self.uids[sequence - 1] in (None, uid)
        self.uids[sequence - 1] = uid
        self.flags[uid] = frozenset(flags.decode().split()) - {"\\Recent"}

    def _lose(self, uid: int) -> None:
        """Drop a message by its UID; one not looked at yet stands behind the last that is known to have a lower UID."""
        lower = [place for place, known in enumerate(self.uids) if known is not None and known < uid]
        place = self.uids.index(uid) if uid in self.uids else (lower[-1] + 1 if lower else 0)
        assert self.uids[place] in (None, uid)
        del self.uids[place]

    def _learn_result(self, sequences: list[int]) -> None:
        """Keep the UIDs that a search found, and those that the program knew then; no number may be new to it."""
        found = {self.uids[sequence - 1] for sequence in sequences}
        self.searched = ({uid for uid in self.uids if uid is not None}, found - {None})

    def look(self) -> dict[int, frozenset[str]]:
        """Ask what changed, look at what is new, return what the program knows then."""
        self.do("NOOP")
        for sequence, uid in enumerate(self.uids, 1):
            if uid is None:
                self.do(f"FETCH {sequence} (UID FLAGS)", may_expunge=False)
        return {uid: self.flags[uid] for uid in self.uids if uid is not None}


class SessionsMachine(RuleBasedStateMachine):
    """The truth is a dictionary of flags by UID."""

    programs: list[Program]

    @initialize()
    def begin(self) -> None:
        self.folder = f"F{next(folders)}"
        self.truth: dict[int, frozenset[str]] = {}
        self.next_uid = 1
        self.programs[0].client.command(f"CREATE {self.folder}")
        for program in self.programs:
            program.select(self.folder)

    @rule(session=Sessions, flags=FlagSets, messages=st.integers(1, 3))
    def append(self, session: int, flags: frozenset[str], messages: int) -> None:
        program = self.programs[session]
        one = f" ({' '.join(flags)}) {{{len(MESSAGE)}+}}\r\n".encode() + MESSAGE
        program.client.send(b"x APPEND " + self.folder.encode() + one * messages + b"\r\n")
        self._added(program.learn(program.client.until(b"x ")), [flags] * messages)

    @rule(session=Sessions, place=Places, flags=FlagSets, op=st.sampled_from(["", "+", "-"]), by_uid=st.booleans())
    def store(self, session: int, place: int, flags: frozenset[str], op: str, by_uid: bool) -> None:
        program = self.programs[session]
        sequence, uid = self._at(program, place)
        if uid is None:
            return
        words = f"{op}FLAGS ({' '.join(flags)})"
        before = self.truth.get(uid)
        answer = program.client.command(f"UID STORE {uid} {words}" if by_uid else f"STORE {sequence} {words}")
        program.learn(answer, may_expunge=by_uid)
        if before is not None:  # else it is gone already, which the answer may say or not
            assert b" OK " in answer.splitlines()[-1], answer
            self.truth[uid] = {"": flags, "+": before | flags, "-": before - flags}[op]
            assert program.flags[uid] == self.truth[uid]

    @rule(session=Sessions)
    def expunge(self, session: int) -> None:
        self.programs[session].do("EXPUNGE")
        self.truth = {uid: flags for uid, flags in self.truth.items() if "\\Deleted" not in flags}
        self.agree(session)

    @rule(session=Sessions, place=Places)
    def uid_expunge(self, session: int, place: int) -> None:
        program = self.programs[session]
        _, uid = self._at(program, place)
        if uid is not None:
            program.do(f"UID EXPUNGE {uid}")
            if "\\Deleted" in self.truth.get(uid, frozenset()):
                del self.truth[uid]

    @rule(session=Sessions, place=Places, moves=st.booleans())
    def copy_or_move_within(self, session: int, place: int, moves: bool) -> None:
        program = self.programs[session]
        _, uid = self._at(program, place)
        if uid is None or uid not in self.truth:
            return
        answer = program.do(f"UID {'MOVE' if moves else 'COPY'} {uid} {self.folder}")
        flags = self.truth.pop(uid) if moves else self.truth[uid]
        self._added(answer.replace(b"* OK [", b"x OK ["), [flags])

    @rule(session=Sessions, flag=st.sampled_from(FLAGS))
    def search(self, session: int, flag: str) -> None:
        """A search by number finds, among what the session sees, those that have the flag and are still there."""
        program = self.programs[session]
        word = flag.removeprefix("\\").upper() if flag.startswith("\\") else f"KEYWORD {flag}"
        program.do(f"SEARCH {word}", may_expunge=False)
        seen, found = program.searched
        assert found == {uid for uid, flags in self.truth.items() if flag in flags and uid in seen}

    @rule(session=Sessions)
    def fetch(self, session: int) -> None:
        program = self.programs[session]
        if program.uids:
            program.do("FETCH 1:* (UID FLAGS)", may_expunge=False)

    @rule(session=Sessions)
    def select_again(self, session: int) -> None:
        self.programs[session].select(self.folder)
        self.agree(session)

    @precondition(lambda self: hasattr(self, "truth"))
    @rule(session=Sessions)
    def agree(self, session: int) -> None:
        """What the program knows is the truth, in the order of UIDs."""
        known = self.programs[session].look()
        assert list(known.items()) == sorted(self.truth.items())

    def teardown(self) -> None:
        if hasattr(self, "truth"):
            for session in range(len(self.programs)):
                self.agree(session)

    def _at(self, program: Program, place: int) -> tuple[int, int | None]:
        """Return the sequence number and the UID of a message that a session sees, no UID when it sees none."""
        if not program.uids:
            return 0, None
        place %= len(program.uids)
        return place + 1, program.uids[place]

    def _added(self, answer: bytes, flags: list[frozenset[str]]) -> None:
        found = _NEW_UID.search(answer)
        assert found is not None, answer
        assert numbers(found[1]) == [self.next_uid + place for place in range(len(flags))]
        for each in flags:
            self.truth[self.next_uid] = each
            self.next_uid += 1


@pytest.fixture(scope="module")
def programs() -> Iterator[list[Program]]:
    with tempfile.TemporaryDirectory() as folder, ImapHouse(Path(folder)) as house:
        clients = [RawClient(house).signed_in() for _ in FIRST_WORDS]
        yield [Program(client, words) for client, words in zip(clients, FIRST_WORDS, strict=True)]
        for client in clients:
            client.socket.close()


def test_sessions_agree_with_the_model(programs: list[Program]) -> None:
    machine = type("Machine", (SessionsMachine,), {"programs": programs})

    run_state_machine_as_test(machine, settings=settings(max_examples=examples(50), stateful_step_count=40))
