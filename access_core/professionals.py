"""Professional mailboxes: persons, organisations, applications and practices, and who belongs to which.

A professional's address is the login of her account. An organisational mailbox (ORG, APP, CAB) may have members,
who read it and may write in its name.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Row, Select, bindparam, insert, select, union

from access_core.accounts import AccountKind, AccountState, NewAccount, add_account, canonical_login, set_account_state
from access_core.facts import Directory
from access_core.tables import account, directory_standing, member, professional
from vaguemestre.kernel.database import Transaction
from vaguemestre.kernel.errors import PermanentFailure


class MailboxType(StrEnum):
    """Types of professional mailbox. Source: TRE_R257 (OID 1.2.250.1.213.3.3.55)."""

    PER = "PER"
    ORG = "ORG"
    APP = "APP"
    CAB = "CAB"


@dataclass(frozen=True, slots=True, kw_only=True)
class Professional:
    """A professional mailbox.

    `members` are the addresses of those who belong to it, sorted; empty for a person. `directory` is what the
    national directory last said of its holder, None when it was not asked.
    """

    account_id: str
    address: str
    type: MailboxType
    name: str
    rpps: str | None = None
    profession: str | None = None
    structure: str | None = None
    members: tuple[str, ...] = ()
    state: AccountState = AccountState.ACTIVE
    directory: Directory | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewProfessional:
    """What it takes to open a professional mailbox; `members` are addresses of persons already there."""

    address: str
    type: MailboxType
    name: str
    created_at: datetime
    rpps: str | None = None
    profession: str | None = None
    structure: str | None = None
    members: tuple[str, ...] = ()


_PROFESSIONALS = (
    select(
        account.c.id,
        account.c.login,
        account.c.display_name,
        account.c.state,
        professional.c.type,
        professional.c.rpps,
        professional.c.profession,
        professional.c.structure,
        directory_standing.c.state.label("directory"),
    )
    .join_from(professional, account, account.c.id == professional.c.account_id)
    .outerjoin(directory_standing, directory_standing.c.account_id == account.c.id)
)
_BY_ADDRESS = _PROFESSIONALS.where(account.c.login == bindparam("login"))
_BY_ACCOUNT = _PROFESSIONALS.where(account.c.id == bindparam("id"))
_BY_RPPS = _PROFESSIONALS.where(professional.c.rpps == bindparam("rpps")).order_by(account.c.login)
_OF_STRUCTURE = _PROFESSIONALS.where(professional.c.structure.in_(bindparam("numbers", expanding=True))).order_by(
    account.c.login
)
_ALL = _PROFESSIONALS.order_by(account.c.login)
_MEMBERS = (
    select(member.c.mailbox_id, account.c.login)
    .join_from(member, account, account.c.id == member.c.account_id)
    .order_by(account.c.login)
)
_MEMBERS_OF_ONE = _MEMBERS.where(member.c.mailbox_id == bindparam("mailbox_id"))
_SHARED = (
    select(account.c.id, account.c.login)
    .join_from(member, account, account.c.id == member.c.mailbox_id)
    .where(member.c.account_id == bindparam("id"), account.c.state != AccountState.CLOSED)
)
_ADDRESSES = union(select(account.c.id, account.c.login).where(account.c.id == bindparam("id")), _SHARED)


def add_professional(tx: Transaction, new: NewProfessional) -> Professional:
    """Open a professional mailbox with its account.

    Raises:
        AlreadyExists: the address is taken.
        PermanentFailure: a member has no mailbox here, or a person is given members.
    """
    opened = add_account(
        tx,
        NewAccount(kind=AccountKind.PROFESSIONAL, login=new.address, display_name=new.name, created_at=new.created_at),
    )
    tx.execute(
        insert(professional),
        {
            "account_id": opened.id,
            "type": new.type,
            "rpps": new.rpps,
            "profession": new.profession,
            "structure": new.structure,
        },
    )
    set_members(tx, opened.id, new.members)
    added = professional_by_account(tx, opened.id)
    assert added is not None
    return added


def set_members(tx: Transaction, mailbox_id: str, addresses: Iterable[str]) -> None:
    """Replace the members of an organisational mailbox.

    Raises:
        PermanentFailure: the mailbox is a person's, or a member has no mailbox here.
    """
    wanted = sorted({canonical_login(address) for address in addresses})
    owner = professional_by_account(tx, mailbox_id)
    if owner is None or (wanted and owner.type is MailboxType.PER):
        raise PermanentFailure("mailbox: only an organisational mailbox has members")
    tx.execute(member.delete().where(member.c.mailbox_id == mailbox_id))
    for address in wanted:
        person = professional_by_address(tx, address)
        if person is None:
            raise PermanentFailure("mailbox: a member has no mailbox here")
        tx.execute(insert(member), {"mailbox_id": mailbox_id, "account_id": person.account_id})


def professional_by_address(tx: Transaction, address: str) -> Professional | None:
    """Find the mailbox with this address, in any state."""
    return _one(tx, _BY_ADDRESS, {"login": canonical_login(address)})


def professional_by_account(tx: Transaction, account_id: str) -> Professional | None:
    """Find the mailbox of an account."""
    return _one(tx, _BY_ACCOUNT, {"id": account_id})


def professionals_by_rpps(tx: Transaction, rpps: str) -> list[Professional]:
    """List the mailboxes that carry a person's RPPS, by address."""
    return _several(tx, _BY_RPPS, {"rpps": rpps})


def professionals_of_structure(tx: Transaction, numbers: Iterable[str]) -> list[Professional]:
    """List the mailboxes of a structure, by address; NUMBERS are the ways to write it."""
    return _several(tx, _OF_STRUCTURE, {"numbers": sorted(numbers)})


def professionals(tx: Transaction) -> list[Professional]:
    """List every professional mailbox, by address."""
    members: dict[str, list[str]] = {}
    for row in tx.execute(_MEMBERS):
        members.setdefault(row.mailbox_id, []).append(row.login)
    return [_professional(row, tuple(members.get(row.id, ()))) for row in tx.execute(_ALL)]


def set_state(tx: Transaction, account_id: str, state: AccountState) -> None:
    """Suspend, resume or close a professional mailbox."""
    set_account_state(tx, account_id, state)


def addresses_of(tx: Transaction, account_id: str) -> frozenset[str]:
    """Return the addresses under which an account may write: its own and those of its organisational mailboxes."""
    return frozenset(mailboxes_of(tx, account_id))


def mailboxes_of(tx: Transaction, account_id: str) -> dict[str, str]:
    """Return mailbox id by address, for the account's own mailbox and the open ones that it is a member of."""
    return {row.login: row.id for row in tx.execute(_ADDRESSES, {"id": account_id})}


def _one(tx: Transaction, statement: Select[Any], parameters: Mapping[str, str]) -> Professional | None:
    row = tx.execute(statement, parameters).one_or_none()
    if row is None:
        return None
    shared = row.type != MailboxType.PER
    return _professional(row, _members_of(tx, row.id) if shared else ())


def _several(tx: Transaction, statement: Select[Any], parameters: Mapping[str, object]) -> list[Professional]:
    rows = tx.execute(statement, parameters).all()
    return [_professional(row, _members_of(tx, row.id) if row.type != MailboxType.PER else ()) for row in rows]


def _members_of(tx: Transaction, mailbox_id: str) -> tuple[str, ...]:
    return tuple(row.login for row in tx.execute(_MEMBERS_OF_ONE, {"mailbox_id": mailbox_id}))


def _professional(row: Row[Any], members: tuple[str, ...]) -> Professional:
    return Professional(
        account_id=row.id,
        address=row.login,
        type=MailboxType(row.type),
        name=row.display_name,
        rpps=row.rpps,
        profession=row.profession,
        structure=row.structure,
        members=members,
        state=AccountState(row.state),
        directory=None if row.directory is None else Directory(row.directory),
    )
