"""How old the list in force is: since it was made, or since its publisher last confirmed it, the later of both.

What the publisher said is kept beside the list (`whitelist.xml.state`), so that every process counts alike. Past
`warn_age_s` the list warns, past `max_age_s` it is used no more. Source: domain note §3.4.
"""

import json
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from smtp_gateway.config import TrustSettings
from smtp_gateway.trust.whitelist import Whitelist
from vaguemestre.kernel.files import replace_file

STOP_AGE_S = 259_200.0
"""72 hours, of a list that is fetched."""


@dataclass(frozen=True, slots=True)
class ListState:
    """What is known of the list in force beside the list."""

    url: str | None = None
    """Where it was fetched; None: somebody gave it."""
    etag: str | None = None
    modified: str | None = None
    confirmed_at: datetime | None = None
    """When its publisher last gave it or said that it did not change."""

    @classmethod
    def read(cls, settings: TrustSettings) -> "ListState":
        """Read what was kept; nothing when the file is absent or broken."""
        try:
            kept = json.loads(state_path(settings).read_bytes())
            at = kept.get("confirmed_at")
            moment = datetime.fromisoformat(at) if isinstance(at, str) else None
            return cls(kept.get("url"), kept.get("etag"), kept.get("modified"), moment)
        except (OSError, ValueError, AttributeError):
            return cls()

    def write(self, settings: TrustSettings) -> None:
        """Keep it beside the list."""
        kept = {"url": self.url, "etag": self.etag, "modified": self.modified}
        at = self.confirmed_at.isoformat() if self.confirmed_at else None
        replace_file(state_path(settings), json.dumps(kept | {"confirmed_at": at}).encode())

    def confirmed(self, now: datetime) -> "ListState":
        """Return the state once the publisher said that the list did not change."""
        return replace(self, confirmed_at=now)

    def conditions(self, url: str) -> dict[str, str]:
        """Return the header fields that ask for the list only if it changed since it was taken."""
        if self.url != url:
            return {}
        fields = {"If-None-Match": self.etag, "If-Modified-Since": self.modified}
        return {name: value for name, value in fields.items() if isinstance(value, str)}


def state_path(settings: TrustSettings) -> Path:
    """Return where the state lies."""
    return settings.whitelist.with_name(settings.whitelist.name + ".state")


def age_s(whitelist: Whitelist, state: ListState, now: datetime) -> float:
    """Return how old the list is, seconds."""
    since = max(whitelist.generated_at, state.confirmed_at or whitelist.generated_at)
    return (now - since).total_seconds()


def stop_age_s(settings: TrustSettings) -> float | None:
    """Return the age from which the list is not used, None for never."""
    if settings.max_age_s is not None:
        return settings.max_age_s or None
    return STOP_AGE_S if settings.url is not None else None
