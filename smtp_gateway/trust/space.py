"""The trust space in force: the whitelist as last read, replaced whole when a newer one reads well."""

from datetime import datetime
from pathlib import Path

from smtp_gateway.config import TrustSettings
from smtp_gateway.trust.admission import load_list
from smtp_gateway.trust.freshness import ListState, age_s, state_path, stop_age_s
from smtp_gateway.trust.subjects import Subject
from smtp_gateway.trust.whitelist import Whitelist
from vaguemestre.kernel.errors import ConfigurationError
from vaguemestre.kernel.log import get_logger

log = get_logger(__name__)


class TrustSpace:
    """Who belongs to the trust space, now.

    Raises:
        ConfigurationError: the list cannot be read; nothing can be trusted then.
    """

    def __init__(self, settings: TrustSettings) -> None:
        self._settings = settings
        self._read_at = self._changed_at()
        self._state = ListState.read(settings)
        self.whitelist: Whitelist = load_list(settings)

    def reload(self) -> bool:
        """Read the list again; one that does not read leaves the old one in force. Returns whether it was read."""
        try:
            self.whitelist = load_list(self._settings)
            self._state = ListState.read(self._settings)
        except ConfigurationError as error:
            log.warning("whitelist_not_reloaded", error=error)
            return False
        log.info("whitelist_reloaded", count=len(self.whitelist.subjects))
        return True

    def follow(self) -> bool:
        """Read the list again if its file was replaced since (by `trust refresh` in another process).

        Its publisher may also have confirmed it without a change; that is noted too.
        """
        before, self._read_at = self._read_at, self._changed_at()
        if self._read_at == before:
            return False
        if self._read_at[0] != before[0]:
            return self.reload()
        self._state = ListState.read(self._settings)
        return False

    def domains_of(self, subject: Subject) -> frozenset[str]:
        """Return the domains that a certificate speaks for, empty for a stranger."""
        return self.whitelist.domains_of(subject)

    def lists(self, domain: str) -> bool:
        """Tell whether a domain belongs to the trust space."""
        return self.whitelist.lists(domain)

    def age_s(self, now: datetime) -> float:
        """Return for how long nobody confirmed the list, seconds."""
        return age_s(self.whitelist, self._state, now)

    def is_stale(self, now: datetime) -> bool:
        """Tell whether the list is too old to be used (setting `max_age_s`)."""
        limit = stop_age_s(self._settings)
        return limit is not None and self.age_s(now) > limit

    def _changed_at(self) -> tuple[int, int]:
        return _changed_at(self._settings.whitelist), _changed_at(state_path(self._settings))


def _changed_at(path: Path) -> int:
    """Return when the file was last replaced, 0 when it is not there."""
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0
