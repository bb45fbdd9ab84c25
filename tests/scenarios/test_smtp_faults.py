"""Many messages to peers that fail at random, by workers killed at random: none is lost, none ends twice."""

import asyncio
import random
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from access_core.tables import trace_entry
from smtp_gateway.queue.model import EntryState
from smtp_gateway.tables import queue_entry
from tests.standins.peer import PeerOperator
from tests.unit.smtp_gateway.trust_space import ROW, SUBJECT
from tests.unit.smtp_gateway.world import (
    MARTIN,
    PEER_DOMAIN,
    Options,
    World,
    letter,
    running,
)
from vaguemestre.kernel.clock import ManualClock
from vaguemestre.kernel.database import Transaction
from vaguemestre.kernel.tls import server_context

MESSAGES = 90
KILLS = 12
SEED = 20_261_123
DOMAINS = (PEER_DOMAIN, "second.mssante.fr", "faux.mssante.fr")
ANSWERS = ("250 2.0.0 OK",) * 4 + ("451 4.3.0 later", "554 5.7.1 no", "lose", "drop", "stall")
FINAL_ACTS = ("message_relayed", "message_bounced", "message_dropped")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(datetime.now(UTC))


@pytest.fixture
def world(tmp_path: Path, database_url: str, clock: ManualClock) -> Iterator[World]:
    with running(tmp_path, Options(database_url=database_url, clock=clock)) as started:
        path = tmp_path / "whitelist.xml"
        subject = SUBJECT.format(host="mx.peer.test")
        rows = "".join(ROW.format(domain=domain, subject=subject) for domain in DOMAINS[1:])
        path.write_text(path.read_text(encoding="utf-8").replace("</ListeDomaines>", f"{rows}</ListeDomaines>"))
        assert started.trust.reload()
        yield started


def peers(world: World, chance: random.Random) -> list[PeerOperator]:
    """Start a peer for each domain; the last one shows a certificate that is not on the list."""
    started = []
    for stem in ("peer", "peer", "stranger"):
        folder = world.folder
        context = server_context(folder / f"{stem}.pem", folder / f"{stem}.key", client_ca=folder / "ca.pem")
        peer = PeerOperator(context)
        peer.manners.data = lambda: chance.choice(ANSWERS)
        started.append(world.run(peer.start()))
    return started


def submit(world: World) -> None:
    with world.at_submission() as client:
        for number in range(MESSAGES):
            recipient = f"r{number}@{DOMAINS[number % len(DOMAINS)]}"
            client.sendmail(MARTIN, [recipient], letter(MARTIN, recipient, Message_ID=f"<m{number}@demo>"))


async def work(world: World, settings: dict[str, object], kill_after: int | None) -> None:
    """Run two workers at once; after some steps of the loop one of them dies where it is."""
    workers = [world.runner(**settings) for _ in range(2)]
    tasks = [asyncio.create_task(worker.run_due()) for worker in workers]
    if kill_after is not None:
        for _ in range(kill_after):
            await asyncio.sleep(0)
        tasks[0].cancel()
        for task in workers[0]._busy.values():
            task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def outcomes(world: World) -> tuple[Counter[str], Counter[str], dict[str, str]]:
    """Return states, final trace entries by message, and the state of each recipient."""

    def read(tx: Transaction) -> tuple[Counter[str], Counter[str], dict[str, str]]:
        rows = tx.execute(select(queue_entry.c.recipient, queue_entry.c.state)).all()
        ends = tx.execute(select(trace_entry.c.message_id_header).where(trace_entry.c.act.in_(FINAL_ACTS))).scalars()
        return Counter(row.state for row in rows), Counter(ends), {row.recipient: row.state for row in rows}

    return world.database.read_now(read)


@pytest.mark.requirement("VGM:RELAY-04")
def test_each_message_ends_once_whatever_peers_and_workers_do(world: World, clock: ManualClock) -> None:
    chance = random.Random(SEED)
    operators = peers(world, chance)
    routes = {domain: f"127.0.0.1:{peer.port}" for domain, peer in zip(DOMAINS, operators, strict=True)}
    submit(world)

    rounds = 0
    while EntryState.WAITING in outcomes(world)[0]:
        kill_after = chance.randrange(400) if rounds < KILLS else None
        world.run(work(world, {"routes": routes, "command_timeout_s": 0.05}, kill_after))
        clock.advance(timedelta(hours=2))
        rounds += 1
    for peer in operators:
        world.run(peer.close())

    states, ends, by_recipient = outcomes(world)
    got = {recipient for peer in operators for message in peer.taken for recipient in message.recipients}
    sent = {recipient for recipient, state in by_recipient.items() if state == EntryState.SENT}
    assert states.total() == MESSAGES
    assert ends == Counter({f"<m{number}@demo>": 1 for number in range(MESSAGES)})
    assert sent <= got
    assert {recipient for recipient in by_recipient if recipient.endswith(DOMAINS[2])}.isdisjoint(sent | got)
    assert len(world.messages(MARTIN)) >= MESSAGES - len(sent)
