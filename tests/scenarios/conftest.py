"""A whole instance with its processes, made by the program's own commands; one for the session."""

from collections.abc import Iterator

import pytest

from tests.standins.mail_office import office, open_mail_office  # noqa: F401  fixtures
from tests.standins.ports import free_port_base
from vaguemestre.app.demo.stage import Stage, prepare


@pytest.fixture(scope="session")
def running_instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    stage = prepare(tmp_path_factory.mktemp("instance") / "vaguemestre", free_port_base())
    yield stage
    assert stage.program.stop() == 0
