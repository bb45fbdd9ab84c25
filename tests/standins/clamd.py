"""A real clamd of Debian, private, with one signature of our own and no other: nothing is fetched."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.standins.ports import free_port, wait_for_port

MARK = b"VAGUEMESTRE-TEST-SIGNATURE-0001"
SIGNATURE = "Vaguemestre.Test"
CONF = """
LocalSocket {folder}/clamd.ctl
TCPSocket {port}
TCPAddr 127.0.0.1
DatabaseDirectory {folder}/db
Foreground yes
LogFile {folder}/clamd.log
PidFile {folder}/clamd.pid
TemporaryDirectory {folder}
StreamMaxLength 60M
OfficialDatabaseOnly no
"""


def program() -> str:
    """Return where clamd lies: Debian puts it outside the PATH of users."""
    return shutil.which("clamd") or "/usr/sbin/clamd"


@contextmanager
def clamd(folder: Path) -> Iterator[tuple[str, str]]:
    """Run clamd in FOLDER; yields its two addresses as settings write them: Unix, TCP."""
    port = free_port()
    (folder / "db").mkdir(parents=True)
    (folder / "db" / "test.ndb").write_text(f"{SIGNATURE}:0:*:{MARK.hex()}\n", encoding="ascii")
    (folder / "clamd.conf").write_text(CONF.format(folder=folder, port=port), encoding="ascii")
    process = subprocess.Popen(
        [program(), f"--config-file={folder / 'clamd.conf'}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        wait_for_port(port, timeout_s=60)
        yield f"unix:{folder / 'clamd.ctl'}", f"127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(20)
