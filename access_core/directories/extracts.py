"""Loading the national extraction into the catalogue, and answering from it.

A file becomes an extract whose lines are written in batches, unseen; one transaction puts it in force in place of the
one before. A file with a fault leaves nothing: its lines are taken away again, the extract before stays in force.
"""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from sqlalchemy import Select, Table, and_, bindparam, delete, insert, select, update

from access_core.directories.directory import Activity, DirectoryEntry
from access_core.directories.layouts import Layout, Line, Warnings, read_lines
from access_core.identifiers import RPPS
from access_core.tables import directory_activity, directory_extract, directory_mailbox
from vaguemestre.kernel.clock import Clock
from vaguemestre.kernel.database import Database, Transaction
from vaguemestre.kernel.errors import ConfigurationError
from vaguemestre.kernel.ids import new_id
from vaguemestre.kernel.text_files import check_utf8

BATCH_LINES = 5_000
_TABLES = {Layout.ACTIVITIES: directory_activity, Layout.MAILBOXES: directory_mailbox}


@dataclass(frozen=True, slots=True, kw_only=True)
class Extract:
    """A file that was loaded; `lines` are those kept, `skipped` those of professionals without an RPPS."""

    layout: Layout
    lines: int
    skipped: int
    rpps_keys_wrong: int


def load_extract(database: Database, clock: Clock, path: Path) -> Extract:
    """Load a file of the national extraction and put it in force.

    Raises:
        ConfigurationError: unreadable, or a line is wrong; names line and column. Nothing stays of it.
        TemporaryFailure: the catalogue is away; the extract before stays in force.
    """
    identifier, warnings = new_id(), Warnings()
    layout: Layout | None = None
    try:
        with path.open(encoding="utf-8", newline="") as file:
            layout, lines = read_lines(path.name, file, warnings)
            row = {
                "id": identifier,
                "layout": layout,
                "loaded_at": clock.now(),
                "digest": _digest(path),
                "lines": 0,
                "in_force": False,
            }
            database.write_now(lambda tx: tx.execute(insert(directory_extract), row))
            count = _write_lines(database, identifier, layout, lines)
        database.write_now(_putting_in_force(identifier, layout, count))
    except (OSError, UnicodeDecodeError) as error:
        _forget(database, layout, identifier)
        check_utf8(path)
        raise ConfigurationError(f"{path.name}: cannot be read: {type(error).__name__}") from None
    except ConfigurationError:
        _forget(database, layout, identifier)
        raise
    _forget_old(database, layout)
    return Extract(layout=layout, lines=count, skipped=warnings.skipped, rpps_keys_wrong=warnings.rpps_key)


def is_loaded(tx: Transaction, layout: Layout) -> bool:
    """Whether an extract of this layout is in force."""
    return tx.execute(_IN_FORCE, {"layout": layout}).first() is not None


class ExtractDirectory:
    """A `ProfessionalDirectory` that answers from the extracts in force, within one transaction."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    def find(self, rpps: RPPS) -> DirectoryEntry | None:
        """Return what the extract of activities says, with the mailboxes of the other one."""
        rows = self._tx.execute(_ACTIVITIES, {"rpps": rpps.number}).all()
        if not rows:
            return None
        activities = tuple(
            Activity(
                profession=row.profession,
                skill=row.skill,
                mode=row.mode,
                sector=row.sector,
                structure=row.structure,
                structure_name=row.structure_name,
            )
            for row in rows
        )
        mailboxes = self._tx.execute(_MAILBOXES, {"rpps": rpps.number}).scalars()
        return DirectoryEntry(
            rpps=rpps,
            family=rows[0].family,
            given=rows[0].given,
            active=any(each.is_exercised for each in activities),
            activities=activities,
            mailboxes=tuple(mailboxes),
        )


def _of_extract_in_force(table: Table, statement: Select[tuple[object, ...]]) -> Select[tuple[object, ...]]:
    joined = and_(directory_extract.c.id == table.c.extract_id, directory_extract.c.in_force)
    return statement.join_from(table, directory_extract, joined).where(table.c.rpps == bindparam("rpps"))


_IN_FORCE = select(directory_extract.c.id).where(
    directory_extract.c.layout == bindparam("layout"), directory_extract.c.in_force
)
_ACTIVITIES = _of_extract_in_force(directory_activity, select(directory_activity)).order_by(directory_activity.c.line)
_MAILBOXES = _of_extract_in_force(directory_mailbox, select(directory_mailbox.c.address)).order_by(
    directory_mailbox.c.address
)
_OLD = select(directory_extract.c.id).where(
    directory_extract.c.layout == bindparam("layout"), directory_extract.c.in_force.is_(False)
)


def _write_lines(database: Database, identifier: str, layout: Layout, lines: Iterator[Line]) -> int:
    statement, count = insert(_TABLES[layout]), 0
    while batch := list(islice(lines, BATCH_LINES)):
        rows = [{"extract_id": identifier, "line": each.number, **each.values} for each in batch]
        database.write_now(_running(statement, rows))
        count += len(batch)
    return count


def _running(statement: object, rows: list[dict[str, object]]) -> Callable[[Transaction], None]:
    def work(tx: Transaction) -> None:
        tx.execute(statement, rows)  # type: ignore[arg-type]

    return work


def _putting_in_force(identifier: str, layout: Layout, count: int) -> Callable[[Transaction], None]:
    def work(tx: Transaction) -> None:
        tx.execute(update(directory_extract).where(directory_extract.c.layout == layout).values(in_force=False))
        mine = directory_extract.c.id == identifier
        tx.execute(update(directory_extract).where(mine).values(in_force=True, lines=count))

    return work


def _forget_old(database: Database, layout: Layout) -> None:
    for identifier in database.read_now(lambda tx: list(tx.execute(_OLD, {"layout": layout}).scalars())):
        _forget(database, layout, identifier)


def _forget(database: Database, layout: Layout | None, identifier: str) -> None:
    """Take an extract away, its lines first, in batches."""
    if layout is None:
        return
    table = _TABLES[layout]
    some = select(table.c.line).where(table.c.extract_id == identifier).limit(BATCH_LINES)
    these = delete(table).where(table.c.extract_id == identifier, table.c.line.in_(some.scalar_subquery()))
    while database.write_now(lambda tx: tx.execute(these).rowcount):
        pass
    database.write_now(lambda tx: tx.execute(delete(directory_extract).where(directory_extract.c.id == identifier)))


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
