"""What a professional mailbox wants done with the plain files that it sends to patients: filed under a type, or not.

The choice stands until it is changed; a message can say otherwise (`plain_files.py`).
"""

from datetime import datetime

from sqlalchemy import bindparam, delete, insert, select

from dmp_bridge.tables import mailbox_filing
from vaguemestre.kernel.database import Transaction

_CHOICE = select(mailbox_filing.c.type_code).where(mailbox_filing.c.account_id == bindparam("account"))
_FORGET = delete(mailbox_filing).where(mailbox_filing.c.account_id == bindparam("account"))


def choose_filing(tx: Transaction, account_id: str, type_code: str | None, *, now: datetime) -> None:
    """File the plain files of a mailbox under TYPE_CODE from now on; None: file them no more."""
    tx.execute(_FORGET, {"account": account_id})
    if type_code is not None:
        tx.execute(insert(mailbox_filing), {"account_id": account_id, "type_code": type_code, "since": now})


def filing_choice(tx: Transaction, account_id: str) -> str | None:
    """Return the type under which the plain files of a mailbox are filed, None when they are not."""
    found = tx.execute(_CHOICE, {"account": account_id}).one_or_none()
    return None if found is None else str(found.type_code)
