"""The bus of one machine: Unix datagram sockets in one folder, one for each kind of topic that a process hears.

The kind is what stands before the colon of a topic and begins the socket's name, so that a publisher sends to those
who may care and wakes nobody else: a delivery wakes the processes with open mailboxes, not the worker. A socket that
nobody reads any more is removed. Addresses go through /proc/self/fd, since a socket's path may have 107 bytes at most.
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
        self._own_name = f"{os.getpid()}-{new_id()[-8:]}{SUFFIX}"
        self._subscriptions = Subscriptions()
        self._receivers: dict[str, socket.socket] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._sender = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._sender.setblocking(False)
        self._listing = threading.Lock()
        self._listed_at = -1
        self._others: dict[str, list[str]] = {}

    def publish(self, topics: Iterable[str]) -> None:
        """Wake the subscribers of TOPICS here and in every other process."""
        topics = tuple(topics)
        self._subscriptions.wake_from_thread(topics)
        others = self._list_others()
        for kind in {_kind_of(topic) for topic in topics} & others.keys():
            for datagram in _datagrams(topic for topic in topics if _kind_of(topic) == kind):
                for name in others[kind]:
                    self._send(name, datagram)

    def subscribe(self, topic: str, callback: Callback) -> Callback:
        """Have CALLBACK run on the event loop at each wake-up of TOPIC; returns the function that ends it."""
        ended_by = self._subscriptions.add(topic, callback)
        if self._loop is not None:
            self._bind(self._loop, _kind_of(topic))
        return ended_by

    async def start(self) -> None:
        """Begin to receive, as soon as somebody here subscribes."""
        self._loop = self._subscriptions.attach()
        for topic in self._subscriptions.topics:
            self._bind(self._loop, _kind_of(topic))

    def _bind(self, loop: asyncio.AbstractEventLoop, kind: str) -> None:
        """Make this process's socket for a kind of topic, unless there is one; on the loop's thread."""
        if kind in self._receivers:
            return
        receiver = self._receivers[kind] = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        receiver.setblocking(False)
        receiver.bind(self._path(f"{kind}.{self._own_name}"))
        loop.add_reader(receiver, self._receive, kind, receiver)

    async def close(self) -> None:
        """Stop receiving and remove this process's sockets."""
        self._subscriptions.detach()
        self._loop = None
        for kind in tuple(self._receivers):
            self._unbind(kind)
        self._sender.close()
        os.close(self._directory)

    def _unbind(self, kind: str) -> None:
        receiver = self._receivers.pop(kind)
        asyncio.get_running_loop().remove_reader(receiver)
        receiver.close()
        self._remove(f"{kind}.{self._own_name}")

    def _receive(self, kind: str, receiver: socket.socket) -> None:
        topics: dict[str, None] = {}
        while True:
            try:
                datagram = receiver.recv(DATAGRAM_BYTES)
            except BlockingIOError:
                break
            topics.update(dict.fromkeys(datagram.decode("ascii", "replace").split("\n")))
        self._subscriptions.wake(topics)
        if not any(_kind_of(topic) == kind for topic in self._subscriptions.topics):
            self._unbind(kind)  # it woke in vain, and would again

    def _list_others(self) -> dict[str, list[str]]:
        """Return the other processes' sockets by kind of topic; the folder is listed again only when it changed."""
        with self._listing:
            changed_at = os.fstat(self._directory).st_mtime_ns
            if changed_at != self._listed_at:
                self._others = {}
                for name in os.listdir(self._directory):  # noqa: PTH208 - by descriptor
                    kind, _, own_name = name.partition(".")
                    if own_name.endswith(SUFFIX) and own_name != self._own_name:
                        self._others.setdefault(kind, []).append(name)
                self._listed_at = changed_at
            return self._others

    def _send(self, name: str, datagram: bytes) -> None:
        try:
            self._sender.sendto(datagram, self._path(name))
        except ConnectionRefusedError:
            self._remove(name)  # its process is gone
        except OSError:
            return  # among others, its queue is full: it has wake-ups enough to look again

    def _path(self, name: str) -> str:
        return f"/proc/self/fd/{self._directory}/{name}"

    def _remove(self, name: str) -> None:
        try:
            os.unlink(name, dir_fd=self._directory)
        except FileNotFoundError:
            return


def _kind_of(topic: str) -> str:
    return topic.partition(":")[0]


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
