"""The published list fetched again: only what changed, only what makes sense, put in place whole.

A list that fails a check leaves the last good one in force, and the refresh says why. Source: domain note §3.4.
"""

import json
import os
import ssl
import urllib.error
import urllib.request
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path

from smtp_gateway.config import TrustSettings
from smtp_gateway.trust.whitelist import Whitelist, load_whitelist, parse_whitelist
from vaguemestre.kernel.errors import ConfigurationError, ProtocolError, TemporaryFailure
from vaguemestre.kernel.log import get_logger

FUTURE = timedelta(minutes=5)
log = get_logger(__name__)


class Outcome(StrEnum):
    """What a refresh came to."""

    REPLACED = "replaced"
    UNCHANGED = "unchanged"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class Refreshed:
    """What a refresh did; REASON says why a list was not taken."""

    outcome: Outcome
    generated_at: datetime | None = None
    domains: int = 0
    reason: str | None = None


@dataclass(frozen=True, slots=True, repr=False)
class _Fetched:
    data: bytes
    etag: str | None
    modified: str | None


def check_list(fresh: Whitelist, current: Whitelist | None, now: datetime, keep_ratio: float) -> str | None:
    """Say why a list must not replace the one in force, None when it may. Pure."""
    if fresh.generated_at > now + FUTURE:
        return "générée dans le futur"
    if not fresh.subjects:
        return "vide"
    if current is None:
        return None
    if fresh.generated_at < current.generated_at:
        return "plus ancienne que la liste en vigueur"
    if len(fresh.subjects) < keep_ratio * len(current.subjects):
        return "trop de domaines ont disparu"
    return None


def refresh(settings: TrustSettings, now: datetime) -> Refreshed:
    """Fetch the list if it changed and put it in place if it may be.

    Raises:
        ConfigurationError: no address is set.
        TemporaryFailure: the list cannot be fetched; the one in force stays.
    """
    current = _current(settings)
    _warn_of_age(settings, current, now)
    fetched = _fetch(settings, conditional=current is not None)
    if fetched is None:
        return Refreshed(Outcome.UNCHANGED, current.generated_at if current else None)
    try:
        fresh = parse_whitelist(fetched.data, max_bytes=settings.max_bytes)
        reason = check_list(fresh, current, now, settings.keep_ratio)
    except ProtocolError as error:
        log.warning("whitelist_rejected", error=error)
        return Refreshed(Outcome.REJECTED, reason="illisible")
    if reason is not None:
        log.warning("whitelist_rejected", reason=reason)
        return Refreshed(Outcome.REJECTED, fresh.generated_at, len(fresh.subjects), reason)
    replace_file(settings.whitelist, fetched.data)
    state = json.dumps({"url": settings.url, "etag": fetched.etag, "modified": fetched.modified})
    replace_file(_state_path(settings), state.encode())
    log.info("whitelist_replaced", count=len(fresh.subjects))
    return Refreshed(Outcome.REPLACED, fresh.generated_at, len(fresh.subjects))


def replace_file(path: Path, data: bytes) -> None:
    """Put DATA in place of PATH, whole or not at all."""
    fresh = path.with_name(path.name + ".new")
    with fresh.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


def _current(settings: TrustSettings) -> Whitelist | None:
    try:
        return load_whitelist(settings.whitelist, max_bytes=settings.max_bytes)
    except ConfigurationError:
        return None


def _warn_of_age(settings: TrustSettings, current: Whitelist | None, now: datetime) -> None:
    if current is not None and 0 < settings.warn_age_s < (now - current.generated_at).total_seconds():
        log.warning("whitelist_old", delay_s=int((now - current.generated_at).total_seconds()))


def _state_path(settings: TrustSettings) -> Path:
    return settings.whitelist.with_name(settings.whitelist.name + ".state")


def _conditions(settings: TrustSettings) -> dict[str, str]:
    """Return the header fields that ask for the list only if it changed since it was taken."""
    try:
        state = json.loads(_state_path(settings).read_bytes())
    except (OSError, ValueError):
        return {}
    if not isinstance(state, dict) or state.get("url") != settings.url:
        return {}
    fields = {"If-None-Match": state.get("etag"), "If-Modified-Since": state.get("modified")}
    return {name: value for name, value in fields.items() if isinstance(value, str)}


def _fetch(settings: TrustSettings, *, conditional: bool) -> _Fetched | None:
    """Return the list, None when it did not change."""
    if settings.url is None or not settings.url.startswith("https://"):
        raise ConfigurationError("trust.url : donnez l'adresse https de la liste blanche")
    try:
        context = ssl.create_default_context(cafile=settings.authority)
    except (OSError, ssl.SSLError):
        raise ConfigurationError("trust.authority : fichier d'autorités illisible") from None
    request = urllib.request.Request(settings.url, headers=_conditions(settings) if conditional else {})  # noqa: S310 - https, checked above
    try:
        with urllib.request.urlopen(request, timeout=settings.fetch_timeout_s, context=context) as answer:  # noqa: S310
            data = answer.read(settings.max_bytes + 1)
            return _Fetched(data, answer.headers.get("ETag"), answer.headers.get("Last-Modified"))
    except urllib.error.HTTPError as error:
        with error:
            if error.code == 304:
                return None
        raise TemporaryFailure(f"whitelist: the server answers {error.code}") from None
    except OSError as error:
        raise TemporaryFailure(f"whitelist: cannot be fetched ({type(error).__name__})") from None
