"""Counts of an instance, for `vaguemestre stats`: numbers only, nothing about anybody."""

from sqlalchemy import func, select

from access_core.tables import account, profile, trace_entry
from dmp_bridge.tables import document_entry
from mailstore.tables import message
from smtp_gateway.tables import conversation
from vaguemestre.kernel.database import Transaction
from vaguemestre.kernel.outbox import task, troubles

COUNTED = {
    "messages": message,
    "documents": document_entry,
    "trace_entries": trace_entry,
}
GROUPED = {
    "accounts": account.c.kind,
    "profiles": profile.c.status,
    "conversations": conversation.c.state,
    "tasks": task.c.state,
}


def count_rows(tx: Transaction) -> dict[str, object]:
    """Return the number of rows of each kind, and by state where a state matters."""
    counts: dict[str, object] = {
        name: tx.execute(select(func.count()).select_from(table)).scalar_one() for name, table in COUNTED.items()
    }
    for name, column in GROUPED.items():
        grouped = select(column.label("value"), func.count().label("number")).group_by(column).order_by(column)
        counts[name] = {str(row.value): row.number for row in tx.execute(grouped)}
    counts["tasks_in_trouble"] = {each.kind: each.failed + each.struggling for each in troubles(tx)}
    return counts
