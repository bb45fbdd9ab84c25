"""Messages held for a while without being in anybody's mailbox, such as those that wait to leave.

They lie in a mailbox of the instance itself, which has a key of its own like any other: a held message is sealed as
every message is, and goes when it is released and nobody else has it.
"""

import contextlib
from datetime import datetime

from sqlalchemy import bindparam, delete, select

from mailstore.folders import folder_named
from mailstore.keyring import Keyring
from mailstore.mailboxes import create_mailbox
from mailstore.model import HOLDER, INBOX, Delivery
from mailstore.tables import entry, mailbox
from mailstore.transfer import note_orphans
from vaguemestre.kernel.database import Transaction
from vaguemestre.kernel.errors import PermanentFailure

_exists = select(mailbox.c.id).where(mailbox.c.id == bindparam("owner"))
_held = select(entry.c.message_id).where(entry.c.folder_id == bindparam("place"), entry.c.uid == bindparam("held_uid"))
_delete = delete(entry).where(entry.c.folder_id == bindparam("place"), entry.c.uid == bindparam("held_uid"))


def holding_place(tx: Transaction, *, keyring: Keyring, now: datetime) -> Delivery:
    """Return the place that holds, made on first use."""
    if tx.execute(_exists, {"owner": HOLDER}).scalar() is None:
        with contextlib.suppress(PermanentFailure):  # another process made it meanwhile
            create_mailbox(tx, HOLDER, keyring=keyring, now=now)
    return Delivery(mailbox_id=HOLDER, internal_date=now)


def release(tx: Transaction, uid: int) -> bool:
    """Let go of a held message; returns whether it was held. Nobody follows this mailbox: no tombstone is left."""
    place = folder_named(tx, HOLDER, INBOX)
    if place is None:
        return False
    here = {"place": place.id, "held_uid": uid}
    message_id = tx.execute(_held, here).scalar()
    if message_id is None:
        return False
    tx.execute(_delete, here)
    note_orphans(tx, {message_id})
    return True
