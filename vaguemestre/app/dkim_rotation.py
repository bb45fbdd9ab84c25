"""Rotating the keys that sign outgoing mail: two pairs at a time, one that signs and one that is being published.

First a new pair is made and its records are shown; once they are published the new pair signs and the old private
keys go, while their records stay for mail under way (the queue's lifetime and a margin). At no moment does a
signature lack its published key. Source: RFC 6376 §3.1 (selectors), §6.1.2; M3AAWG rotation practice.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import msgspec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from smtp_gateway.config import DkimSettings
from smtp_gateway.dkim_keyring import SigningState, read_state, write_state
from smtp_gateway.dkim_sign import load_signing_keys
from vaguemestre.app.dkim_keys import create_dkim_keys, public_record
from vaguemestre.kernel.errors import ConfigurationError

STAYS_PUBLISHED = timedelta(days=7)  # 5 days in the queue, and the time that a peer keeps a message before it looks
Lookup = Callable[[str], Awaitable[str | None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotation:
    """Where a rotation stands. RECORDS: DNS name to TXT value, to publish or to keep; MISSING: not found published."""

    step: str
    signing: tuple[str, ...]
    records: dict[str, str]
    missing: tuple[str, ...] = ()
    withdraw: tuple[str, ...] = ()
    withdraw_after: datetime | None = None


def prepare(settings: DkimSettings, domains: tuple[str, ...], now: datetime) -> Rotation:
    """Make the next pair, or show again the one that waits; it does not sign yet.

    Raises:
        ConfigurationError: the folder cannot be written, or today's pair exists already.
    """
    state = read_state(settings)
    if not state.next:
        stamp = now.strftime("%Y%m%d")
        made = [replace(key, selector=f"{key.selector}-{stamp}") for key in create_dkim_keys()]
        if {key.selector for key in made} & set(state.signing):
            raise ConfigurationError("DKIM : les clés ont déjà été changées aujourd'hui")
        for key in made:
            key.write(settings.key_folder)
        state = msgspec.structs.replace(state, next=tuple(key.selector for key in made))
        write_state(settings.key_folder, state)
    return Rotation(step="prepared", signing=state.signing, records=_records(settings, state.next, domains))


def activate(
    settings: DkimSettings, domains: tuple[str, ...], now: datetime, *, lookup: Lookup | None = None
) -> Rotation:
    """Let the next pair sign, once LOOKUP finds all of its records (None: they are not looked for).

    Raises:
        ConfigurationError: no pair was prepared, or the folder cannot be written.
        TemporaryFailure: DNS does not answer.
    """
    state = read_state(settings)
    if not state.next:
        raise ConfigurationError("DKIM : aucune nouvelle clé ; lancez d'abord « keys rotate --dkim »")
    records = _records(settings, state.next, domains)
    if lookup is not None:
        missing = asyncio.run(_missing(records, settings, lookup))
        if missing:
            return Rotation(step="prepared", signing=state.signing, records=records, missing=missing)
    old = state.signing
    changed = SigningState(signing=state.next, retired=old, changed_at=now.isoformat(timespec="seconds"))
    write_state(settings.key_folder, changed)
    for selector in old:
        (settings.key_folder / f"dkim-{selector}.pem").unlink(missing_ok=True)
    withdraw = tuple(_name(selector, domain) for selector in old for domain in domains)
    return Rotation(
        step="activated",
        signing=changed.signing,
        records=records,
        withdraw=withdraw,
        withdraw_after=now + STAYS_PUBLISHED,
    )


async def _missing(records: dict[str, str], settings: DkimSettings, lookup: Lookup) -> tuple[str, ...]:
    found = {name: settings.public_keys.get(name) or await lookup(name) for name in records}
    return tuple(name for name, wanted in records.items() if _bare(found[name] or "") != _bare(wanted))


def _bare(record: str) -> str:
    return "".join(record.split())


def _records(settings: DkimSettings, selectors: tuple[str, ...], domains: tuple[str, ...]) -> dict[str, str]:
    keys = {each.selector: each.key for each in load_signing_keys(settings.key_folder, selectors)}
    lost = [selector for selector in selectors if selector not in keys]
    if lost:
        raise ConfigurationError(f"DKIM : dkim-{lost[0]}.pem a disparu")
    return {
        _name(selector, domain): public_record(
            key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        )
        for selector, key in keys.items()
        for domain in domains
    }


def _name(selector: str, domain: str) -> str:
    return f"{selector}._domainkey.{domain}"
