"""What a machine's own delivery program does: `python local_delivery.py FOLDER` keeps the message on standard input."""

import sys
import uuid
from pathlib import Path


def kept(folder: Path) -> list[bytes]:
    """Return the messages that were delivered into a folder, byte for byte, sorted."""
    return sorted(path.read_bytes() for path in folder.iterdir())


def local(messages: list[bytes]) -> list[bytes]:
    """Return messages as a local mailbox keeps them, sorted: a line ends in LF."""
    return sorted(each.replace(b"\r\n", b"\n") for each in messages)


if __name__ == "__main__":
    Path(sys.argv[1], uuid.uuid4().hex).write_bytes(sys.stdin.buffer.read())
