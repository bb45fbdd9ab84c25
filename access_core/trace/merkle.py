"""Merkle trees over digests, as Certificate Transparency builds them: leaves and nodes hashed in separate domains.

Leaf: SHA-256(00 data); node: SHA-256(01 left right); a tree of n leaves splits at the largest power of two below n.
`Root` needs memory for the height of the tree only.

Source: RFC 6962 §2.1
"""

import hashlib
from collections.abc import Sequence

EMPTY = hashlib.sha256(b"").digest()


def leaf_hash(data: bytes) -> bytes:
    """Return the hash of a leaf."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node."""
    return hashlib.sha256(b"\x01" + left + right).digest()


class Root:
    """The root of a tree whose leaves come one by one."""

    def __init__(self) -> None:
        self.size = 0
        self._subtrees: list[bytes] = []

    def add(self, data: bytes) -> None:
        """Append a leaf."""
        node, size = leaf_hash(data), self.size
        while size & 1:
            node = node_hash(self._subtrees.pop(), node)
            size >>= 1
        self._subtrees.append(node)
        self.size += 1

    def value(self) -> bytes:
        """Return the root over the leaves so far."""
        if not self._subtrees:
            return EMPTY
        node = self._subtrees[-1]
        for left in reversed(self._subtrees[:-1]):
            node = node_hash(left, node)
        return node


class Tree:
    """Every level of a tree, to prove several of its leaves: 64 bytes a leaf."""

    def __init__(self, leaves: Sequence[bytes]) -> None:
        self.levels: list[list[bytes]] = [[leaf_hash(each) for each in leaves]]
        while len(self.levels[-1]) > 1:
            below = self.levels[-1]
            above = [node_hash(below[place], below[place + 1]) for place in range(0, len(below) - 1, 2)]
            self.levels.append([*above, *below[len(below) - len(below) % 2 :]])

    def path(self, index: int) -> list[bytes]:
        """Return the audit path of the leaf INDEX, from the bottom; a level where it has no sibling adds nothing."""
        found = []
        for level in self.levels[:-1]:
            sibling = index ^ 1
            if sibling < len(level):
                found.append(level[sibling])
            index >>= 1
        return found
