"""`/metrics`, `/healthz` and `/readyz` over plain HTTP, on loopback only.

Served by a thread of the supervisor. The figures come from files that the role processes write
(prometheus_client's multi-process mode); no label may hold anything about a person.
"""

import contextlib
import json
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

from vaguemestre.kernel.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client import Metric

HOST = "127.0.0.1"
REQUEST_TIMEOUT_S = 5.0


@dataclass(slots=True)
class RoleState:
    """What the supervisor knows of one role at this moment."""

    role: str
    ready: bool = False
    was_ready: bool = False
    restarts: int = 0
    ports: dict[str, int] = field(default_factory=dict)

    def became_ready(self, ports: Mapping[str, int]) -> None:
        """Note that every listener of the role accepts."""
        self.ready = self.was_ready = True
        self.ports = dict(ports)


class HealthServer:
    """The HTTP listener of the supervisor."""

    def __init__(self, port: int, states: Sequence[RoleState], metrics_folder: Path) -> None:
        self.port = port
        self._states = states
        self._metrics_folder = metrics_folder
        self._server: ThreadingHTTPServer | None = None

    def start(self) -> None:
        """Listen.

        Raises:
            ConfigurationError: the port is taken.
        """
        try:
            self._server = ThreadingHTTPServer((HOST, self.port), self._handler())
        except OSError as error:
            raise ConfigurationError(f"métriques : le port {self.port} est déjà pris ({error.strerror})") from None
        self.port = self._server.server_address[1]
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, name="health", daemon=True).start()

    def stop(self) -> None:
        """Close the listener."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def forget_process(self, pid: int) -> None:
        """Drop the live gauges of a process that ended."""
        if any(self._metrics_folder.glob(f"gauge_live*_{pid}.db")):
            from prometheus_client.multiprocess import mark_process_dead

            mark_process_dead(pid, str(self._metrics_folder))  # type: ignore[no-untyped-call]

    def answer(self, path: str) -> tuple[HTTPStatus, str, bytes]:
        """Return status, media type and body for a GET of PATH."""
        match path.partition("?")[0]:
            case "/healthz":
                return HTTPStatus.OK, "text/plain; charset=utf-8", b"ok\n"
            case "/readyz":
                roles = {state.role: state.ready for state in self._states}
                status = HTTPStatus.OK if all(roles.values()) else HTTPStatus.SERVICE_UNAVAILABLE
                return status, "application/json", json.dumps({"ready": all(roles.values()), "roles": roles}).encode()
            case "/metrics":
                return HTTPStatus.OK, "text/plain; version=0.0.4; charset=utf-8", self._figures()
            case _:
                return HTTPStatus.NOT_FOUND, "text/plain; charset=utf-8", b"not found\n"

    def _figures(self) -> bytes:
        from prometheus_client import CollectorRegistry, generate_latest
        from prometheus_client.multiprocess import MultiProcessCollector

        registry = CollectorRegistry()
        MultiProcessCollector(registry, path=str(self._metrics_folder))  # type: ignore[no-untyped-call]
        registry.register(_RoleFigures(self._states))
        return generate_latest(registry)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        answer = self.answer

        class Handler(BaseHTTPRequestHandler):
            timeout = REQUEST_TIMEOUT_S
            server_version = "vaguemestre"
            sys_version = ""

            def do_GET(self) -> None:
                status, media_type, body = answer(self.path)
                with contextlib.suppress(OSError):
                    self.send_response(status)
                    self.send_header("Content-Type", media_type)
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Keep scrapes out of the log."""

        return Handler


class _RoleFigures:
    """The supervisor's own figures, for the collector."""

    def __init__(self, states: Sequence[RoleState]) -> None:
        self._states = states

    def collect(self) -> "Iterator[Metric]":
        """Yield whether each role is up and how often it was restarted."""
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        up = GaugeMetricFamily("vaguemestre_role_up", "1 when every listener of the role accepts.", labels=["role"])
        restarts = CounterMetricFamily("vaguemestre_role_restarts", "Times the role was restarted.", labels=["role"])
        for state in self._states:
            up.add_metric([state.role], float(state.ready))
            restarts.add_metric([state.role], state.restarts)
        yield up
        yield restarts
