"""Time-based one-time codes (RFC 6238): 6 digits, 30 seconds, HMAC-SHA-1, as every phone application expects.

A code is accepted for its own step and one step on either side, once: the last step accepted is kept, and only a
later one passes (RFC 6238 §5.2). The secret is sealed under the instance key and bound to its account.
"""

import base64
import os
from datetime import datetime
from urllib.parse import quote, urlencode

from cryptography.hazmat.primitives.constant_time import bytes_eq
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.hotp import HOTP
from sqlalchemy import bindparam, delete, insert, select, update

from access_core.tables import totp_credential
from vaguemestre.kernel.database import Transaction
from vaguemestre.kernel.keys import InstanceKey

SECRET_BYTES = 20
STEP_S = 30
DIGITS = 6
DRIFT_STEPS = 1
NEVER = -1

_FORGET = delete(totp_credential).where(totp_credential.c.account_id == bindparam("account_id"))
_KEEP = insert(totp_credential)
_LOAD = select(totp_credential.c.sealed, totp_credential.c.last_step).where(
    totp_credential.c.account_id == bindparam("account_id")
)
_ACCEPT = (
    update(totp_credential)
    .where(totp_credential.c.account_id == bindparam("holder"), totp_credential.c.last_step < bindparam("step"))
    .values(last_step=bindparam("step"))
)


def new_secret() -> str:
    """Return a fresh secret of 160 bits in base32, as the phone application takes it."""
    return base64.b32encode(os.urandom(SECRET_BYTES)).decode()


def seal_secret(instance_key: InstanceKey, account_id: str, secret: str) -> bytes:
    """Seal a base32 secret for the account that it belongs to."""
    return instance_key.seal(base64.b32decode(secret), _context(account_id))


def provisioning_uri(secret: str, login: str, issuer: str) -> str:
    """Return the `otpauth:` URI that a QR code shows to the phone application."""
    parameters = urlencode({"secret": secret, "issuer": issuer, "digits": DIGITS, "period": STEP_S}, quote_via=quote)
    return f"otpauth://totp/{quote(issuer)}:{quote(login)}?{parameters}"


def code_at(secret: str, instant: datetime) -> str:
    """Return the code that the phone application shows at an instant (commands that show a demonstration)."""
    return _hotp(base64.b32decode(secret)).generate(step_at(instant)).decode()


def step_at(instant: datetime) -> int:
    """Return the number of whole 30-second steps since 1970."""
    return int(instant.timestamp()) // STEP_S


def matching_step(secret: bytes, code: str, now: datetime) -> int | None:
    """Return the step within one of NOW that gives CODE, the latest first; None when no step does."""
    presented = "".join(code.split()).encode("utf-8", "replace")
    present = step_at(now)
    hotp = _hotp(secret)
    found = None
    for step in range(max(0, present - DRIFT_STEPS), present + DRIFT_STEPS + 1):
        if bytes_eq(hotp.generate(step), presented):
            found = step
    return found


def keep_totp(tx: Transaction, account_id: str, sealed: bytes, *, enrolled_at: datetime) -> None:
    """Replace the second factor of an account by a secret that `seal_secret` sealed for it."""
    tx.execute(_FORGET, {"account_id": account_id})
    row = {"account_id": account_id, "sealed": sealed, "last_step": NEVER, "enrolled_at": enrolled_at}
    tx.execute(_KEEP, row)


def has_totp(tx: Transaction, account_id: str) -> bool:
    """Tell whether the account has a second factor."""
    return tx.execute(_LOAD, {"account_id": account_id}).first() is not None


def accept_code(tx: Transaction, instance_key: InstanceKey, account_id: str, code: str, *, now: datetime) -> bool:
    """Accept a code at most once; False for a wrong, late or used one, and for an account without second factor.

    Raises:
        IntegrityError: the sealed secret is not this account's, or not this instance's.
    """
    row = tx.execute(_LOAD, {"account_id": account_id}).one_or_none()
    if row is None:
        return False
    step = matching_step(instance_key.open(row.sealed, _context(account_id)), code, now)
    # Only one of two sessions that present the same code moves the last step forward.
    return step is not None and tx.execute(_ACCEPT, {"holder": account_id, "step": step}).rowcount == 1


def _context(account_id: str) -> bytes:
    return b"vaguemestre/totp/v1\0" + account_id.encode()


def _hotp(secret: bytes) -> HOTP:
    return HOTP(secret, DIGITS, SHA1())  # noqa: S303  RFC 4226 fixes HMAC-SHA-1
