"""Where mail goes and over how many connections: MX records from a DNS server, slots shared between workers."""

import asyncio
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from smtp_gateway.queue import lanes
from smtp_gateway.queue.model import EntryState, Trouble
from tests.standins.dns_server import DnsServer
from tests.unit.smtp_gateway.relaying import Relay
from tests.unit.smtp_gateway.world import PEER, PEER_DOMAIN, Options, running
from vaguemestre.kernel.clock import ManualClock


@pytest.fixture
def relay(tmp_path: Path) -> Iterator[Relay]:
    clock = ManualClock(datetime.now(UTC))
    with running(tmp_path, Options(clock=clock)) as world:
        made = Relay(world, clock)
        yield made
        world.run(made.peer.close())


@pytest.mark.parametrize(
    ("records", "state", "trouble"),
    [
        (("10 injoignable.test.", "20 localhost."), EntryState.SENT, None),
        (("20 injoignable.test.", "5 localhost."), EntryState.SENT, None),
        (("10 injoignable.test.",), EntryState.WAITING, Trouble.UNREACHABLE),
        (("0 .",), EntryState.FAILED, Trouble.NO_ROUTE),
        ((), EntryState.FAILED, Trouble.NO_ROUTE),
    ],
)
def test_mail_goes_where_the_records_of_the_domain_say(
    relay: Relay, records: tuple[str, ...], state: EntryState, trouble: Trouble | None
) -> None:
    relay.submit(PEER)

    with DnsServer(f"{PEER_DOMAIN}. IN MX {record}" for record in records) as dns:
        settings = {"routes": {}, "dns_servers": (dns.address,), "port": relay.peer.port, "connect_timeout_s": 2}

        async def once() -> None:
            await relay.world.runner(**settings).run_due()

        relay.world.run(once())

    assert relay.states() == [(state, trouble)]
    assert len(relay.peer.taken) == (state is EntryState.SENT)


def test_domain_whose_servers_do_not_answer_waits(relay: Relay) -> None:
    relay.submit(PEER)

    async def once() -> None:
        await relay.world.runner(routes={}, dns_servers=("127.0.0.1:9",), dns_timeout_s=0.2).run_due()

    relay.world.run(once())

    assert relay.states() == [(EntryState.WAITING, Trouble.NO_ROUTE)]


def test_workers_share_the_connections_to_a_peer(relay: Relay) -> None:
    for _ in range(20):
        relay.submit(PEER)
    routes = {PEER_DOMAIN: f"127.0.0.1:{relay.peer.port}"}

    async def all_at_once() -> None:
        runners = [relay.world.runner(routes=routes, connections_per_destination=2, batch=5) for _ in range(4)]
        await asyncio.gather(*(each.run_due() for each in runners))

    relay.world.run(all_at_once())
    relay.work()

    assert relay.peer.most_at_once <= 2
    assert relay.states() == [(EntryState.SENT, None)] * 20


def test_connections_are_held_while_they_are_used(relay: Relay) -> None:
    world, routes = relay.world, {PEER_DOMAIN: f"127.0.0.1:{relay.peer.port}"}
    relay.peer.manners.data = lambda: "stall"
    relay.submit(PEER)

    async def work() -> int:
        return await world.runner(routes=routes, connection_lease_s=0.1, command_timeout_s=60).run_due()

    def held() -> bool:
        limit = 1
        return world.database.read_now(lambda tx: lanes.saturated(tx, relay.clock.now(), limit)) == [PEER_DOMAIN]

    working = world.begin(work())
    eventually(lambda: "DATA" in relay.peer.said)
    relay.clock.advance(timedelta(minutes=5))
    eventually(held)
    world.run(relay.peer.close())
    working.result(30)

    assert not held()
    assert relay.states() == [(EntryState.WAITING, Trouble.INTERRUPTED)]


def eventually(true: Callable[[], bool]) -> None:
    """Wait for what another thread does."""
    deadline = time.monotonic() + 30
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)
