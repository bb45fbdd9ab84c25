"""The bus of one machine: a Unix datagram socket per process, all in one folder.

A process publishes by sending the topics to every socket of the folder; a socket that nobody reads any more is
removed. A process in which nobody subscribes has none, so that the others do not wake it in vain. Addresses go through
/proc/self/fd, since a socket's path may have 107 bytes at most.
"""

import asyncio
import os
import socket
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path

from vaguemestre.kernel.bus.contract import Callback, Subscriptions
from vaguemestre.kernel.ids import new_id

DATAGRAM_BYTES = 8_192
SUFFIX = ".bus"


class LocalBus:
    """Wake-ups among the processes that share FOLDER."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._directory = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        self._name = f"{os.getpid()}-{new_id()[-8:]}{SUFFIX}"
        self._subscriptions = Subscriptions()
        self._receiver: socket.socket | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._sender = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._sender.setblocking(False)
        self._listing = threading.Lock()
        self._listed_at = -1
        self._others: tuple[str, ...] = ()

    def publish(self, topics: Iterable[str]) -> None:
        """Wake the subscribers of TOPICS here and in every other process."""
        topics = tuple(topics)
        self._subscriptions.wake_from_thread(topics)
        for name in self._peers():
            for datagram in _datagrams(topics):
                if not self._send(name, datagram):
                    break

    def subscribe(self, topic: str, callback: Callback) -> Callback:
        """Have CALLBACK run on the event loop at each wake-up of TOPIC; returns the function that ends it."""
        ended_by = self._subscriptions.add(topic, callback)
        if self._loop is not None and self._receiver is None:
            self._bind(self._loop)
        return ended_by

    async def start(self) -> None:
        """Begin to receive, as soon as somebody here subscribes."""
        self._loop = self._subscriptions.attach()
        if self._subscriptions.any:
            self._bind(self._loop)

    def _bind(self, loop: asyncio.AbstractEventLoop) -> None:
        """Make this process's socket; on the loop's thread."""
        self._receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._receiver.setblocking(False)
        self._receiver.bind(self._path(self._name))
        loop.add_reader(self._receiver, self._receive)

    async def close(self) -> None:
        """Stop receiving and remove this process's socket."""
        self._subscriptions.detach()
        self._loop = None
        if self._receiver is not None:
            asyncio.get_running_loop().remove_reader(self._receiver)
            self._receiver.close()
            self._receiver = None
            self._remove(self._name)
        self._sender.close()
        os.close(self._directory)

    def _receive(self) -> None:
        assert self._receiver is not None
        topics: dict[str, None] = {}
        while True:
            try:
                datagram = self._receiver.recv(DATAGRAM_BYTES)
            except BlockingIOError:
                break
            topics.update(dict.fromkeys(datagram.decode("ascii", "replace").split("\n")))
        self._subscriptions.wake(topics)

    def _peers(self) -> tuple[str, ...]:
        """Return the other sockets of the folder; it is listed again only when it changed."""
        with self._listing:
            changed_at = os.fstat(self._directory).st_mtime_ns
            if changed_at != self._listed_at:
                names = os.listdir(self._directory)  # noqa: PTH208 - by descriptor
                self._others = tuple(name for name in names if name.endswith(SUFFIX) and name != self._name)
                self._listed_at = changed_at
            return self._others

    def _send(self, name: str, datagram: bytes) -> bool:
        try:
            self._sender.sendto(datagram, self._path(name))
        except BlockingIOError:
            return False  # its queue is full: it has wake-ups enough to look again
        except ConnectionRefusedError:
            self._remove(name)  # its process is gone
            return False
        except OSError:
            return False
        return True

    def _path(self, name: str) -> str:
        return f"/proc/self/fd/{self._directory}/{name}"

    def _remove(self, name: str) -> None:
        try:
            os.unlink(name, dir_fd=self._directory)
        except FileNotFoundError:
            return


def _datagrams(topics: Iterable[str]) -> Iterator[bytes]:
    """Join topics by line feeds into datagrams of at most DATAGRAM_BYTES."""
    parts: list[bytes] = []
    size = 0
    for topic in topics:
        encoded = topic.encode("ascii")
        if parts and size + len(encoded) + 1 > DATAGRAM_BYTES:
            yield b"\n".join(parts)
            parts, size = [], 0
        parts.append(encoded)
        size += len(encoded) + 1
    if parts:
        yield b"\n".join(parts)
