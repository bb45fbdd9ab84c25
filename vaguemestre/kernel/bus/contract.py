"""What every bus does, and the part that they share: who in this process listens to what."""

import asyncio
import threading
from collections.abc import Callable, Iterable
from typing import Protocol

Callback = Callable[[], None]


class Bus(Protocol):
    """Wake-ups by topic."""

    def publish(self, topics: Iterable[str]) -> None:
        """Wake whoever subscribed, in every process; from any thread; never raises."""

    def subscribe(self, topic: str, callback: Callback) -> Callback:
        """Have CALLBACK run on the event loop at each wake-up; returns the function that ends it."""

    async def start(self) -> None:
        """Begin to receive."""

    async def close(self) -> None:
        """Stop and give the sockets back."""


class Subscriptions:
    """The callbacks of this process, run on its event loop."""

    def __init__(self) -> None:
        self._callbacks: dict[str, list[Callback]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: int | None = None

    def attach(self) -> asyncio.AbstractEventLoop:
        """Remember the running loop as the one on which callbacks run."""
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()
        return self._loop

    def detach(self) -> None:
        """Forget the loop; wake-ups from now on reach nobody."""
        self._loop = self._thread = None

    @property
    def topics(self) -> tuple[str, ...]:
        """What somebody here listens to."""
        return tuple(self._callbacks)

    def add(self, topic: str, callback: Callback) -> Callback:
        """Register CALLBACK; returns the function that removes it (calling it twice does no harm)."""
        callbacks = self._callbacks.setdefault(topic, [])
        callbacks.append(callback)

        def remove() -> None:
            if callback in callbacks:
                callbacks.remove(callback)
            if not callbacks and self._callbacks.get(topic) is callbacks:
                del self._callbacks[topic]

        return remove

    def wake_from_thread(self, topics: Iterable[str]) -> None:
        """Run the callbacks of TOPICS on the loop, from any thread; at once when it is the loop's."""
        loop, heard = self._loop, [topic for topic in topics if topic in self._callbacks]
        if self._thread == threading.get_ident():
            self.wake(heard)
        elif loop is not None and heard:
            try:
                loop.call_soon_threadsafe(self.wake, heard)
            except RuntimeError:
                return  # the loop is closed: nobody waits any more

    def wake(self, topics: Iterable[str]) -> None:
        """Run the callbacks of TOPICS; on the loop's thread."""
        for topic in topics:
            for callback in tuple(self._callbacks.get(topic, ())):
                callback()
