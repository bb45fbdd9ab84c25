"""The whole program feeds a record elsewhere, another Vaguemestre, whose absence delays filing and nothing else."""

import contextlib
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.scenarios.record_pair import RecordPair, wait_until

NOBODY = 2**22 + 1  # beyond the highest pid
KILLS = int(os.environ.get("VAGUEMESTRE_FILING_KILLS", "4"))


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[RecordPair]:
    made = RecordPair(tmp_path)
    yield made
    made.stop()


@pytest.mark.requirement("VGM:DMP-03")
def test_documents_reach_the_record_elsewhere_once_it_is_there(pair: RecordPair, tmp_path: Path):
    pair.gateway.serve("worker", "imap")
    first = pair.file(tmp_path)
    wait_until(lambda: [each["attempts"] for each in pair.pending()] >= [1], "a first attempt")
    (waiting,) = pair.pending()
    assert (waiting["step"], waiting["state"], waiting["code"]) == ("dmp", "waiting", "X_DMP_INJOIGNABLE")

    pair.record.serve("portal")
    assert pair.gateway.run("dmp", "retry", str(waiting["id"])) == {"retried": 1}
    wait_until(lambda: not pair.pending(), "the document is filed")
    second = pair.file(tmp_path)
    wait_until(lambda: len(pair.filed()) == 2, "the next one too")

    assert sorted(pair.filed()) == sorted([first, second])


@pytest.mark.requirement("VGM:DMP-05")
def test_a_worker_killed_at_any_instant_files_each_document_once(pair: RecordPair, tmp_path: Path):
    pair.record.serve("portal")
    pair.gateway.serve("worker", "imap")
    chance, sent = random.Random(2026), []

    for _ in range(KILLS):
        sent += [pair.file(tmp_path) for _ in range(2)]
        time.sleep(chance.uniform(0.0, 0.3))
        wait_until(lambda: pair.worker() is not None, "the worker runs")
        with contextlib.suppress(ProcessLookupError):
            os.kill(pair.worker() or NOBODY, signal.SIGKILL)
    wait_until(lambda: pair.worker() is not None, "the worker runs again")
    _hasten(pair)

    copies = Counter(pair.filed())
    print(f"{KILLS} kills, {len(sent)} documents")
    assert sorted(copies) == sorted(sent)
    assert set(copies.values()) == {1}


def _hasten(pair: RecordPair) -> None:
    """Have what a dead worker had leased tried at once, instead of at the end of its lease."""
    pair.gateway.run("dmp", "retry", "--all")
    wait_until(lambda: not pair.pending(), "every document is filed")
