"""What the supervisor knows of a role: it starts, drains and reloads."""

from collections.abc import Mapping
from typing import Protocol


class Service(Protocol):
    """One role of the program, inside its own process."""

    name: str

    async def start(self) -> Mapping[str, int]:
        """Open the listeners.

        Returns:
            The name and port of each, once it accepts connections; empty for a role without any.

        Raises:
            ConfigurationError: a port is taken or a certificate cannot be read.
        """

    async def drain(self, grace_s: float) -> None:
        """Accept nothing new, let what is under way end for at most GRACE_S seconds, then close."""

    def reload(self) -> None:
        """Read certificates and lists again; what cannot be read leaves the old ones in force."""
