"""Verifying the whole trace: the chain, the checkpoints of the catalogue, and those kept outside it.

The chain shows a change that was not carried through to the head; the checkpoints show a chain that was built again,
since its builder cannot sign; the file outside shows checkpoints that were taken away. One pass, constant memory.
"""

from collections.abc import Iterator
from dataclasses import replace
from itertools import zip_longest
from pathlib import Path

from access_core.trace import checkpoint_file
from access_core.trace.chain import Verification, head
from access_core.trace.chain import verify as verify_chain
from access_core.trace.checkpoints import Checkpoint, all_checkpoints, signed_by
from access_core.trace.merkle import Root
from vaguemestre.kernel.database import Transaction
from vaguemestre.kernel.errors import IntegrityError


def verify_register(tx: Transaction, file: Path, public_key: bytes) -> Verification:
    """Verify the register against itself, its checkpoints and the file outside the catalogue.

    Args:
        tx: a transaction that sees one state of the register.
        file: the append-only file of checkpoints.
        public_key: raw Ed25519 key of this instance.
    """
    watch = _Watch(all_checkpoints(tx), public_key)
    result = verify_chain(tx, watch.see)
    if not result.ok:
        return result
    top = head(tx)
    late = watch.awaited
    if late is not None:
        return Verification(False, result.entries, result.entries + 1, _beyond(late), watch.seen)
    why = _differs_from_file(tx, file, public_key, top.instance_id if top else "")
    if why is not None:
        return Verification(False, result.entries, why[0], why[1], watch.seen)
    return replace(result, checkpoints=watch.seen)


class _Watch:
    """Compares the chain, as it is recomputed, with the next checkpoint."""

    def __init__(self, checkpoints: Iterator[Checkpoint], public_key: bytes) -> None:
        self._checkpoints = checkpoints
        self._public_key = public_key
        self._root = Root()
        self._before: Checkpoint | None = None
        self.awaited = next(checkpoints, None)
        self.seen = 0

    def see(self, seq: int, digest: bytes) -> str:
        """Take in an entry; returns why a checkpoint contradicts the register, or ""."""
        awaited = self.awaited
        if awaited is None:
            return ""
        self._root.add(digest)
        if seq != awaited.seq:
            return ""
        if not self._agrees(awaited, digest):
            return f"Le point de contrôle signé à l’entrée {seq} ne correspond pas : le registre a été reconstruit."
        self.seen += 1
        self._before, self._root = awaited, Root()
        self.awaited = next(self._checkpoints, None)
        return ""

    def _agrees(self, checkpoint: Checkpoint, digest: bytes) -> bool:
        facts, before = checkpoint.facts, self._before
        return (
            signed_by(self._public_key, checkpoint)
            and facts["seq"] == checkpoint.seq
            and facts["first_seq"] == checkpoint.first_seq == (before.seq if before else 0) + 1
            and facts["previous"] == (before.fingerprint if before else "")
            and facts["digest"] == digest.hex()
            and facts["root"] == self._root.value().hex()
        )


def _differs_from_file(tx: Transaction, file: Path, public_key: bytes, instance_id: str) -> tuple[int, str] | None:
    """Return the first entry for which file and catalogue differ, and why; the file may lag at its end."""
    try:
        for kept, outside in zip_longest(all_checkpoints(tx), checkpoint_file.read(file)):
            if outside is None:
                return None if file.exists() else (1, f"Le fichier {file.name} des points de contrôle manque.")
            if not signed_by(public_key, outside) or outside.facts["instance_id"] != instance_id:
                return outside.first_seq, f"{file.name} : un point de contrôle n’est pas de cette instance."
            if kept is None or kept.statement != outside.statement:
                why = f"Le point de contrôle {outside.seq} gardé hors du registre n’y est plus : il a été reconstruit."
                return outside.first_seq, why
    except IntegrityError as error:
        return 1, f"Le fichier des points de contrôle est altéré : {error}."
    return None


def _beyond(checkpoint: Checkpoint) -> str:
    return f"Le registre s’arrête avant l’entrée {checkpoint.seq}, qui porte un point de contrôle signé."
