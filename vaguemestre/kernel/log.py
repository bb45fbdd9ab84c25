"""Logs: one JSON line per event on standard error, with allow-listed keys only.

The event is a constant; facts are keys. A key that is not in ALLOWED_KEYS is dropped and counted, so that a
name, a subject or an address cannot slip into a log by mistake.
"""

import contextlib
import logging
import sys
from collections import Counter
from collections.abc import Callable, MutableMapping
from datetime import UTC, datetime
from typing import Any, TextIO, cast

import msgspec
import structlog

ALLOWED_KEYS = frozenset(
    {
        "event",
        "level",
        "timestamp",
        "role",
        "pid",
        "port",
        "host_count",
        "account_id",
        "mailbox_id",
        "profile_id",
        "message_id",
        "conversation_id",
        "document_id",
        "task_id",
        "folder_id",
        "act",
        "verdict",
        "reason",
        "code",
        "status",
        "method",
        "route",
        "size_bytes",
        "count",
        "recipients",
        "attachments",
        "duration_ms",
        "attempts",
        "delay_s",
        "seq",
        "kind",
        "key",
        "listener",
        "place",
        "error",
        "limit",
        "peer_operator",
        "state",
        "version",
        "reloaded",
        "dropped_keys",
    }
)

_encode = msgspec.json.Encoder(enc_hook=str).encode
dropped: Counter[str] = Counter()
"""How often each key that is not allowed was dropped, by key."""


def _allow_listed(_logger: object, _method: str, facts: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for key in [key for key in facts if key not in ALLOWED_KEYS]:
        dropped[key] += 1
        del facts[key]
    return facts


def _error_by_name(_logger: object, _method: str, facts: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    error = facts.get("error")
    if isinstance(error, BaseException):
        facts["error"] = type(error).__name__
    return facts


class _Output:
    """Where lines go and which role they name; loggers keep it for ever, `configure` changes what is in it."""

    def __init__(self) -> None:
        self.stream: TextIO | None = None
        self.role = "cli"
        self.observe: Callable[[str], None] | None = None

    def write(self, text: str) -> int:
        """Write a line; one that cannot be written (a full disk) is lost rather than stop the work that it tells."""
        with contextlib.suppress(OSError):
            return (self.stream or sys.stderr).write(text)
        return 0

    def flush(self) -> None:
        """Send what is buffered."""
        with contextlib.suppress(OSError):
            (self.stream or sys.stderr).flush()


_output = _Output()


def _role_and_time(_logger: object, _method: str, facts: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    facts["role"] = _output.role
    facts["timestamp"] = datetime.now(UTC)
    return facts


def _observed(_logger: object, _method: str, facts: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    if _output.observe is not None:
        _output.observe(facts["event"])
    return facts


def _as_json(_logger: object, _method: str, facts: MutableMapping[str, Any]) -> str:
    return _encode(facts).decode()


structlog.configure(
    processors=[_allow_listed, _error_by_name, structlog.processors.add_log_level, _role_and_time, _observed, _as_json],
    logger_factory=structlog.WriteLoggerFactory(cast("TextIO", _output)),
    wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
    cache_logger_on_first_use=True,
)


def configure(stream: TextIO | None = None, *, role: str = "cli") -> None:
    """Send the log of this process to STREAM (standard error, as it is then, when None), one JSON object a line."""
    _output.stream, _output.role = stream, role


def observe(callback: Callable[[str], None]) -> None:
    """Have CALLBACK called with the name of each event that is logged from now on (to count it)."""
    _output.observe = callback


def get_logger(name: str) -> Any:
    """Return the logger of a module; call it as `log.info("event_name", key=value)`."""
    return structlog.get_logger(name)
