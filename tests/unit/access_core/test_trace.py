"""The trace: what is written is chained, what is changed shows."""

import asyncio
import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import delete, select, update

from access_core.tables import trace_entry, trace_head
from access_core.trace import chain
from access_core.trace.chain import PAGE_ROWS, Verification, head, open_register, verify
from access_core.trace.entries import TraceEntry, record
from access_core.trace.reader import acts_of_mailbox, by_message, history_of_patient
from vaguemestre.kernel.database import Database, Transaction

NOW = datetime(2026, 11, 23, 12, 0, 0, 123_456, tzinfo=UTC)
LEA, MARTIN, OTHER = "1" * 32, "2" * 32, "3" * 32
DELIVERY = TraceEntry(
    at=NOW,
    act="deliver_to_patient",
    verdict="PERMIT",
    reason="OK",
    subject_kind="pro",
    subject_id=MARTIN,
    subject_label="Dr Camille Martin",
    profile_id=LEA,
    mailbox_id=LEA,
    resource_kind="message",
    resource_id="m1",
    message_id_header="<m1@demo.mssante.fr>",
    obligations=("NOTIF_TITULAIRE", "INVITE_ACTIVATION"),
    matrix_version="2023-10-26",
)


def write(database: Database, *entries: TraceEntry) -> None:
    def work(tx: Transaction) -> None:
        for entry in entries:
            record(tx, entry)

    database.write_now(work)


def write_many(database: Database, count: int) -> None:
    write(database, *(replace(DELIVERY, resource_id=f"m{number}") for number in range(1, count + 1)))


def test_an_entry_is_read_as_it_was_written(database: Database) -> None:
    write(database, DELIVERY)

    [recorded] = database.read_now(lambda tx: history_of_patient(tx, LEA))

    assert (recorded.seq, recorded.entry) == (1, DELIVERY)


def test_a_register_is_whole_when_empty_and_after_each_group(database: Database) -> None:
    empty = database.read_now(verify)

    write_many(database, 3)
    write_many(database, 2)

    assert empty == Verification(ok=True, entries=0)
    assert database.read_now(verify) == Verification(ok=True, entries=5)


def test_entries_of_one_group_follow_in_the_order_of_recording(database: Database) -> None:
    write_many(database, 4)

    newest_first = database.read_now(lambda tx: history_of_patient(tx, LEA))

    assert [(line.seq, line.entry.resource_id) for line in newest_first] == [(4, "m4"), (3, "m3"), (2, "m2"), (1, "m1")]


def test_what_is_rolled_back_leaves_no_entry_and_no_hole(database: Database) -> None:
    def fail(tx: Transaction) -> None:
        record(tx, DELIVERY)
        raise LookupError

    write_many(database, 1)
    with pytest.raises(LookupError):
        database.write_now(fail)
    write_many(database, 1)

    assert database.read_now(verify) == Verification(ok=True, entries=2)


@pytest.mark.requirement("VGM:TRACE-CHAIN")
def test_the_digest_is_computed_as_documented(database: Database) -> None:
    database.write_now(lambda tx: open_register(tx, "instance-1"))
    write(database, DELIVERY)

    row = database.read_now(lambda tx: tx.execute(select(trace_entry)).mappings().one())

    expected = {name: value for name, value in row.items() if name != "digest"}
    expected["at"] = (NOW - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    canonical = json.dumps(expected, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    start = hashlib.sha256(b"vaguemestre/trace/genesis/v1\0instance-1").digest()
    assert row["digest"] == hashlib.sha256(b"vaguemestre/trace/entry/v1\0" + start + canonical).digest()


def test_the_head_tells_where_the_chain_stands(database: Database) -> None:
    database.write_now(lambda tx: open_register(tx, "instance-1"))
    database.write_now(lambda tx: open_register(tx, "instance-2"))
    write_many(database, 2)

    top = database.read_now(head)

    assert top is not None
    assert (top.instance_id, top.seq) == ("instance-1", 2)


def rewrite(**values: object) -> Callable[[Transaction], Any]:
    return lambda tx: tx.execute(update(trace_entry).where(trace_entry.c.seq == 3).values(values))


def swap_third_and_fourth(tx: Transaction) -> None:
    for before, after in ((3, 99), (4, 3), (99, 4)):
        tx.execute(update(trace_entry).where(trace_entry.c.seq == before).values(seq=after))


@pytest.mark.requirement("VGM:TRACE-CHAIN")
@pytest.mark.parametrize(
    ("damage", "broken"),
    [
        (rewrite(verdict="DENY"), 3),
        (rewrite(at=NOW + timedelta(microseconds=1)), 3),
        (rewrite(subject_label="Dr Camille Martim"), 3),
        (rewrite(profile_id=None), 3),
        (rewrite(message_id_header=""), 3),
        (rewrite(obligations="NOTIF_TITULAIRE"), 3),
        (rewrite(digest=b"\0" * 32), 3),
        (lambda tx: tx.execute(delete(trace_entry).where(trace_entry.c.seq == 1)), 1),
        (lambda tx: tx.execute(delete(trace_entry).where(trace_entry.c.seq == 3)), 3),
        (lambda tx: tx.execute(delete(trace_entry).where(trace_entry.c.seq == 6)), 6),
        (lambda tx: tx.execute(delete(trace_entry).where(trace_entry.c.seq > 2)), 3),
        (lambda tx: tx.execute(delete(trace_entry)), 1),
        (lambda tx: tx.execute(delete(trace_head)), 1),
        (lambda tx: tx.execute(update(trace_head).values(instance_id="another")), 1),
        (lambda tx: tx.execute(update(trace_head).values(seq=5)), 6),
        (lambda tx: tx.execute(update(trace_head).values(digest=b"\0" * 32)), 6),
        (swap_third_and_fourth, 3),
    ],
)
def test_any_damage_is_found_and_named(
    damage: Callable[[Transaction], Any], broken: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    database = Database(f"sqlite:///{tmp_path_factory.mktemp('trace')}/catalogue.db")
    database.create_all()
    write_many(database, 6)

    database.write_now(damage)
    found = database.read_now(verify)
    database.close()

    assert (found.ok, found.first_broken_seq) == (False, broken)
    assert found.why


def test_an_entry_forged_with_its_own_digest_breaks_the_next(database: Database) -> None:
    write_many(database, 4)

    def forge(tx: Transaction) -> None:
        before = tx.execute(select(trace_entry.c.digest).where(trace_entry.c.seq == 1)).scalar_one()
        row = tx.execute(chain._PAGE, {"after": 1}).first()
        assert row is not None
        forged = {**dict(zip(chain._chained, row, strict=False)), "verdict": "DENY"}
        digest = chain.link(before, forged)
        tx.execute(update(trace_entry).where(trace_entry.c.seq == 2).values(verdict="DENY", digest=digest))

    database.write_now(forge)

    assert database.read_now(verify).first_broken_seq == 3


def test_a_register_longer_than_a_page_is_verified_whole(database: Database) -> None:
    write_many(database, PAGE_ROWS + 1)

    whole = database.read_now(verify)
    last = PAGE_ROWS + 1
    database.write_now(lambda tx: tx.execute(update(trace_entry).where(trace_entry.c.seq == last).values(reason="X")))

    assert whole == Verification(ok=True, entries=PAGE_ROWS + 1)
    assert database.read_now(verify).first_broken_seq == last


def test_hostile_text_is_kept_in_a_form_that_every_catalogue_holds(database: Database) -> None:
    hostile = replace(DELIVERY, subject_label="a\0b\udc80é", message_id_header="<" + "x" * 2_000, resource_id="r" * 500)

    write(database, hostile)

    [line] = database.read_now(lambda tx: history_of_patient(tx, LEA))
    assert line.entry.subject_label == "a\N{REPLACEMENT CHARACTER}b?é"
    assert (len(line.entry.message_id_header or ""), len(line.entry.resource_id or "")) == (998, 128)
    assert database.read_now(verify).ok


def test_a_patient_reads_her_own_history_page_by_page(database: Database) -> None:
    write_many(database, 5)
    write(database, replace(DELIVERY, profile_id=OTHER))

    first = database.read_now(lambda tx: history_of_patient(tx, LEA, limit=3))
    second = database.read_now(lambda tx: history_of_patient(tx, LEA, limit=3, before=first[-1].seq))

    assert [line.seq for line in first + second] == [5, 4, 3, 2, 1]


def test_a_mailbox_shows_what_was_done_in_it_and_by_its_account(database: Database) -> None:
    in_it = replace(DELIVERY, subject_id=None, mailbox_id=MARTIN)
    by_it = DELIVERY
    neither = replace(DELIVERY, subject_id=OTHER)

    write(database, in_it, by_it, neither)

    assert [line.seq for line in database.read_now(lambda tx: acts_of_mailbox(tx, MARTIN))] == [2, 1]


def test_all_that_happened_to_a_message_is_found_by_its_message_id(database: Database) -> None:
    write(database, DELIVERY, replace(DELIVERY, message_id_header="<m2@x>"), replace(DELIVERY, act="file_document"))

    found = database.read_now(lambda tx: by_message(tx, "<m1@demo.mssante.fr>"))

    assert [line.entry.act for line in found] == ["deliver_to_patient", "file_document"]
    assert found == database.read_now(lambda tx: by_message(tx, " m1@demo.mssante.fr"))
    assert database.read_now(lambda tx: by_message(tx, "<unknown@x>")) == []


@pytest.mark.requirement("VGM:TRACE-CHAIN")
def test_several_processes_write_one_chain(database: Database, database_url: str) -> None:
    second = Database(database_url)
    write_many(database, 1)

    for _ in range(10):
        write_many(second, 3)
        write_many(database, 2)
    second.close()

    assert database.read_now(verify) == Verification(ok=True, entries=51)


async def test_writers_at_the_same_time_write_one_chain(database: Database, database_url: str) -> None:
    second = Database(database_url)

    await asyncio.gather(
        *(each.write(lambda tx: record(tx, DELIVERY)) for _ in range(50) for each in (database, second))
    )
    second.close()

    assert database.read_now(verify) == Verification(ok=True, entries=100)
