"""One server for the tests of this folder that need one."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.mailstore_imap.house import ImapHouse


@pytest.fixture
def house(tmp_path: Path) -> Iterator[ImapHouse]:
    server = ImapHouse(tmp_path)
    yield server
    server.close()
