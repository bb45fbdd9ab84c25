"""The fault run at length: 10,000 messages, three operators that fail at random, 50 workers killed."""

from pathlib import Path

import pytest

from tests.standins.fault_run import FaultRun, Plan, check
from tests.standins.ports import free_port_base
from tests.standins.postgres import PostgresServer


@pytest.mark.requirement("VGM:RELAY-04")
def test_ten_thousand_messages_end_once_though_fifty_workers_are_killed(tmp_path: Path) -> None:
    plan = Plan(messages=10_000, kills=50, lifetime_s=600, patience_s=3_000)

    ledger = FaultRun(tmp_path / "vaguemestre", plan, free_port_base()).run()

    print(ledger.summary())
    check(ledger, plan)


@pytest.mark.requirement("VGM:RELAY-04")
def test_the_same_on_postgresql(tmp_path: Path, postgres: PostgresServer) -> None:
    url = postgres.fresh_database()
    plan = Plan(messages=1_500, kills=15, lifetime_s=600, patience_s=1_200, database_url=url)

    ledger = FaultRun(tmp_path / "vaguemestre", plan, free_port_base()).run()

    print(ledger.summary())
    check(ledger, plan)
