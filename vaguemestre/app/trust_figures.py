"""The whitelist on `/metrics`: how old it is, how much it holds."""

from datetime import datetime

from prometheus_client import Gauge

from smtp_gateway.trust.space import TrustSpace


class TrustFigures:
    """Gauges of one process; the last written counts."""

    _age = Gauge(
        "vaguemestre_whitelist_age_seconds",
        "Time since the whitelist was made or last confirmed.",
        multiprocess_mode="livemostrecent",
    )
    _domains = Gauge(
        "vaguemestre_whitelist_domains", "Domains on the whitelist in force.", multiprocess_mode="livemostrecent"
    )
    _stale = Gauge(
        "vaguemestre_whitelist_stale",
        "1 when the whitelist is too old to be used.",
        multiprocess_mode="livemostrecent",
    )

    def show(self, trust: TrustSpace, now: datetime) -> None:
        """Take the figures of the list in force."""
        self._age.set(trust.age_s(now))
        self._domains.set(len(trust.whitelist.subjects))
        self._stale.set(trust.is_stale(now))
