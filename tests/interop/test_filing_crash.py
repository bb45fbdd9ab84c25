"""The worker is killed thirty times while it files documents elsewhere: each is filed once."""

from collections import Counter
from pathlib import Path

import pytest

from tests.scenarios.record_pair import RecordPair, kill_while_filing

KILLS = 30


@pytest.mark.requirement("VGM:DMP-05")
def test_a_worker_killed_thirty_times_files_each_document_once(tmp_path: Path):
    pair = RecordPair(tmp_path)
    try:
        sent = kill_while_filing(pair, tmp_path, KILLS)
        copies = Counter(pair.filed())
    finally:
        pair.stop()

    print(f"{KILLS} kills, {len(sent)} documents")
    assert sorted(copies) == sorted(sent)
    assert set(copies.values()) == {1}
