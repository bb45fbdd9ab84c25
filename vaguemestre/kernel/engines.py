"""SQLAlchemy engines for the two databases, and their errors in our words.

SQLite: WAL, `synchronous=FULL` (COMMIT returns after fsync, but for the changes of `brief_writer.py`), foreign keys
on. Writers of several processes take turns by a lock file, since SQLite's own waiting polls.
"""

import contextlib
import fcntl
import os
import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any

import sqlalchemy
from sqlalchemy import Engine, event
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from vaguemestre.kernel.errors import StorageFull, TemporaryFailure

BUSY_TIMEOUT_MS = 30_000
PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA foreign_keys=ON",
    f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}",
    "PRAGMA temp_store=MEMORY",
    "PRAGMA secure_delete=FAST",
)
READER_PAGES_KIB = 8_192
"""A process has several readers; the system keeps the pages of the file anyway."""
WRITER_PAGES_KIB = 32_768
DATABASE_ERRORS = (DBAPIError, sqlite3.Error)
"""What a statement may raise: by SQLAlchemy, or by SQLite's driver for those that it runs (`prepared.py`)."""
_AWAY = (OperationalError, InterfaceError, sqlite3.OperationalError, sqlite3.InterfaceError)


def build_reader(url: str) -> Engine:
    """Build the engine whose connections read; each transaction sees one snapshot."""
    return _sqlite(url, "BEGIN", READER_PAGES_KIB) if url.startswith("sqlite") else _postgresql(url, "REPEATABLE READ")


def build_brief_writer(url: str) -> Engine:
    """Build the engine of changes that are answered before the disk has them (SQLite; see `brief_writer.py`).

    It neither waits for a lock nor carries the log over into the file.
    """
    pragmas = ("PRAGMA synchronous=NORMAL", "PRAGMA wal_autocheckpoint=0", "PRAGMA busy_timeout=0")
    return _sqlite(url, "BEGIN IMMEDIATE", READER_PAGES_KIB, pragmas)


def build_writer(url: str) -> Engine:
    """Build the engine of the writer thread."""
    if url.startswith("sqlite"):
        return _sqlite(url, "BEGIN IMMEDIATE", WRITER_PAGES_KIB)
    return _postgresql(url, "READ COMMITTED")


@contextlib.contextmanager
def translated_errors() -> Iterator[None]:
    """Turn a database away, locked, damaged or full (StorageFull) into TemporaryFailure; other errors are bugs."""
    try:
        yield
    except DATABASE_ERRORS as error:
        failure = _failure_of(error)
        if failure is None:
            raise
        raise failure from error


def _failure_of(error: Exception) -> TemporaryFailure | None:
    """Return what an error means in our words; None when it is a bug."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(error, _AWAY):
        full = _is_full(cause)
        return (
            StorageFull("catalogue: no space left") if full else TemporaryFailure(f"catalogue: {type(cause).__name__}")
        )
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return TemporaryFailure("catalogue: connection lost")
    return TemporaryFailure("catalogue: its file is damaged; restore it") if _is_damaged(cause) else None


def _is_full(error: BaseException | None) -> bool:
    """Say whether the database reports a full disk (PostgreSQL: disk_full), or an I/O error that comes of one."""
    if isinstance(error, sqlite3.Error):
        return error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR)
    return getattr(error, "sqlstate", None) == "53100"


def _is_damaged(error: BaseException | None) -> bool:
    """Say whether SQLite finds that its file is broken, or no catalogue at all."""
    codes = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
    return isinstance(error, sqlite3.Error) and error.sqlite_errorcode & 0xFF in codes


class WriteTurn:
    """Whose turn it is to write, among the processes of one SQLite catalogue (nothing to do on PostgreSQL)."""

    def __init__(self, engine: Engine) -> None:
        path = engine.url.database if engine.dialect.name == "sqlite" else None
        self._descriptor = os.open(f"{path}.turn", os.O_RDWR | os.O_CREAT, 0o600) if path else None

    def __enter__(self) -> None:
        if self._descriptor is not None:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX)

    def __exit__(self, *_: object) -> None:
        if self._descriptor is not None:
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)

    def take_now(self) -> bool:
        """Take the turn if nobody has it; to be given back by `give_back`."""
        try:
            if self._descriptor is not None:
                fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def give_back(self) -> None:
        """Let others write."""
        self.__exit__()

    def close(self) -> None:
        """Give the lock file back."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def _sqlite(url: str, begin: str, pages_kib: int, own_pragmas: Sequence[str] = ()) -> Engine:
    engine = sqlalchemy.create_engine(url, connect_args={"timeout": BUSY_TIMEOUT_MS / 1000, "check_same_thread": False})

    @event.listens_for(engine, "connect")
    def on_connect(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # transactions are begun by us, below, and not by the driver
        for pragma in (*PRAGMAS, f"PRAGMA cache_size=-{pages_kib}", *own_pragmas):
            connection.execute(pragma)

    def do_begin(connection: Any) -> None:
        connection.execute(begin)

    # Not by the event "begin": an engine with listeners asks for them before and after each statement.
    engine.dialect.do_begin = do_begin  # type: ignore[method-assign, assignment]
    return engine


def _postgresql(url: str, isolation: Any) -> Engine:
    return sqlalchemy.create_engine(url, isolation_level=isolation, pool_pre_ping=True)
