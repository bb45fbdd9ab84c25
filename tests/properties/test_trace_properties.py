"""Whatever is recorded reads back, and any change of any column of any entry shows."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import update

from access_core.tables import trace_entry
from access_core.trace.chain import verify
from access_core.trace.entries import TraceEntry, record
from access_core.trace.reader import history_of_patient
from tests.properties.effort import examples
from vaguemestre.kernel.database import Database, Transaction

pytestmark = pytest.mark.requirement("VGM:TRACE-CHAIN")

ids = st.text("0123456789abcdef", min_size=32, max_size=32)
words = st.text(st.characters(codec="utf-8", exclude_characters="\0;"), min_size=1, max_size=30)
entries = st.builds(
    TraceEntry,
    at=st.datetimes(timezones=st.just(UTC)),
    act=words,
    verdict=st.sampled_from(["PERMIT", "DENY", "DEFER"]),
    reason=words,
    subject_kind=st.sampled_from(["pro", "titulaire", "systeme"]),
    subject_id=st.none() | ids,
    subject_label=words,
    profile_id=st.just("0" * 32),
    mailbox_id=st.none() | ids,
    resource_kind=st.none() | st.just("message"),
    resource_id=st.none() | words,
    message_id_header=st.none() | words,
    obligations=st.lists(words, max_size=3).map(tuple),
    matrix_version=st.none() | words,
)
CHANGED: dict[str, object] = {
    "at": datetime(1970, 1, 1, tzinfo=UTC),
    **dict.fromkeys(("act", "verdict", "reason", "mode", "subject_kind", "subject_label", "obligations"), "\N{BULLET}"),
    **dict.fromkeys(("subject_id", "profile_id", "mailbox_id", "resource_kind", "resource_id"), "\N{BULLET}"),
    **dict.fromkeys(("message_id_header", "matrix_version"), "\N{BULLET}"),
    "digest": b"\0" * 32,
}


class Undo(Exception):
    """Rolls a transaction back at the end of an example."""


@pytest.fixture(scope="module")
def sqlite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    database = Database(f"sqlite:///{tmp_path_factory.mktemp('trace')}/catalogue.db")
    database.create_all()
    yield database
    database.close()


@settings(max_examples=examples(60), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(written=st.lists(entries, min_size=1, max_size=5), data=st.data())
def test_what_is_recorded_reads_back_and_any_change_shows(
    sqlite: Database, written: list[TraceEntry], data: st.DataObject
) -> None:
    place = data.draw(st.integers(1, len(written)), label="entry")
    column = data.draw(st.sampled_from(sorted(CHANGED)), label="column")

    def work(tx: Transaction) -> None:
        for entry in written:
            record(tx, entry)
        tx.prepare_commit()
        assert [line.entry for line in reversed(history_of_patient(tx, "0" * 32))] == written
        assert verify(tx).ok
        tx.execute(update(trace_entry).where(trace_entry.c.seq == place).values({column: CHANGED[column]}))
        assert verify(tx).first_broken_seq == place
        raise Undo

    with pytest.raises(Undo):
        sqlite.write_now(work)
