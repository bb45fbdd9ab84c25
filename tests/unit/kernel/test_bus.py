"""Wake-ups reach subscribers of the topic, in this process and in another."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from tests.standins.postgres import PostgresServer
from vaguemestre.kernel.bus import Bus, LocalBus, build_bus

PUBLISH = """
import sys
from pathlib import Path
from vaguemestre.kernel.bus import build_bus
build_bus(sys.argv[1], Path(sys.argv[2])).publish(["mailbox:%d" % n for n in range(2000)])
"""


@pytest.fixture(params=["sqlite", "postgresql"])
def bus_url(request: pytest.FixtureRequest) -> str:
    if request.param == "sqlite":
        return "sqlite:///catalogue.db"
    server: PostgresServer = request.getfixturevalue("postgres")
    return server.fresh_database()


async def heard(bus: Bus, topic: str) -> asyncio.Event:
    event = asyncio.Event()
    bus.subscribe(topic, event.set)
    return event


async def test_a_wake_up_crosses_processes(bus_url: str, tmp_path: Path):
    bus = build_bus(bus_url, tmp_path)
    await bus.start()
    first, last, other = [await heard(bus, topic) for topic in ("mailbox:0", "mailbox:1999", "mailbox:x")]

    process = await asyncio.create_subprocess_exec(sys.executable, "-c", PUBLISH, bus_url, str(tmp_path))
    await asyncio.wait_for(asyncio.gather(first.wait(), last.wait(), process.wait()), 20)

    assert not other.is_set()
    await bus.close()


async def test_a_wake_up_reaches_this_process_and_ends_with_the_subscription(bus_url: str, tmp_path: Path):
    bus = build_bus(bus_url, tmp_path)
    await bus.start()
    calls: list[str] = []
    unsubscribe = bus.subscribe("outbox", lambda: calls.append("first"))
    again = await heard(bus, "outbox")
    bus.publish(["outbox"])
    await asyncio.wait_for(again.wait(), 10)
    unsubscribe()
    again.clear()
    before = len(calls)
    bus.publish(["outbox"])
    await asyncio.wait_for(again.wait(), 10)

    assert before >= 1
    assert len(calls) == before
    await bus.close()


async def test_process_in_which_nobody_listens_has_no_socket(tmp_path: Path):
    bus = LocalBus(tmp_path)
    await bus.start()
    before = list(tmp_path.iterdir())
    event = await heard(bus, "outbox")
    bus.publish(["outbox"])
    await asyncio.wait_for(event.wait(), 10)

    assert before == []
    assert len(list(tmp_path.iterdir())) == 1
    await bus.close()


async def test_a_process_is_sent_the_kinds_of_topic_that_it_hears(tmp_path: Path):
    worker, server, sender = LocalBus(tmp_path), LocalBus(tmp_path), LocalBus(tmp_path)
    await worker.start()
    await server.start()
    tasks, mails = await heard(worker, "outbox"), await heard(server, "mailbox:1")

    sender.publish(["mailbox:1", "mailbox:2"])
    await asyncio.wait_for(mails.wait(), 10)

    assert {name.name.partition(".")[0] for name in tmp_path.iterdir()} == {"outbox", "mailbox"}
    assert not tasks.is_set()
    sender.publish(["outbox"])
    await asyncio.wait_for(tasks.wait(), 10)
    for bus in (worker, server, sender):
        await bus.close()
    assert list(tmp_path.iterdir()) == []


async def test_a_process_that_is_woken_in_vain_is_woken_no_more_until_it_hears_again(tmp_path: Path):
    bus, sender = LocalBus(tmp_path), LocalBus(tmp_path)
    await bus.start()
    bus.subscribe("mailbox:1", lambda: None)()
    told = await heard(bus, "outbox")
    before = {name.name.partition(".")[0] for name in tmp_path.iterdir()}

    sender.publish(["mailbox:2"])
    sender.publish(["outbox"])
    await asyncio.wait_for(told.wait(), 10)
    after = {name.name.partition(".")[0] for name in tmp_path.iterdir()}
    again = await heard(bus, "mailbox:3")
    sender.publish(["mailbox:3"])
    await asyncio.wait_for(again.wait(), 10)

    assert (before, after) == ({"mailbox", "outbox"}, {"outbox"})
    await bus.close()
    await sender.close()


async def test_sockets_of_dead_processes_are_removed(tmp_path: Path):
    code = (
        "import asyncio, os, sys\nfrom pathlib import Path\nfrom vaguemestre.kernel.bus import LocalBus\n"
        "async def main():\n    bus = LocalBus(Path(sys.argv[1]))\n    bus.subscribe('outbox', print)\n"
        "    await bus.start()\n    os._exit(9)\nasyncio.run(main())"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False, timeout=30)
    left_behind = list(tmp_path.iterdir())

    bus = LocalBus(tmp_path)
    bus.publish(["outbox"])

    assert len(left_behind) == 1
    assert list(tmp_path.iterdir()) == []
    await bus.close()
