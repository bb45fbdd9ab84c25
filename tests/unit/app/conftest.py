"""An instance on SQLite, made once, and copies of it for tests that change it."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tests.standins.ports import free_port_base
from vaguemestre.app.cli.application import build
from vaguemestre.app.initialise import Plan, initialise
from vaguemestre.kernel.clock import SystemClock

DOMAIN = "demo.mssante.fr"
PASSWORD = "Motdepasse-2026"
Run = Callable[..., Result]


@pytest.fixture(scope="session")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pristine") / "instance"
    initialise(Plan(folder=folder, domains=(DOMAIN,), port_base=free_port_base()), SystemClock().now())
    return folder


@pytest.fixture
def instance_folder(pristine: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "instance"
    shutil.copytree(pristine, folder)
    config = folder / "vaguemestre.toml"
    text = config.read_text(encoding="utf-8").splitlines()
    lines = [f"port_base = {free_port_base()}" if line.startswith("port_base") else line for line in text]
    config.write_text("\n".join(lines), encoding="utf-8")
    return folder


@pytest.fixture
def run(instance_folder: Path) -> Run:
    """Run a command on the instance, in this process; PASSWORD is on its standard input."""
    program = build()

    def invoke(*arguments: str, password: str = PASSWORD) -> Result:
        environ = {"VAGUEMESTRE_CONFIG": str(instance_folder / "vaguemestre.toml")}
        return CliRunner().invoke(program, arguments, input=password + "\n", env=environ)

    return invoke
