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

    def __init__(self, port: int) -> None:
        self.port = port
        self._numbers = count(1)

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
    programs = _programs()
    folder = Path(tempfile.mkdtemp(prefix="vaguemestre-postgres-"))
    port = free_port()
    try:
        if os.geteuid() == 0:
            shutil.chown(folder, UNPRIVILEGED)
        _run(programs / "initdb", "-D", str(folder / "data"), "-A", "trust", "-U", UNPRIVILEGED, "-E", "UTF8")
        options = f"-c listen_addresses=127.0.0.1 -p {port} -c unix_socket_directories={folder} -c max_connections=300"
        _run(programs / "pg_ctl", "-D", str(folder / "data"), "-l", str(folder / "log"), "-w", "-o", options, "start")
        yield PostgresServer(port)
    finally:
        with contextlib.suppress(subprocess.CalledProcessError):
            _run(programs / "pg_ctl", "-D", str(folder / "data"), "-m", "immediate", "-w", "stop")
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
