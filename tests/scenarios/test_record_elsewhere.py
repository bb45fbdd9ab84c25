"""The whole program feeds a record elsewhere, another Vaguemestre, whose absence delays filing and nothing else."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.scenarios.record_pair import RecordPair, kill_while_filing, wait_until

KILLS = 3  # thirty of them: `make interop`


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RecordPair]:
    made = RecordPair(tmp_path_factory.mktemp("pair"))
    yield made
    made.stop()


@pytest.mark.requirement("VGM:DMP-03")
def test_documents_reach_the_record_elsewhere_once_it_is_there(pair: RecordPair, tmp_path: Path):
    (first,) = pair.file(tmp_path)
    pair.gateway.serve("worker", "imap")
    wait_until(lambda: pair.waiting() == ["X_DMP_INJOIGNABLE"], "a first attempt")
    assert [(each["step"], each["state"]) for each in pair.pending()] == [("dmp", "waiting")]
    assert pair.gateway.stop() == 0

    pair.serve()
    pair.gateway.run("dmp", "retry", "--all")
    wait_until(lambda: not pair.waiting(), "the document is filed")
    (second,) = pair.file(tmp_path)
    wait_until(lambda: not pair.waiting(), "the next one too")

    assert pair.pending() == []
    assert sorted(pair.filed()) == sorted([first, second])


@pytest.mark.requirement("VGM:DMP-05")
def test_a_worker_killed_at_any_instant_files_each_document_once(pair: RecordPair, tmp_path: Path):
    sent = kill_while_filing(pair, tmp_path, KILLS)

    copies = Counter(pair.filed())
    assert set(sent) <= set(copies)
    assert set(copies.values()) == {1}
