"""A whole instance with its processes, made by the program's own commands; one for the session."""

import random
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from vaguemestre.app.config import STANDARD_PORTS
from vaguemestre.app.demo.people import DOMAIN, DURAND, MARTIN
from vaguemestre.app.demo.program import Program
from vaguemestre.app.demo.stage import Stage, add_doctor, prepare


def free_port_base() -> int:
    """Return a port base under which every standard port is free just now."""
    for base in random.sample(range(12_000, 50_000, 100), 50):
        if all(_is_free(base + port) for port in STANDARD_PORTS.values()):
            return base
    raise OSError("no free range of ports")


def prepare_instance(folder: Path) -> Program:
    """Initialise an instance in FOLDER with two professionals; nothing runs yet."""
    program = Program(folder)
    program.run("init", str(folder), "--domain", DOMAIN, "--port-base", str(free_port_base()))
    for doctor in (MARTIN, DURAND):
        add_doctor(program, doctor)
    return program


@pytest.fixture(scope="session")
def running_instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    stage = prepare(tmp_path_factory.mktemp("instance") / "vaguemestre", free_port_base())
    yield stage
    assert stage.program.stop() == 0


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0
