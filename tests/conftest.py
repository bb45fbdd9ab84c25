"""Fixtures that every test may use: a clock that stands still, a catalogue on each database, the corpus."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.standins.postgres import PostgresServer, start_postgres
from tests.standins.s3 import start_s3
from vaguemestre.kernel.clock import ManualClock
from vaguemestre.kernel.database import Database

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
settings.register_profile("usual", deadline=None, suppress_health_check=[HealthCheck.too_slow])  # no timed test
settings.load_profile("usual")
CORPUS = Path(__file__).resolve().parents[2] / "shared" / "corpus"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOON)


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    with start_postgres() as server:
        yield server


@pytest.fixture(scope="session")
def s3_url() -> Iterator[str]:
    with start_s3() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/catalogue.db"
    server: PostgresServer = request.getfixturevalue("postgres")
    return server.fresh_database()


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    catalogue = Database(database_url)
    catalogue.create_all()
    yield catalogue
    catalogue.close()


@pytest.fixture
def corpus() -> Path:
    if not CORPUS.is_dir():
        pytest.skip("corpus not beside this clone")
    return CORPUS
