"""Checkpoints: signed, chained, kept twice; a register that was built again does not pass."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import delete, insert, select, update

from access_core.tables import trace_checkpoint, trace_entry, trace_head
from access_core.trace import checkpoints
from access_core.trace.checkpointer import Checkpointer
from access_core.trace.checkpoints import Signer, all_checkpoints, covering, signed_by
from access_core.trace.merkle import EMPTY, Root, Tree, leaf_hash, node_hash
from access_core.trace.verification import verify_register
from tests.unit.access_core.test_trace import write_many
from vaguemestre.kernel.clock import ManualClock
from vaguemestre.kernel.database import Database, Transaction
from vaguemestre.kernel.errors import IntegrityError
from vaguemestre.kernel.keys import InstanceKey

KEY, OTHER_KEY = InstanceKey(b"k" * 32), InstanceKey(b"o" * 32)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "checkpoints.jsonl"


@pytest.fixture
def checkpointer(database: Database, file: Path, clock: ManualClock) -> Checkpointer:
    return Checkpointer(database, Signer(KEY), file, clock)


def verified(database: Database, file: Path, key: InstanceKey = KEY) -> tuple[bool, int, int | None, str]:
    found = database.read_now(lambda tx: verify_register(tx, file, Signer(key).public_key))
    return found.ok, found.checkpoints, found.first_broken_seq, found.why


def rebuild(tx: Transaction) -> None:
    """Do what somebody who may write the catalogue can do: change an entry, then chain everything again."""
    rows = [dict(row._mapping) for row in tx.execute(select(trace_entry).order_by(trace_entry.c.seq))]
    rows[0]["subject_label"] = "Personne"
    tx.execute(delete(trace_entry))
    tx.execute(delete(trace_head))
    plain = [{key: value for key, value in row.items() if key not in ("seq", "digest")} for row in rows]
    for row in plain:
        row["at"] = int(row["at"].timestamp() * 1_000_000)
    from access_core.trace.chain import append

    append(tx, plain)


@given(st.lists(st.binary(max_size=4), max_size=70))
def test_every_leaf_is_proved_to_the_root(leaves):
    root = Root()
    for leaf in leaves:
        root.add(leaf)

    tree = Tree(leaves)

    assert root.value() == (tree.levels[-1][0] if leaves else EMPTY)
    for index, leaf in enumerate(leaves):
        assert climb(leaf_hash(leaf), index, len(leaves), tree.path(index)) == root.value()


def climb(node: bytes, index: int, size: int, path: list[bytes]) -> bytes:
    """RFC 9162 §2.1.3.2, written from its text."""
    last = size - 1
    for sibling in path:
        if index & 1 or index == last:
            node = node_hash(sibling, node)
            while index and not index & 1:
                index, last = index >> 1, last >> 1
        else:
            node = node_hash(node, sibling)
        index, last = index >> 1, last >> 1
    assert last == 0
    return node


def test_known_tree_of_certificate_transparency():
    leaves = [bytes.fromhex(each) for each in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657")]
    root = Root()

    for leaf in leaves:
        root.add(leaf)

    assert root.value().hex() == "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c"


def test_checkpoints_follow_each_other_and_cover_everything(
    database: Database, checkpointer: Checkpointer, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoints, "BATCH", 4)
    write_many(database, 10)

    written = checkpointer.run()

    kept = database.read_now(lambda tx: list(all_checkpoints(tx)))
    assert written == 3
    assert [(each.first_seq, each.seq) for each in kept] == [(1, 4), (5, 8), (9, 10)]
    assert all(signed_by(Signer(KEY).public_key, each) for each in kept)
    assert kept[1].facts["previous"] == hashlib.sha256(kept[0].statement.encode()).hexdigest()
    assert [json.loads(line)["statement"] for line in file.read_text().splitlines()] == [e.statement for e in kept]
    assert verified(database, file) == (True, 3, None, "")
    found = database.read_now(lambda tx: covering(tx, 5))
    assert found is not None
    assert found.seq == 8


def test_nothing_new_writes_nothing(database: Database, checkpointer: Checkpointer, file: Path) -> None:
    assert checkpointer.run() == 0
    write_many(database, 1)
    assert checkpointer.run() == 1

    assert checkpointer.run() == 0

    assert len(file.read_text().splitlines()) == 1
    assert database.read_now(lambda tx: covering(tx, 2)) is None


@pytest.mark.requirement("VGM:TRACE-CHECKPOINT")
def test_a_chain_that_was_built_again_contradicts_its_checkpoint(
    database: Database, checkpointer: Checkpointer, file: Path
) -> None:
    write_many(database, 5)
    checkpointer.run()

    database.write_now(rebuild)

    ok, _, broken, why = verified(database, file)
    assert (ok, broken) == (False, 5)
    assert "reconstruit" in why


def test_checkpoints_taken_out_of_the_catalogue_are_still_in_the_file(
    database: Database, checkpointer: Checkpointer, file: Path
) -> None:
    write_many(database, 5)
    checkpointer.run()

    database.write_now(lambda tx: (rebuild(tx), tx.execute(delete(trace_checkpoint)), None)[-1])

    ok, _, broken, why = verified(database, file)
    assert not ok
    assert broken == 1
    assert "instance" in why or "reconstruit" in why


def test_a_tail_cut_off_with_its_head_moved_back_shows(
    database: Database, checkpointer: Checkpointer, file: Path
) -> None:
    write_many(database, 5)
    checkpointer.run()

    def cut(tx: Transaction) -> None:
        tx.execute(delete(trace_entry).where(trace_entry.c.seq > 3))
        digest = tx.execute(select(trace_entry.c.digest).where(trace_entry.c.seq == 3)).scalar_one()
        tx.execute(update(trace_head).values(seq=3, digest=digest))

    database.write_now(cut)

    assert verified(database, file)[:3] == (False, 0, 4)


def test_a_checkpoint_that_somebody_else_signed_does_not_pass(
    database: Database, checkpointer: Checkpointer, file: Path, clock: ManualClock
) -> None:
    write_many(database, 2)
    Checkpointer(database, Signer(OTHER_KEY), file, clock).run()

    assert verified(database, file)[0] is False
    assert verified(database, file, OTHER_KEY)[0] is True


def test_the_file_may_lag_after_a_crash_but_not_be_missing(
    database: Database, checkpointer: Checkpointer, file: Path
) -> None:
    write_many(database, 1)
    checkpointer.run()
    write_many(database, 1)
    before = file.read_bytes()
    checkpointer.run()
    file.write_bytes(before + b'{"statement": "cut')

    assert verified(database, file)[0] is False
    checkpointer.run()
    assert verified(database, file)[:2] == (True, 2)
    file.write_bytes(before)
    assert verified(database, file)[0] is True
    file.unlink()
    assert "manque" in verified(database, file)[3]


def test_a_file_of_something_else_is_named(database: Database, checkpointer: Checkpointer, file: Path) -> None:
    write_many(database, 1)
    file.write_text("bonjour\n")

    with pytest.raises(IntegrityError):
        checkpointer.run()

    assert "altéré" in verified(database, file)[3]


def test_two_workers_make_one_checkpoint(
    database: Database, checkpointer: Checkpointer, file: Path, clock: ManualClock
) -> None:
    write_many(database, 3)
    prepared = database.read_now(lambda tx: checkpoints.prepare(tx, Signer(KEY), clock.now()))
    assert prepared is not None
    checkpointer.run()

    assert database.write_now(lambda tx: checkpoints.keep(tx, prepared)) is False

    assert verified(database, file)[:2] == (True, 1)


def test_a_statement_in_the_table_that_lies_about_its_place_shows(
    database: Database, checkpointer: Checkpointer, file: Path
) -> None:
    write_many(database, 3)
    checkpointer.run()
    write_many(database, 3)

    def move(tx: Transaction) -> None:
        row = dict(tx.execute(select(trace_checkpoint)).one()._mapping)
        tx.execute(delete(trace_checkpoint))
        tx.execute(insert(trace_checkpoint), {**row, "seq": 4})

    database.write_now(move)

    assert verified(database, file)[:3] == (False, 0, 4)


def test_a_line_of_another_instance_in_the_file_shows(
    database: Database, checkpointer: Checkpointer, file: Path, clock: ManualClock, tmp_path: Path
) -> None:
    write_many(database, 2)
    checkpointer.run()
    other = tmp_path / "autre.jsonl"
    with database_beside(tmp_path) as beside:
        write_many(beside, 3)
        Checkpointer(beside, Signer(OTHER_KEY), other, clock).run()
    file.write_bytes(file.read_bytes() + other.read_bytes())

    ok, _, broken, why = verified(database, file)

    assert (ok, broken) == (False, 1)
    assert "pas de cette instance" in why


@contextmanager
def database_beside(folder: Path) -> Iterator[Database]:
    beside = Database(f"sqlite:///{folder}/autre.db")
    beside.create_all()
    yield beside
    beside.close()
