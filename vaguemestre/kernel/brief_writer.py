"""Small changes that are answered before the disk has them: committed at once, in the thread that asks.

When `attempt` returns, the change is in SQLite's write-ahead log: every process sees it, and it survives the end of
this one at any instant. The disk has it with the next commit of any writer thread, or when the system writes the file
by itself (Linux: within half a minute); until then a loss of power loses it, never a part of it, nor what came before
it alone. Every so many changes one is left to the writer thread, which brings the log to the disk and shortens it.
"""

import sqlite3
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from sqlalchemy import Connection

from vaguemestre.kernel.engines import WriteTurn, build_brief_writer, translated_errors
from vaguemestre.kernel.transaction import Transaction

T = TypeVar("T")
IN_A_ROW = 200


class BriefWriter:
    """Commits without waiting; for one thread, on SQLite."""

    def __init__(self, url: str, publish: Callable[[Iterable[str]], None]) -> None:
        self._engine = build_brief_writer(url)
        self._publish = publish
        self._turn = WriteTurn(self._engine)
        self._connection: Connection | None = None
        self._left = IN_A_ROW

    def attempt(self, work: Callable[[Transaction], T]) -> tuple[T] | None:
        """Run WORK and commit it; None, and nothing done, when it is another's turn to write, or the writer thread's.

        Raises:
            TemporaryFailure: the database is away, full or damaged; nothing was kept.
        """
        if not self._left:
            self._left = IN_A_ROW
            return None
        if not self._turn.take_now():
            return None
        try:
            with translated_errors():
                done = self._transact(work)
        except BaseException:
            self._disconnect()
            raise
        finally:
            self._turn.give_back()
        if done is None:
            return None
        self._left -= 1
        result, topics = done
        if topics:
            self._publish(topics)
        return (result,)

    def _transact(self, work: Callable[[Transaction], T]) -> tuple[T, list[str]] | None:
        connection = self._connected()
        driver: Any = connection.connection.driver_connection
        try:
            driver.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY:  # a program that takes no turns
                return None
            raise
        tx = Transaction(connection)
        result = work(tx)
        tx.prepare_commit()
        driver.commit()
        return result, list(tx.topics)

    def _connected(self) -> Connection:
        """Return the connection, begun for good, so that only the driver is asked to begin and end a unit."""
        if self._connection is None:
            self._connection = self._engine.connect()
            self._connection.begin()
            self._connection.connection.driver_connection.rollback()  # type: ignore[union-attr]
        return self._connection

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def close(self) -> None:
        """Close the connection."""
        self._disconnect()
        self._engine.dispose()
        self._turn.close()
