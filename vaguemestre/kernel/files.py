"""Small files that several processes read: replaced whole or not at all."""

import os
from pathlib import Path

from vaguemestre.kernel.ids import new_id


def replace_file(path: Path, data: bytes) -> None:
    """Put DATA in place of PATH; who reads meanwhile sees the old bytes or the new, and a crash leaves one of them."""
    fresh = path.with_name(f"{path.name}.{new_id()}.new")
    try:
        with fresh.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)
