"""A whole instance with its processes, made by the program's own commands; one for the session."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.standins.ports import free_port_base
from vaguemestre.app.demo.people import DOMAIN, DURAND, MARTIN
from vaguemestre.app.demo.program import Program
from vaguemestre.app.demo.stage import Stage, add_doctor, prepare


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
