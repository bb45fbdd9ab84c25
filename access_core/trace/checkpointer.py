"""Writing checkpoints: in the catalogue, then in the file outside it. The worker calls it at intervals and at its end.

Several workers may do so at once: who comes second finds the work done, and each brings its own file up to date.
"""

from pathlib import Path

from access_core.trace import checkpoint_file
from access_core.trace.checkpoints import Checkpoint, Signer, all_checkpoints, keep, prepare
from vaguemestre.kernel.clock import Clock
from vaguemestre.kernel.database import Database, Transaction


class Checkpointer:
    """Signs where the trace stands."""

    def __init__(self, database: Database, signer: Signer, file: Path, clock: Clock) -> None:
        self._database = database
        self._signer = signer
        self._file = file
        self._clock = clock

    def run(self) -> int:
        """Cover the whole trace with checkpoints, in the calling thread; returns how many were new.

        Raises:
            TemporaryFailure: the catalogue is away.
            OSError, IntegrityError: the file cannot be written, or its last line is not a checkpoint.
        """
        written = 0
        while (fresh := self._database.read_now(self._prepare)) is not None and self._keep(fresh):
            written += 1
        with checkpoint_file.appending(self._file) as file:
            after = checkpoint_file.last_seq(file)
            missing = self._database.read_now(lambda tx: list(all_checkpoints(tx, after)))
            if missing:
                checkpoint_file.append(file, missing, self._signer.public_key)
        return written

    def _prepare(self, tx: Transaction) -> Checkpoint | None:
        return prepare(tx, self._signer, self._clock.now())

    def _keep(self, checkpoint: Checkpoint) -> bool:
        return self._database.write_now(lambda tx: keep(tx, checkpoint))
