"""The pid file of a running supervisor: also the lock that keeps a second one away from the same folder."""

import fcntl
import os
from pathlib import Path

from vaguemestre.kernel.errors import ConfigurationError


class PidFile:
    """Holds PATH, locked, with this process's pid in it, for the time of a `with` block."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor = -1

    def __enter__(self) -> None:
        """Take the lock.

        Raises:
            ConfigurationError: another process holds it.
        """
        self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._descriptor)
            raise ConfigurationError(f"{self._path} : cette instance tourne déjà") from None
        os.ftruncate(self._descriptor, 0)
        os.write(self._descriptor, f"{os.getpid()}\n".encode())

    def __exit__(self, *_: object) -> None:
        os.ftruncate(self._descriptor, 0)
        os.close(self._descriptor)


def read_pid(path: Path) -> int | None:
    """Return the pid of the supervisor that holds PATH, or None when none runs."""
    try:
        descriptor = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return int(os.read(descriptor, 32) or b"0") or None
    else:
        return None
    finally:
        os.close(descriptor)
