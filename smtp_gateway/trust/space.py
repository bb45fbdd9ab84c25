"""The trust space in force: the whitelist as last read, replaced whole when a newer one reads well."""

from datetime import datetime
from pathlib import Path

from smtp_gateway.config import TrustSettings
from smtp_gateway.trust.subjects import Subject
from smtp_gateway.trust.whitelist import Whitelist, load_whitelist
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
        self._read_at = _changed_at(settings.whitelist)
        self.whitelist: Whitelist = self._load()

    def reload(self) -> bool:
        """Read the list again; one that does not read leaves the old one in force. Returns whether it was read."""
        try:
            self.whitelist = self._load()
        except ConfigurationError as error:
            log.warning("whitelist_not_reloaded", error=error)
            return False
        log.info("whitelist_reloaded", count=len(self.whitelist.subjects))
        return True

    def follow(self) -> bool:
        """Read the list again if its file was replaced since (by `trust refresh` in another process)."""
        changed_at = _changed_at(self._settings.whitelist)
        if changed_at == self._read_at:
            return False
        self._read_at = changed_at
        return self.reload()

    def domains_of(self, subject: Subject) -> frozenset[str]:
        """Return the domains that a certificate speaks for, empty for a stranger."""
        return self.whitelist.domains_of(subject)

    def lists(self, domain: str) -> bool:
        """Tell whether a domain belongs to the trust space."""
        return self.whitelist.lists(domain)

    def is_stale(self, now: datetime) -> bool:
        """Tell whether the list is too old to be used (setting `max_age_s`)."""
        limit = self._settings.max_age_s
        return limit > 0 and (now - self.whitelist.generated_at).total_seconds() > limit

    def _load(self) -> Whitelist:
        return load_whitelist(self._settings.whitelist, max_bytes=self._settings.max_bytes)


def _changed_at(path: Path) -> int:
    """Return when the file was last replaced, 0 when it is not there."""
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0
