"""The only wiring: from settings to objects.

Everything is built on first use and imported there, so that a process loads what its role needs and nothing
else. No other module of the program knows which database, bus or blob store is in use.
"""

from functools import cached_property
from typing import TYPE_CHECKING

from vaguemestre.app.settings import Settings

if TYPE_CHECKING:
    from vaguemestre.kernel.blobs import BlobStore
    from vaguemestre.kernel.bus import Bus
    from vaguemestre.kernel.clock import Clock
    from vaguemestre.kernel.database import Database
    from vaguemestre.kernel.keys import InstanceKey
    from vaguemestre.kernel.service import Service


class Instance:
    """The parts of one running instance, in one process."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    @cached_property
    def clock(self) -> "Clock":
        """The machine's clock."""
        from vaguemestre.kernel.clock import SystemClock

        return SystemClock()

    @cached_property
    def bus(self) -> "Bus":
        """The wake-ups between processes."""
        from vaguemestre.kernel.bus import build_bus

        return build_bus(self.settings.database_url(), self.settings.run_folder() / "bus")

    @cached_property
    def database(self) -> "Database":
        """The catalogue."""
        from vaguemestre.kernel.database import Database

        return Database(self.settings.database_url(), publish=self.bus.publish)

    @cached_property
    def blobs(self) -> "BlobStore":
        """The sealed bytes outside the catalogue."""
        from vaguemestre.kernel.blobs import build_blobs

        return build_blobs(self.settings.blobs_url())

    @cached_property
    def instance_key(self) -> "InstanceKey":
        """The root of every other key of the store."""
        from vaguemestre.kernel.keys import InstanceKey

        return InstanceKey.load(self.settings.keys.instance)

    async def start(self) -> None:
        """Begin to receive wake-ups."""
        await self.bus.start()

    async def close(self) -> None:
        """Give everything back that was built."""
        if "bus" in self.__dict__:
            await self.bus.close()
        if "database" in self.__dict__:
            self.database.close()


def build_services(instance: Instance, role: str) -> "list[Service]":
    """Build what ROLE runs in its process."""
    raise KeyError(role)
