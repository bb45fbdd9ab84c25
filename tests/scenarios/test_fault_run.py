"""A small fault run with real processes; the long one is in `tests/interop/`."""

from pathlib import Path

import pytest

from tests.standins.fault_run import FaultRun, Plan, check
from tests.standins.ports import free_port_base


@pytest.mark.requirement("VGM:RELAY-04")
def test_each_message_ends_once_though_workers_are_killed(tmp_path: Path) -> None:
    plan = Plan(messages=300, kills=5, lifetime_s=60)

    ledger = FaultRun(tmp_path / "vaguemestre", plan, free_port_base()).run()

    print(ledger.summary())
    check(ledger, plan)
