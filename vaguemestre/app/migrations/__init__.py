"""The one chain of schema changes, each compatible with the release before it.

Alembic is imported inside the functions: only the commands that migrate pay for it.
"""

import importlib
from argparse import Namespace
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy

from vaguemestre.kernel.database import metadata
from vaguemestre.kernel.engines import build_writer, translated_errors
from vaguemestre.kernel.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from alembic.config import Config

SCRIPTS = Path(__file__).parent
TABLE_MODULES = (
    "vaguemestre.kernel.outbox",
    "access_core.tables",
    "mailstore.tables",
    "smtp_gateway.tables",
    "dmp_bridge.tables",
    "portal.tables",
)
"""The modules that declare tables on the kernel's metadata."""

_ADVISORY_LOCK = 8_675_309


def load_tables() -> sqlalchemy.MetaData:
    """Import every module that declares tables; returns the metadata that they fill."""
    for module in TABLE_MODULES:
        importlib.import_module(module)
    return metadata


def migrate(url: str) -> str:
    """Bring the catalogue at URL to the newest revision; returns that revision.

    Raises:
        TemporaryFailure: the database cannot be reached.
    """
    from alembic import command

    with _connected(url) as connection:
        command.upgrade(config_for(connection), "head")
    return newest_revision()


def current_revision(url: str) -> str | None:
    """Return the revision of the catalogue at URL, None when it was never migrated; does not load Alembic.

    Raises:
        TemporaryFailure: the database cannot be reached.
    """
    if is_absent_file(url):
        return None
    with _connected(url) as connection:
        if not sqlalchemy.inspect(connection).has_table("alembic_version"):
            return None
        revision: str | None = connection.execute(sqlalchemy.text("SELECT version_num FROM alembic_version")).scalar()
        return revision


def is_absent_file(url: str) -> bool:
    """Say whether URL is an SQLite file that is not there; to connect would make an empty one."""
    database = sqlalchemy.make_url(url)
    return database.get_backend_name() == "sqlite" and not Path(database.database or "").exists()


def newest_revision() -> str:
    """Return the last revision of the chain: its files are numbered from 0001 on."""
    return max(path.name for path in (SCRIPTS / "versions").glob("[0-9]*_*.py")).partition("_")[0]


def require_newest(url: str) -> None:
    """Make sure that the catalogue has the schema of this release.

    Raises:
        ConfigurationError: it has another, and says which command brings it there; or its file is gone.
        TemporaryFailure: the database cannot be reached.
    """
    if is_absent_file(url):
        raise ConfigurationError("le fichier du catalogue est absent : montez son disque ou restaurez-le")
    revision, newest = current_revision(url), newest_revision()
    if revision != newest:
        raise ConfigurationError(
            f"le catalogue est à la révision {revision or 'aucune'}, il faut {newest} : lancez « vaguemestre migrate »"
        )


def config_for(connection: sqlalchemy.Connection) -> "Config":
    """Return Alembic's configuration for these scripts, running on CONNECTION."""
    from alembic.config import Config

    config = Config(cmd_opts=Namespace(quiet=True))  # the callers say what there is to say
    config.set_main_option("script_location", str(SCRIPTS))
    config.set_main_option("path_separator", "os")
    config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
    config.attributes["connection"] = connection
    return config


@contextmanager
def _connected(url: str) -> "Iterator[sqlalchemy.Connection]":
    """Open one transaction on URL; on PostgreSQL, alone among those that migrate."""
    engine = build_writer(url)
    try:
        with translated_errors(), engine.begin() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(sqlalchemy.select(sqlalchemy.func.pg_advisory_xact_lock(_ADVISORY_LOCK)))
            yield connection
    finally:
        engine.dispose()
