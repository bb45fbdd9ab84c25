"""The standing of our own professionals in the directory: found beforehand, read by every decision as `annuaire`.

Only persons with an RPPS have one. Whoever has none here is judged by her account alone: that is so until a directory
is in force.
"""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import bindparam, delete, insert, select

from access_core.accounts import AccountState
from access_core.directories.directory import ProfessionalDirectory
from access_core.facts import Directory
from access_core.identifiers import RPPS
from access_core.tables import account, directory_standing, professional
from vaguemestre.kernel.database import Transaction

_PERSONS = (
    select(professional.c.account_id, professional.c.rpps)
    .join_from(professional, account, account.c.id == professional.c.account_id)
    .where(professional.c.rpps.is_not(None), account.c.state != AccountState.CLOSED)
    .order_by(professional.c.account_id)
)
_OF_ACCOUNT = select(directory_standing.c.state).where(directory_standing.c.account_id == bindparam("account"))


def persons(tx: Transaction) -> dict[str, RPPS]:
    """Return the RPPS of our professionals, by account."""
    return {row.account_id: RPPS.parse(row.rpps) for row in tx.execute(_PERSONS)}


def look_up(directory: ProfessionalDirectory, numbers: Mapping[str, RPPS]) -> dict[str, Directory]:
    """Ask a directory for the state of each account's professional; it may be slow and is asked outside transactions.

    Raises:
        TemporaryFailure: the directory cannot be asked now; what stood stands.
    """
    found = {}
    for account_id, rpps in numbers.items():
        entry = directory.find(rpps)
        found[account_id] = Directory.INCONNU if entry is None else entry.state
    return found


def keep_standings(tx: Transaction, found: Mapping[str, Directory], *, at: datetime) -> None:
    """Keep what a directory said of these accounts."""
    for account_id, state in found.items():
        tx.execute(delete(directory_standing).where(directory_standing.c.account_id == account_id))
        tx.execute(insert(directory_standing), {"account_id": account_id, "state": state, "checked_at": at})


def standing_of(tx: Transaction, account_id: str) -> Directory | None:
    """Return what was last found of an account; None when no directory was asked."""
    state = tx.execute(_OF_ACCOUNT, {"account": account_id}).scalar_one_or_none()
    return None if state is None else Directory(state)
