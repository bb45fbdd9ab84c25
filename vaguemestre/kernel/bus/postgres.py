"""The bus of several machines: LISTEN/NOTIFY on the PostgreSQL catalogue.

One connection listens in a thread of its own, one publishes. A lost connection is opened again; wake-ups of
the gap are lost, which a bus may do.
"""

import contextlib
import threading
import time
from collections.abc import Iterable

import psycopg
from sqlalchemy.engine import make_url

from vaguemestre.kernel.bus.contract import Callback, Subscriptions
from vaguemestre.kernel.log import get_logger

CHANNEL = "vaguemestre"
PAYLOAD_BYTES = 7_000  # PostgreSQL allows 8000
LISTEN_TICK_S = 1.0
RECONNECT_S = 1.0
log = get_logger(__name__)


class PostgresBus:
    """Wake-ups among all processes on one PostgreSQL catalogue."""

    def __init__(self, url: str) -> None:
        self._conninfo = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
        self._subscriptions = Subscriptions()
        self._publishing: psycopg.Connection | None = None
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._listening = threading.Event()
        self._thread: threading.Thread | None = None

    def publish(self, topics: Iterable[str]) -> None:
        """Wake the subscribers of TOPICS in every process, this one too."""
        topics = tuple(topics)
        self._subscriptions.wake_from_thread(topics)
        with self._lock:
            try:
                if self._publishing is None:
                    self._publishing = psycopg.connect(self._conninfo, autocommit=True)
                for payload in _payloads(topics):
                    self._publishing.execute("SELECT pg_notify(%s, %s)", (CHANNEL, payload))
            except psycopg.Error as error:
                log.warning("bus_publish_failed", error=error)
                self._close_publishing()

    def subscribe(self, topic: str, callback: Callback) -> Callback:
        """Have CALLBACK run on the event loop at each wake-up of TOPIC; returns the function that ends it."""
        return self._subscriptions.add(topic, callback)

    async def start(self) -> None:
        """Begin to listen; returns once the server knows that we do."""
        loop = self._subscriptions.attach()
        self._thread = threading.Thread(target=self._listen, name="bus-listener", daemon=True)
        self._thread.start()
        await loop.run_in_executor(None, self._listening.wait, 10)

    async def close(self) -> None:
        """Stop listening and close both connections."""
        loop = self._subscriptions.attach()
        self._subscriptions.detach()
        self._stopping.set()
        if self._thread is not None:
            await loop.run_in_executor(None, self._thread.join)
        with self._lock:
            self._close_publishing()

    def _listen(self) -> None:
        while not self._stopping.is_set():
            try:
                self._listen_once()
            except psycopg.Error as error:
                log.warning("bus_listen_failed", error=error)
                time.sleep(RECONNECT_S)

    def _listen_once(self) -> None:
        with psycopg.connect(self._conninfo, autocommit=True) as connection:
            connection.execute(f"LISTEN {CHANNEL}")
            self._listening.set()
            while not self._stopping.is_set():
                for notification in connection.notifies(timeout=LISTEN_TICK_S, stop_after=1):
                    self._subscriptions.wake_from_thread(notification.payload.split("\n"))

    def _close_publishing(self) -> None:
        if self._publishing is not None:
            with contextlib.suppress(psycopg.Error):
                self._publishing.close()
            self._publishing = None


def _payloads(topics: Iterable[str]) -> Iterable[str]:
    """Join topics by line feeds into payloads that NOTIFY accepts."""
    parts: list[str] = []
    size = 0
    for topic in topics:
        if parts and size + len(topic) + 1 > PAYLOAD_BYTES:
            yield "\n".join(parts)
            parts, size = [], 0
        parts.append(topic)
        size += len(topic) + 1
    if parts:
        yield "\n".join(parts)
