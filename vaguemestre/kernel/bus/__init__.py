"""Wake-ups between the processes of an instance: "something changed in this topic", nothing more.

A wake-up may be lost (a full socket, a restart); whoever waits must look again by itself from time to time.
"""

from pathlib import Path

from vaguemestre.kernel.bus.contract import Bus, Callback
from vaguemestre.kernel.bus.local import LocalBus

__all__ = ["Bus", "Callback", "LocalBus", "build_bus"]


def build_bus(database_url: str, folder: Path) -> Bus:
    """Return LISTEN/NOTIFY for a PostgreSQL catalogue, else Unix datagrams in FOLDER."""
    if database_url.startswith("postgresql"):
        from vaguemestre.kernel.bus.postgres import PostgresBus

        return PostgresBus(database_url)
    return LocalBus(folder)
