"""A watch on a mailbox elsewhere, and what is seen of it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import select

from dmp_bridge.config import TEST_INS_AUTHORITIES, BridgeSettings
from dmp_bridge.tables import watched_message
from dmp_bridge.watch import Watch, WatchParts
from dmp_bridge.watch_config import WatchSettings
from tests.fictional.watched_mailbox import WatchedMailbox

if TYPE_CHECKING:
    from tests.unit.dmp_bridge.conftest import Practice

PATIENCE_S = 60
Start = Callable[..., contextlib.AbstractAsyncContextManager[asyncio.Task[None]]]


@contextlib.asynccontextmanager
async def start_watching(
    practice: "Practice", mailbox: WatchedMailbox, secrets: Path, **changes: object
) -> AsyncIterator[asyncio.Task[None]]:
    """Watch a mailbox for the record of a practice, until the block ends; CHANGES of the settings."""
    password = secrets / "password"
    password.write_text(f"{mailbox.password}\n")
    password.chmod(0o600)
    facts: dict[str, object] = {
        "name": "app", "host": "localhost", "port": mailbox.port, "login": mailbox.login, "password_file": password,
        "authority": mailbox.authority, "reconnect_longest_s": 1, "timeout_s": 20, **changes,
    }  # fmt: skip
    parts = WatchParts(
        settings=BridgeSettings(ins_authorities=TEST_INS_AUTHORITIES),
        database=practice.database,
        store=practice.store,
        clock=practice.clock,
        presume_care=True,
    )
    watch = Watch(WatchSettings.model_validate(facts), parts)
    running = asyncio.create_task(watch.run())
    try:
        yield running
    finally:
        watch.drain()
        await asyncio.wait_for(running, PATIENCE_S)


async def until(reached: Callable[[], bool]) -> None:
    """Wait for something that the watch does."""
    async with asyncio.timeout(PATIENCE_S):
        while not await asyncio.to_thread(reached):  # noqa: ASYNC110 - another process gives no event
            await asyncio.sleep(0.02)


def outcomes(practice: "Practice") -> list[str]:
    """What became of each message that was taken in and flagged."""
    query = select(watched_message.c.outcome).where(watched_message.c.flagged.is_(True)).order_by(watched_message.c.uid)
    return list(practice.database.read_now(lambda tx: tx.execute(query).scalars().all()))
