"""Time as a value that is passed in, so that rules with delays are tested without waiting."""

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Where the time comes from."""

    def now(self) -> datetime:
        """Return the present instant, aware, in UTC."""

    def monotonic(self) -> float:
        """Return seconds that never go backwards."""


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Return the present instant, aware, in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return seconds that never go backwards."""
        return time.monotonic()


class ManualClock:
    """A clock that moves only when told to."""

    def __init__(self, start: datetime) -> None:
        self._now = start.astimezone(UTC)
        self._seconds = 0.0

    def now(self) -> datetime:
        """Return the instant that the clock was set to, aware, in UTC."""
        return self._now

    def monotonic(self) -> float:
        """Return the seconds by which the clock was advanced since it was made."""
        return self._seconds

    def advance(self, step: timedelta) -> None:
        """Move forward by STEP (which may be negative for a wall clock that jumps back)."""
        self._now += step
        self._seconds += max(0.0, step.total_seconds())
