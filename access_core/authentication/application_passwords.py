"""Application passwords: one for each mail program, for IMAP, for SMTP or for both, each revoked alone.

120 random bits, so that a keyed SHA-256 keeps them as well as Argon2id keeps what people choose. They never open the
portal. Every creation, use and revocation is traced by whoever calls.
"""

import hmac
import re
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, bindparam, insert, or_, select, update

from access_core.authentication.channel import Scope
from access_core.authentication.scram_keys import ScramKeeper
from access_core.tables import application_password
from vaguemestre.kernel.database import Transaction
from vaguemestre.kernel.errors import PermanentFailure
from vaguemestre.kernel.ids import new_id
from vaguemestre.kernel.keys import InstanceKey

ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"  # 32 letters, none that looks like another
GROUPS, GROUP = 4, 6  # 24 letters of 5 bits
PER_ACCOUNT = 50
LABEL_LONGEST = 80
TRACED_AS = "app_password"  # the kind of resource in the trace, 16 characters at most
_FORM = re.compile(rf"vm[{ALPHABET}]{{{GROUPS * GROUP}}}", re.ASCII)
_SEPARATORS = re.compile(r"[\s-]")

_COLUMNS = (
    application_password.c.id,
    application_password.c.label,
    application_password.c.scope,
    application_password.c.created_at,
    application_password.c.expires_at,
    application_password.c.last_used_at,
    application_password.c.revoked_at,
)
_OF_ACCOUNT = (
    select(*_COLUMNS)
    .where(application_password.c.account_id == bindparam("account_id"))
    .order_by(application_password.c.created_at, application_password.c.id)
)
_IN_FORCE = (
    application_password.c.account_id == bindparam("account_id"),
    application_password.c.revoked_at.is_(None),
    or_(application_password.c.expires_at.is_(None), application_password.c.expires_at > bindparam("now")),
)
_BY_DIGEST = select(*_COLUMNS).where(*_IN_FORCE, application_password.c.digest == bindparam("digest"))
_SECRETS = (
    select(application_password.c.id, application_password.c.scope, application_password.c.scram)
    .where(*_IN_FORCE)
    .limit(PER_ACCOUNT)
)
_USED = (
    update(application_password)
    .where(application_password.c.id == bindparam("one"))
    .values(last_used_at=bindparam("now"))
)
_REVOKE = (
    update(application_password)
    .where(application_password.c.id == bindparam("one"), application_password.c.account_id == bindparam("holder"))
    .where(application_password.c.revoked_at.is_(None))
    .values(revoked_at=bindparam("now"))
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplicationPassword:
    """What is known of one, which never tells the password itself; instants are aware."""

    id: str
    label: str
    scope: Scope
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewApplicationPassword:
    """What the holder chooses; `until` None for one that does not expire."""

    label: str
    scope: Scope
    created_at: datetime
    until: datetime | None = None


def has_form(password: str) -> bool:
    """Tell whether a text has the form of an application password, as printed or without its dashes."""
    return _FORM.fullmatch(_plain(password)) is not None


class ApplicationPasswords:
    """Makes application passwords and recognises them."""

    def __init__(self, instance_key: InstanceKey) -> None:
        self._key = instance_key.derive("vaguemestre/application-passwords/v1")
        self._scram = ScramKeeper(instance_key)

    def add(self, tx: Transaction, account_id: str, login: str, new: NewApplicationPassword) -> tuple[str, str]:
        """Make one for an account; returns its id and the password, which nobody can read again.

        Raises:
            PermanentFailure: the account has as many as it may, the label is empty or too long, or it would
                have expired already.
        """
        if not 0 < len(new.label) <= LABEL_LONGEST or not new.label.isprintable():
            raise PermanentFailure(f"application password: a label of 1 to {LABEL_LONGEST} printable characters")
        if new.until is not None and new.until <= new.created_at:
            raise PermanentFailure("application password: it would have expired already")
        if len(self.in_force(tx, account_id, new.created_at)) >= PER_ACCOUNT:
            raise PermanentFailure(f"application password: an account has {PER_ACCOUNT} at most; revoke one")
        identifier, password = new_id(), _mint()
        row = {
            "id": identifier,
            "account_id": account_id,
            "label": new.label,
            "scope": new.scope,
            "digest": self.digest(account_id, password),
            "scram": self._scram.sealed(login, identifier, password),
            "created_at": new.created_at,
            "expires_at": new.until,
            "last_used_at": None,
            "revoked_at": None,
        }
        tx.execute(insert(application_password), row)
        return identifier, password

    def digest(self, account_id: str, password: str) -> str:
        """Return what is kept of a password to recognise it, dashes and letter case aside."""
        return hmac.digest(self._key, f"{account_id}\0{_plain(password)}".encode("utf-8", "replace"), "sha256").hex()

    def find(self, tx: Transaction, account_id: str, password: str, now: datetime) -> ApplicationPassword | None:
        """Return the one in force that this is, if any."""
        sought = {"account_id": account_id, "now": now, "digest": self.digest(account_id, password)}
        row = tx.execute(_BY_DIGEST, sought).one_or_none()
        return None if row is None else _read(row)

    def in_force(self, tx: Transaction, account_id: str, now: datetime) -> list[tuple[str, Scope, bytes]]:
        """Return id, scope and sealed SCRAM keys of those in force."""
        rows = tx.execute(_SECRETS, {"account_id": account_id, "now": now})
        return [(row.id, Scope(row.scope), row.scram) for row in rows]


def application_passwords_of(tx: Transaction, account_id: str) -> list[ApplicationPassword]:
    """List those of an account, revoked and expired ones included, oldest first."""
    rows = tx.execute(_OF_ACCOUNT, {"account_id": account_id})
    return [_read(row) for row in rows]


def note_use(tx: Transaction, identifier: str, now: datetime) -> None:
    """Remember when it was last used."""
    tx.execute(_USED, {"one": identifier, "now": now})


def revoke(tx: Transaction, account_id: str, identifier: str, now: datetime) -> bool:
    """Revoke one; False when the account has none of this id in force. Sessions that are open go on."""
    return tx.execute(_REVOKE, {"one": identifier, "holder": account_id, "now": now}).rowcount == 1


def _read(row: Row[Any]) -> ApplicationPassword:
    return ApplicationPassword(
        id=row.id,
        label=row.label,
        scope=Scope(row.scope),
        created_at=row.created_at,
        expires_at=row.expires_at,
        last_used_at=row.last_used_at,
        revoked_at=row.revoked_at,
    )


def _mint() -> str:
    groups = ("".join(secrets.choice(ALPHABET) for _ in range(GROUP)) for _ in range(GROUPS))
    return "-".join(("vm", *groups))


def _plain(password: str) -> str:
    return _SEPARATORS.sub("", password).lower()
