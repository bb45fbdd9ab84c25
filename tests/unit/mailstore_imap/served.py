"""An IMAP server in a process of its own, so that a test can measure what its clients cost it.

Run as a module with a folder: it prints its ports as one line of JSON, serves until its standard input ends.
"""

import json
import os
import ssl
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.unit.mailstore_imap.house import ImapHouse

PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


class ServedHouse:
    """A server in a child process; what `RawClient` needs of it, and how much memory it takes."""

    def __init__(self, folder: Path) -> None:
        self.certificate = folder / "server.pem"
        command = [sys.executable, "-m", "tests.unit.mailstore_imap.served", str(folder)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        ports = json.loads(self._process.stdout.readline())
        self.port: int = ports["port"]
        self.tls_port: int = ports["tls_port"]

    def client_context(self) -> ssl.SSLContext:
        """Return what a client needs to trust this server."""
        return ssl.create_default_context(cafile=str(self.certificate))

    def resident_bytes(self) -> int:
        """Return how much memory the server takes now."""
        return int(Path(f"/proc/{self._process.pid}/statm").read_text().split()[1]) * PAGE_BYTES

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        with self._process:
            self._process.communicate(timeout=30)
        assert self._process.returncode == 0


def main() -> None:
    """Serve until standard input ends."""
    with ImapHouse(Path(sys.argv[1])) as house:
        print(json.dumps({"port": house.port, "tls_port": house.tls_port}), flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
