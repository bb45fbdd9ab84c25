"""Conversations from message ids and subjects, as trees of UIDs; pure, and without recursion, whatever the mail.

Source: RFC 5256 §3 (the algorithms ORDEREDSUBJECT and REFERENCES, whose steps are named below).
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from mailstore.imap.commands.base_subject import base_subject

_MESSAGE_ID = re.compile(rb"<([^<>\x00-\x20]{1,998})>")
KEPT_REFERENCES = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """What the algorithms look at; `references` from the first message of the conversation to the one answered."""

    uid: int
    sent_us: int
    subject: str
    message_id: bytes
    references: tuple[bytes, ...]


@dataclass(slots=True, eq=False)
class Node:
    """A message and the answers to it; LETTER is None for a message that is referred to but not there."""

    letter: Letter | None = None
    parent: "Node | None" = None
    children: "list[Node]" = field(default_factory=list)

    @property
    def first(self) -> Letter:
        """Its message, or that of its first child: after pruning, a node without message has children."""
        node = self
        while node.letter is None:
            node = node.children[0]
        return node.letter


def message_ids(raw: bytes) -> list[bytes]:
    """Return the message ids of a References, In-Reply-To or Message-ID field; the last KEPT_REFERENCES."""
    return _MESSAGE_ID.findall(raw)[-KEPT_REFERENCES:]


def by_subject(letters: Iterable[Letter]) -> list[Node]:
    """ORDEREDSUBJECT: messages of one base subject answer the first of them."""
    groups: dict[str, Node] = {}
    for letter in sorted(letters, key=_when):
        root = groups.setdefault(base_subject(letter.subject)[0], Node(letter))
        if root.letter is not letter:
            root.children.append(Node(letter, root))
    return sorted(groups.values(), key=_first_sent)


def by_references(letters: Sequence[Letter]) -> list[Node]:
    """REFERENCES: steps 1 to 6."""
    roots = _pruned([node for node in _linked(letters) if node.parent is None])
    roots.sort(key=_first_sent)
    roots = _merged(roots)
    for node in reversed(list(_walk(roots))):
        node.children.sort(key=_first_sent)
    return sorted(roots, key=_first_sent)


def write(root: Node, number: Callable[[int], int]) -> bytes:
    """Write a thread: (1 2 (3)(4 5)); NUMBER turns UIDs into what the client reads."""
    written: list[bytes] = []
    pending: list[Node | bytes] = [root]
    while pending:
        node = pending.pop()
        if isinstance(node, bytes):
            written.append(node)
            continue
        words = [b"%d" % number(node.letter.uid)] if node.letter is not None else []
        while len(node.children) == 1:
            node = node.children[0]
            words.append(b"%d" % number(node.first.uid))
        written.append(b"(" + b" ".join(words) + (b" " if words and node.children else b""))
        pending.append(b")")
        pending += reversed(node.children)
    return b"".join(written)


def _when(letter: Letter) -> tuple[int, int]:
    return letter.sent_us, letter.uid


def _first_sent(node: Node) -> tuple[int, int]:
    return _when(node.first)


def _linked(letters: Sequence[Letter]) -> list[Node]:
    """Step 1: link each message to the one that it answers."""
    by_id: dict[bytes, Node] = {}
    nodes: list[Node] = []

    def named(message_id: bytes) -> Node:
        if message_id not in by_id:
            by_id[message_id] = Node()
            nodes.append(by_id[message_id])
        return by_id[message_id]

    for letter in letters:
        node = named(letter.message_id) if letter.message_id else Node()
        if node.letter is not None or not letter.message_id:  # an id that two messages bear counts once
            node = Node()
            nodes.append(node)
        node.letter = letter
        chain = [named(each) for each in letter.references]
        for parent, child in pairwise(chain):
            if child.parent is None:
                _attach(child, parent)
        if chain:
            _attach(node, chain[-1])
    return nodes


def _attach(child: Node, parent: Node) -> None:
    """Make CHILD an answer to PARENT, unless that would make a circle."""
    above: Node | None = parent
    while above is not None:
        if above is child:
            return
        above = above.parent
    if child.parent is not None:
        child.parent.children.remove(child)
    child.parent = parent
    parent.children.append(child)


def _walk(roots: Iterable[Node]) -> Iterator[Node]:
    """Give every node, parents before their children."""
    pending = list(roots)
    while pending:
        node = pending.pop()
        yield node
        pending += node.children


def _pruned(roots: list[Node]) -> list[Node]:
    """Step 3: messages that are not there give way to their children."""
    for node in reversed(list(_walk(roots))):
        kept: list[Node] = []
        for child in node.children:
            kept += [child] if child.letter is not None else child.children
        node.children = kept
    left: list[Node] = []
    for root in roots:
        left += [root] if root.letter is not None or len(root.children) > 1 else root.children
    for node in _walk(left):
        node.children.sort(key=_first_sent)
    for root in left:
        root.parent = None
    return left


def _merged(roots: list[Node]) -> list[Node]:
    """Step 5: join the threads of one base subject."""
    chief: dict[str, Node] = {}
    subjects = {root: base_subject(root.first.subject) for root in roots}
    for root in roots:
        subject, replied = subjects[root]
        other = chief.get(subject)
        if other is None or (
            other.letter is not None and (root.letter is None or (subjects[other][1] and not replied))
        ):
            chief[subject] = root
    result: dict[Node, None] = {}
    for root in roots:
        subject, replied = subjects[root]
        other = chief[subject] if subject else root
        if other is root:
            result.setdefault(root)
            continue
        joined = _joined(other, root, answers=replied and not subjects[other][1])
        if joined is not other:
            subjects[joined] = subjects[other]
            chief[subject] = joined
            result.pop(other, None)
        result.setdefault(joined)
    return [root for root in result if root.parent is None]


def _joined(chief: Node, root: Node, *, answers: bool) -> Node:
    """Put ROOT into the thread of CHIEF, or both under a new node; returns the root of what they are then."""
    if chief.letter is None and root.letter is None:
        chief.children += root.children
        return chief
    if chief.letter is None or answers:
        chief.children.append(root)
        root.parent = chief
        return chief
    joined = Node(children=[chief, root])
    chief.parent = root.parent = joined
    return joined
