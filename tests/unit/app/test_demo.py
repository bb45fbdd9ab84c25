"""A demonstration removes the one before it, and never one that runs."""

import socket
from pathlib import Path

import pytest

from vaguemestre.app.config import STANDARD_PORTS
from vaguemestre.app.demo.stage import check_room
from vaguemestre.app.pid_file import PidFile
from vaguemestre.kernel.errors import PermanentFailure


def test_demonstration_that_runs_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()

    with PidFile(tmp_path / "run" / "vaguemestre.pid"), pytest.raises(PermanentFailure, match="tourne déjà"):
        check_room(tmp_path, 10_000)


def test_port_that_is_taken_is_named_with_a_way_out(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        with pytest.raises(PermanentFailure, match=rf"port {port} est pris.*PORT_BASE="):
            check_room(tmp_path, port - STANDARD_PORTS["mx"])
