"""Accounts: who may sign in, and the login by which each is known.

An account's id is also the id of its mail store. A login is kept in canonical form (`canonical_login`), so that
each person has one, whatever case or spaces she types.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import bindparam, delete, insert, select, update

from access_core.tables import account, password_credential
from vaguemestre.kernel.database import Transaction, insert_ignoring
from vaguemestre.kernel.errors import PermanentFailure
from vaguemestre.kernel.ids import new_id


class AccountKind(StrEnum):
    """Which space the account opens."""

    PROFESSIONAL = "professional"
    PATIENT = "patient"


class AccountState(StrEnum):
    """Suspended: receives mail and cannot sign in. Closed: neither; its login is never given again."""

    ACTIVE = "active"
    SUSPENDED = "suspended"
    CLOSED = "closed"


class AlreadyExists(PermanentFailure):
    """The login, address or INS is taken; the text does not quote it."""


@dataclass(frozen=True, slots=True)
class Account:
    """An account; `login` is canonical."""

    id: str
    kind: AccountKind
    login: str
    display_name: str
    state: AccountState


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAccount:
    """What it takes to open an account; `login` in any writing."""

    kind: AccountKind
    login: str
    display_name: str
    created_at: datetime


_COLUMNS = (account.c.id, account.c.kind, account.c.login, account.c.display_name, account.c.state)
_BY_LOGIN = select(*_COLUMNS).where(account.c.login == bindparam("login"))
_BY_ID = select(*_COLUMNS).where(account.c.id == bindparam("id"))
_SET_STATE = update(account).where(account.c.id == bindparam("account_id")).values(state=bindparam("new_state"))
_RETIRE_LOGIN = update(account).where(account.c.id == bindparam("account_id")).values(login=account.c.id)
_FORGET_PASSWORD = delete(password_credential).where(password_credential.c.account_id == bindparam("account_id"))
_KEEP_PASSWORD = insert(password_credential)


def canonical_login(text: str, patient_domains: Collection[str] = ()) -> str:
    """Return the one writing of a login.

    Lower case without spaces; an address of a patient domain gives its local part (the INS), since the same
    person may type either (contract §8). Whatever bytes a client sends give a text that the catalogue can look up.
    """
    login = "".join(text.split()).lower().encode("utf-8", "replace").decode().replace("\0", "?")
    local, at, domain = login.rpartition("@")
    return local if at and domain in patient_domains else login


def add_account(tx: Transaction, new: NewAccount) -> Account:
    """Open an account, active and without password.

    Raises:
        AlreadyExists: the login is taken, be it by a closed account.
    """
    opened = Account(new_id(), new.kind, canonical_login(new.login), new.display_name, AccountState.ACTIVE)
    row = {
        "id": opened.id,
        "kind": opened.kind,
        "login": opened.login,
        "display_name": opened.display_name,
        "state": opened.state,
        "created_at": new.created_at,
    }
    if not insert_ignoring(tx, account, row):
        raise AlreadyExists("account: this login exists already")
    return opened


def account_by_login(tx: Transaction, login: str) -> Account | None:
    """Find the account with this login, in any writing."""
    return _one(tx, _BY_LOGIN, {"login": canonical_login(login)})


def account_by_id(tx: Transaction, account_id: str) -> Account | None:
    """Find an account by its id."""
    return _one(tx, _BY_ID, {"id": account_id})


def set_account_state(tx: Transaction, account_id: str, state: AccountState) -> None:
    """Suspend, resume or close an account; sessions see it at their next request."""
    tx.execute(_SET_STATE, {"account_id": account_id, "new_state": state})


def retire_login(tx: Transaction, account_id: str) -> None:
    """Give the login of an account free, for the account that replaces it; the old one keeps its id as a login."""
    tx.execute(_RETIRE_LOGIN, {"account_id": account_id})


def set_password(
    tx: Transaction, account_id: str, encoded_hash: str, *, changed_at: datetime, scram: bytes | None = None
) -> None:
    """Replace the password by one that `hash_password` encoded; remembered successes end with the old one.

    Args:
        scram: its keys, as `ScramKeeper.sealed` seals them for this account; without them SCRAM opens the account
            only after the next sign-in by password, which derives them.
    """
    tx.execute(_FORGET_PASSWORD, {"account_id": account_id})
    row = {"account_id": account_id, "encoded": encoded_hash, "changed_at": changed_at, "scram": scram}
    tx.execute(_KEEP_PASSWORD, row)


def _one(tx: Transaction, statement: object, parameters: dict[str, str]) -> Account | None:
    row = tx.execute(statement, parameters).one_or_none()  # type: ignore[arg-type]
    if row is None:
        return None
    return Account(row.id, AccountKind(row.kind), row.login, row.display_name, AccountState(row.state))
