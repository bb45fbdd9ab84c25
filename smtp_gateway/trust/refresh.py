"""The published list fetched again: only what changed, only what makes sense, put in place whole.

A list that fails a check leaves the last good one in force, and the refresh says why. Source: domain note §3.4.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from smtp_gateway.config import TrustSettings
from smtp_gateway.trust.admission import admit_list, load_list
from smtp_gateway.trust.freshness import ListState, age_s
from smtp_gateway.trust.whitelist import Whitelist
from vaguemestre.kernel.errors import ConfigurationError, ProtocolError, TemporaryFailure
from vaguemestre.kernel.fetch import Fetched, Request, fetch
from vaguemestre.kernel.files import replace_file
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
        ConfigurationError: no address is set, or nothing says who may sign.
        TemporaryFailure: the list cannot be fetched; the one in force stays.
    """
    current = _current(settings)
    state = ListState.read(settings)
    _warn_of_age(settings, state, current, now)
    try:
        fetched = _fetch(settings, state, conditional=current is not None)
        if fetched is None:
            state.confirmed(now).write(settings)
            return Refreshed(Outcome.UNCHANGED, current.generated_at if current else None)
        fresh = admit_list(fetched.data, settings, now)
    except ProtocolError as error:
        log.warning("whitelist_rejected", error=error)
        return Refreshed(Outcome.REJECTED, reason=f"illisible ou mal signée ({error})")
    reason = check_list(fresh, current, now, settings.keep_ratio)
    if reason is not None:
        log.warning("whitelist_rejected", reason=reason)
        return Refreshed(Outcome.REJECTED, fresh.generated_at, len(fresh.subjects), reason)
    replace_file(settings.whitelist, fetched.data)
    ListState(settings.url, fetched.etag, fetched.modified, now).write(settings)
    log.info("whitelist_replaced", count=len(fresh.subjects))
    return Refreshed(Outcome.REPLACED, fresh.generated_at, len(fresh.subjects))


def load_by_hand(data: bytes, settings: TrustSettings, now: datetime) -> Whitelist:
    """Put a list in place that somebody gives; one that is older or smaller is the operator's choice.

    Raises:
        ProtocolError: it does not read, or is not signed as wanted.
        ConfigurationError: it is empty, or nothing says who may sign.
    """
    fresh = admit_list(data, settings, now)
    reason = check_list(fresh, None, now, settings.keep_ratio)
    if reason is not None:
        raise ConfigurationError(f"liste refusée : {reason}")
    replace_file(settings.whitelist, data)
    ListState(confirmed_at=now).write(settings)
    return fresh


def _current(settings: TrustSettings) -> Whitelist | None:
    try:
        return load_list(settings)
    except ConfigurationError:
        return None


def _warn_of_age(settings: TrustSettings, state: ListState, current: Whitelist | None, now: datetime) -> None:
    if current is None:
        return
    age = age_s(current, state, now)
    if 0 < settings.warn_age_s < age:
        log.warning("whitelist_old", delay_s=int(age))


def _fetch(settings: TrustSettings, state: ListState, *, conditional: bool) -> Fetched | None:
    """Return the list, None when it did not change."""
    if settings.url is None:
        raise ConfigurationError("trust.url : donnez l'adresse https de la liste blanche")
    request = Request(
        url=settings.url,
        timeout_s=settings.fetch_timeout_s,
        max_bytes=settings.max_bytes,
        authority=settings.authority,
        headers=state.conditions(settings.url) if conditional else {},
    )
    try:
        return fetch(request)
    except ConfigurationError as error:
        raise ConfigurationError(f"trust.url ou trust.authority : {error}") from None
    except TemporaryFailure as error:
        raise TemporaryFailure(f"whitelist: {error}") from None
