"""Alembic's entry: compares or migrates on the connection that the caller opened, in its transaction."""

from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext

from vaguemestre.app.migrations import load_tables
from vaguemestre.kernel.database import Instant


def _render(kind: str, item: Any, _context: AutogenContext) -> str | Literal[False]:
    """Write an Instant as what the database keeps, so that old migrations do not depend on today's code."""
    return "sa.BigInteger()" if kind == "type" and isinstance(item, Instant) else False


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=load_tables(),
    render_item=_render,
    render_as_batch=False,
    compare_type=True,
)
context.run_migrations()
