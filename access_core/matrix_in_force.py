"""The habilitation matrix in force in this process: the one that every decision reads unless it is given another.

Bootstrap says where it comes from; it is read whole on first use, then replaced whole by `reload`. The engine never
reads a file: it receives the `Matrix` in its context, and the trace keeps its stamp.
"""

from pathlib import Path
from typing import Final

from access_core.matrix import Matrix, MatrixMode, default_matrix, load_matrix


class MatrixInForce:
    """Holds the matrix of a process; the one that comes with the program stands in while nothing was imported."""

    def __init__(self) -> None:
        self._path: Path | None = None
        self._mode = MatrixMode.RECONSTRUCTED
        self._matrix: Matrix | None = None

    def choose(self, path: Path | None, mode: MatrixMode) -> None:
        """Say which file holds the imported matrix (it need not exist) and how much of it is believed."""
        self._path, self._mode, self._matrix = path, mode, None

    def current(self) -> Matrix:
        """Return the matrix in force.

        Raises:
            ConfigurationError: the imported file is there and cannot be read; names line and column.
        """
        if self._matrix is None:
            self._matrix = self._load()
        return self._matrix

    def reload(self) -> Matrix:
        """Read the file again; the matrix in force stays when it cannot be read.

        Raises:
            ConfigurationError: as `current`.
        """
        self._matrix = self._load()
        return self._matrix

    def _load(self) -> Matrix:
        if self._path is None or not self._path.exists():
            return default_matrix(self._mode)
        return load_matrix(self._path, self._mode)


IN_FORCE: Final = MatrixInForce()
