"""A real PostgreSQL server, private to the test run, with its data in a temporary folder and fsync on."""

import contextlib
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import psycopg

from tests.standins.ports import free_port

UNPRIVILEGED = "postgres"  # made by Debian's package; PostgreSQL refuses to run as root


class PostgresServer:
    """A running server; each `fresh_database` is empty."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self._folder = folder
        self._numbers = count(1)
        _run(_programs() / "initdb", "-D", str(folder / "data"), "-A", "trust", "-U", UNPRIVILEGED, "-E", "UTF8")

    def start(self) -> None:
        """Start it, on the same port each time; returns once it answers."""
        own = f"-c unix_socket_directories={self._folder} -c max_connections=300"
        options = f"-c listen_addresses=127.0.0.1 -p {self.port} {own}"
        self._control("-l", str(self._folder / "log"), "-o", options, "start")

    def stop(self) -> None:
        """Stop it at once, as a crash would."""
        self._control("-m", "immediate", "stop")

    def _control(self, *arguments: str) -> None:
        _run(_programs() / "pg_ctl", "-D", str(self._folder / "data"), "-w", *arguments)

    def fresh_database(self) -> str:
        """Create an empty database and return its SQLAlchemy URL."""
        name = f"test_{os.getpid()}_{next(self._numbers)}"
        conninfo = f"host=127.0.0.1 port={self.port} user={UNPRIVILEGED} dbname=postgres"
        with psycopg.connect(conninfo, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return f"postgresql+psycopg://{UNPRIVILEGED}@127.0.0.1:{self.port}/{name}"


@contextlib.contextmanager
def start_postgres() -> Iterator[PostgresServer]:
    """Start a server on a free port of the loopback interface; stop it and remove its data afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="vaguemestre-postgres-"))
    try:
        if os.geteuid() == 0:
            shutil.chown(folder, UNPRIVILEGED)
        server = PostgresServer(folder)
        server.start()
        try:
            yield server
        finally:
            with contextlib.suppress(subprocess.CalledProcessError):  # a test may have stopped it
                server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _programs() -> Path:
    """Return the folder of PostgreSQL's own programs, the newest version installed."""
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if not installed:
        raise FileNotFoundError("PostgreSQL is not installed: `make test` installs it, or apt-get install postgresql")
    return installed[-1].parent


def _run(*command: str | Path) -> None:
    """Run one of PostgreSQL's programs, as an unprivileged user when we are root."""
    entry = pwd.getpwnam(UNPRIVILEGED) if os.geteuid() == 0 else None
    subprocess.run(
        command,
        check=True,
        stdout=subprocess.DEVNULL,
        env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
        cwd="/",
        timeout=60,
        user=entry.pw_uid if entry else None,
        group=entry.pw_gid if entry else None,
        extra_groups=[] if entry else None,
    )
