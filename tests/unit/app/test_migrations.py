"""The chain of schema changes gives, on each database, exactly the tables that the packages declare."""

import sqlalchemy
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from vaguemestre.app.migrations import current_revision, load_tables, migrate, newest_revision
from vaguemestre.kernel.engines import build_writer


def test_a_fresh_catalogue_becomes_what_the_packages_declare(database_url: str) -> None:
    migrate(database_url)

    engine = build_writer(database_url)
    with engine.connect() as connection:
        options = {"compare_type": True, "include_object": _is_of_a_package}
        context = MigrationContext.configure(connection, opts=options)
        differences = compare_metadata(context, load_tables())
    engine.dispose()
    assert differences == []
    assert current_revision(database_url) == newest_revision()


def _is_of_a_package(_object: object, name: str | None, *_: object) -> bool:
    """Leave out the tables that the kernel's own tests declare on the same metadata, in the same process."""
    return not (name or "").startswith("kernel_")


def test_migrating_again_changes_nothing(database_url: str) -> None:
    first = migrate(database_url)

    second = migrate(database_url)

    assert first == second == newest_revision()


def test_a_catalogue_that_was_never_migrated_has_no_revision(database_url: str) -> None:
    assert current_revision(database_url) is None


def test_every_table_of_the_packages_is_known() -> None:
    names = {table.name for table in load_tables().sorted_tables}

    assert {"account", "task", "message", "conversation", "document_entry", "portal_session"} <= names
    assert isinstance(load_tables(), sqlalchemy.MetaData)
