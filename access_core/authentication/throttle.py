"""The brake on guessing: each failure beyond a few makes the next attempt wait twice as long.

The state is in the catalogue, so that it holds for all processes and restarts. Keys are HMACs: the table names
neither logins that do not exist (people type passwords there) nor addresses.
"""

import hashlib
import hmac
import ipaddress
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import bindparam, delete, func, select, update

from access_core.config import AuthenticationSettings
from access_core.tables import sign_in_failure
from vaguemestre.kernel.database import Transaction, insert_ignoring
from vaguemestre.kernel.keys import InstanceKey

IPV6_PREFIX = 64  # what one subscriber holds

_BLOCKED = select(func.max(sign_in_failure.c.blocked_until)).where(
    sign_in_failure.c.key.in_(bindparam("keys", expanding=True))
)
_LOCKED = (
    select(sign_in_failure.c.failures, sign_in_failure.c.last_at)
    .where(sign_in_failure.c.key == bindparam("one"))
    .with_for_update()
)
_COUNT = (
    update(sign_in_failure)
    .where(sign_in_failure.c.key == bindparam("one"))
    .values(failures=bindparam("count"), last_at=bindparam("now"), blocked_until=bindparam("until"))
)
_FORGET = delete(sign_in_failure).where(sign_in_failure.c.key == bindparam("one"))
_FORGET_OLD = delete(sign_in_failure).where(sign_in_failure.c.last_at < bindparam("before"))


@dataclass(frozen=True, slots=True)
class Brake:
    """One counter: whom it counts, and after how many failures it starts to slow down."""

    key: str
    free_failures: int


class Throttle:
    """Counts failures and says how long to wait."""

    def __init__(self, instance_key: InstanceKey, settings: AuthenticationSettings) -> None:
        self._key = instance_key.derive("vaguemestre/sign-in-failures/v1")
        self._settings = settings

    def of_login(self, login: str, kind: str = "login") -> Brake:
        """Return a counter of a canonical login, whether such an account exists or not; one for each kind of proof."""
        return Brake(self._hidden(kind, login), self._settings.account_failures)

    def of_peer(self, peer: str) -> Brake:
        """Return the counter of the address that the connection comes from."""
        return Brake(self._hidden("peer", network_of(peer)), self._settings.peer_failures)

    def of_factor(self, account_id: str) -> Brake:
        """Return the counter of an account's second factor."""
        return Brake(self._hidden("factor", account_id), self._settings.account_failures)

    def waiting_time(self, tx: Transaction, brakes: tuple[Brake, ...], now: datetime) -> timedelta:
        """Return how long the next attempt has to wait; zero when it need not."""
        until = tx.execute(_BLOCKED, {"keys": [brake.key for brake in brakes]}).scalar_one()
        return max(until - now, timedelta(0)) if until is not None else timedelta(0)

    def count(self, tx: Transaction, brake: Brake, now: datetime) -> None:
        """Record a failure."""
        row = {"key": brake.key, "failures": 0, "last_at": now, "blocked_until": now}
        tx.execute(_FORGET_OLD, {"before": now - timedelta(seconds=self._settings.forget_after_s)})
        insert_ignoring(tx, sign_in_failure, row)
        failures = tx.execute(_LOCKED, {"one": brake.key}).scalar_one() + 1
        until = now + self._delay(failures - brake.free_failures)
        tx.execute(_COUNT, {"one": brake.key, "count": failures, "now": now, "until": until})

    def forget(self, tx: Transaction, brake: Brake) -> None:
        """Forget the failures after a success."""
        tx.execute(_FORGET, {"one": brake.key})

    def _delay(self, excess: int) -> timedelta:
        if excess < 0:
            return timedelta(0)
        return timedelta(
            seconds=min(self._settings.first_delay_s * 2 ** min(excess, 20), self._settings.longest_delay_s)
        )

    def _hidden(self, kind: str, text: str) -> str:
        return hmac.digest(self._key, f"{kind}\0{text}".encode("utf-8", "replace"), hashlib.sha256).hex()


def network_of(peer: str) -> str:
    """Return the address, or for IPv6 its /64; anything else as it is ("local")."""
    try:
        address = ipaddress.ip_address(peer)
    except ValueError:
        return peer
    if address.version == 4:
        return str(address)
    return str(address.ipv4_mapped or ipaddress.ip_network((address, IPV6_PREFIX), strict=False))
