"""Free ports of the loopback interface."""

import random
import socket
import time
from pathlib import Path

from vaguemestre.app.config import STANDARD_PORTS

OUTGOING = Path("/proc/sys/net/ipv4/ip_local_port_range")


def free_port() -> int:
    """Return a port that nobody listens on just now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def free_port_base() -> int:
    """Return a port base under which every standard port is free just now, and below those of outgoing connections."""
    outgoing = int(OUTGOING.read_text("ascii").split()[0])
    bases = range(11_000, outgoing - max(STANDARD_PORTS.values()), 100)
    for base in random.sample(bases, len(bases)):
        if all(_is_free(base + port) for port in STANDARD_PORTS.values()):
            return base
    raise OSError("no free range of ports")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def wait_for_port(port: int, *, timeout_s: float = 30.0) -> None:
    """Return once something accepts connections on PORT.

    Raises:
        TimeoutError: nothing did within TIMEOUT_S.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            if time.monotonic() > deadline:
                raise TimeoutError(f"nothing listens on port {port}") from None
            time.sleep(0.05)
