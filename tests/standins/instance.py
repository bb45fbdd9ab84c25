"""An instance made by the program's own commands, before anything of it runs."""

from pathlib import Path

from tests.standins.ports import free_port_base
from vaguemestre.app.demo.people import DOMAIN, DURAND, MARTIN
from vaguemestre.app.demo.program import Program
from vaguemestre.app.demo.stage import add_doctor


def prepare_instance(folder: Path) -> Program:
    """Initialise an instance in FOLDER with two professionals; nothing runs yet."""
    program = Program(folder)
    program.run("init", str(folder), "--domain", DOMAIN, "--port-base", str(free_port_base()))
    for doctor in (MARTIN, DURAND):
        add_doctor(program, doctor)
    return program
