"""The secret of minors: what a minor and a professional agreed to keep from her legal representatives (R1111-50).

While an agreement stands, whatever this professional files for her is hidden from her representatives, or refused
when she wants no mention at all (R1111-33); he writes nothing to her mailbox, which they read. Only she ends it.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import bindparam, select, update

from access_core.tables import minor_secret
from vaguemestre.kernel.database import Transaction, insert_ignoring


class SecretKind(StrEnum):
    """Hidden from her representatives; or not to be mentioned at all."""

    CACHER = "cacher"
    TAIRE = "taire"


@dataclass(frozen=True, slots=True)
class Secret:
    """An agreement; `lifted_at`: when the minor ended it."""

    kind: SecretKind
    agreed_at: datetime
    lifted_at: datetime | None

    @property
    def stands(self) -> bool:
        """Whether it was not ended, whatever the clock says."""
        return self.lifted_at is None


_THIS = (minor_secret.c.profile_id == bindparam("minor")) & (
    minor_secret.c.professional_id == bindparam("professional")
)
_ONE = select(minor_secret.c.kind, minor_secret.c.agreed_at, minor_secret.c.lifted_at).where(_THIS)
_AGREE_AGAIN = (
    update(minor_secret).where(_THIS).values(kind=bindparam("what"), agreed_at=bindparam("now"), lifted_at=None)
)
_LIFT = update(minor_secret).where(_THIS, minor_secret.c.lifted_at.is_(None)).values(lifted_at=bindparam("now"))


def secret_of(tx: Transaction, profile_id: str, professional_id: str) -> Secret | None:
    """Return the agreement between a minor and a professional, ended or not."""
    row = tx.execute(_ONE, {"minor": profile_id, "professional": professional_id}).one_or_none()
    return None if row is None else Secret(SecretKind(row.kind), row.agreed_at, row.lifted_at)


def agree(tx: Transaction, profile_id: str, professional_id: str, kind: SecretKind, *, now: datetime) -> None:
    """Record an agreement; agreeing again replaces its kind."""
    row = {"profile_id": profile_id, "professional_id": professional_id, "kind": kind, "agreed_at": now}
    if not insert_ignoring(tx, minor_secret, {**row, "lifted_at": None}):
        keys = {"minor": profile_id, "professional": professional_id}
        tx.execute(_AGREE_AGAIN, {**keys, "what": kind, "now": now})


def lift(tx: Transaction, profile_id: str, professional_id: str, *, now: datetime) -> bool:
    """End an agreement; returns whether one stood."""
    keys = {"minor": profile_id, "professional": professional_id}
    return tx.execute(_LIFT, {**keys, "now": now}).rowcount == 1
