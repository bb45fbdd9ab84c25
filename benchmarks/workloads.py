"""The three workloads: durable deliveries, IMAP operations, idle sessions.

Each returns figures as {name: value}; names end in their unit. They count what the server holds afterwards,
so that a server that loses or doubles messages gets no figure.
"""

import asyncio
import contextlib
import os
import statistics
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice

from benchmarks.clients import DialogueError, Endpoint, ImapClient, SmtpClient
from benchmarks.processes import cpu_s, pss_kib

PER_CONNECTION = 20
FIGURE = float | int


@dataclass(frozen=True, slots=True)
class Load:
    """Where to send, as whom, and whose cost to count."""

    mx: Endpoint
    imaps: Endpoint
    sender: str
    accounts: Sequence[str]
    password: str
    pid: int


def message(sender: str, recipient: str, size_bytes: int) -> bytes:
    """Make a message of about SIZE_BYTES with a Message-ID of its own."""
    head = (
        f"From: Dr Martin <{sender}>\r\nTo: {recipient}\r\nDate: Mon, 23 Nov 2026 12:00:00 +0000\r\n"
        f"Message-ID: <{os.urandom(12).hex()}@peer.test>\r\nSubject: Compte rendu\r\nMIME-Version: 1.0\r\n"
        "Content-Type: text/plain; charset=us-ascii\r\n\r\n"
    ).encode()
    line = b"compte rendu de biologie resultat analyse suivi consultation\r\n"
    return head + line * max(1, (size_bytes - len(head)) // len(line))


async def deliveries(load: Load, *, count: int, connections: int, size_bytes: int) -> dict[str, FIGURE]:
    """Deliver COUNT messages over mutual TLS to 50 mailboxes, and look that each holds its own."""
    recipients = load.accounts[:50]
    before = await _messages(load, recipients)
    envelopes = [recipients[n % len(recipients)] for n in range(count)]
    waiting = iter([(recipient, message(load.sender, recipient, size_bytes)) for recipient in envelopes])
    latencies: list[float] = []

    async def connection() -> None:
        while batch := list(islice(waiting, PER_CONNECTION)):
            client = await SmtpClient.connect(load.mx)
            for recipient, content in batch:
                began = time.perf_counter()
                await client.send(load.sender, recipient, content)
                latencies.append(time.perf_counter() - began)
            await client.quit()

    cpu, began = cpu_s(load.pid), time.perf_counter()
    await asyncio.gather(*(connection() for _ in range(connections)))
    elapsed, used = time.perf_counter() - began, cpu_s(load.pid) - cpu
    held = await _messages(load, recipients) - before
    if held != count:
        raise DialogueError(f"{count} messages acknowledged, {held} held")
    return {
        "delivered_per_s": round(count / elapsed),
        "accept_p50_ms": round(statistics.median(latencies) * 1000, 2),
        "cpu_per_message_ms": round(used / count * 1000, 3),
    }


async def imap_operations(load: Load, *, messages: int, repeat: int) -> dict[str, FIGURE]:
    """Fill one mailbox, then time each ordinary operation on it, one client."""
    address = load.accounts[50]
    client = await ImapClient.connect(load.imaps, (address, load.password))
    content = message(load.sender, address, 2048)
    figures: dict[str, FIGURE] = {"append_per_s": await _rate(messages, lambda _: client.append(content))}
    operations: dict[str, Callable[[int], bytes]] = {
        "select": lambda _: b"SELECT INBOX",
        "noop": lambda _: b"NOOP",
        "fetch_body": lambda n: b"FETCH %d BODY.PEEK[]" % (n % messages + 1),
        "store": lambda n: b"STORE %d +FLAGS (\\Seen)" % (n % messages + 1),
        "search_unseen": lambda _: b"SEARCH UNSEEN",
    }
    for name, line in operations.items():
        figures[f"{name}_per_s"] = await _rate(repeat, partial(_run, client, line))
    began = time.perf_counter()
    await client.command(b"FETCH 1:* (FLAGS INTERNALDATE RFC822.SIZE ENVELOPE)")
    figures["list_messages_per_s"] = round(messages / (time.perf_counter() - began))
    await client.logout()
    return figures


async def idle_sessions(load: Load, *, connections: int) -> dict[str, FIGURE]:
    """Hold CONNECTIONS idle sessions; their memory and how soon a delivery wakes one."""
    before = pss_kib(load.pid)
    woken: dict[int, float] = {}
    gate = asyncio.Semaphore(16)

    async def session(number: int) -> asyncio.Task[None]:
        async with gate:
            address = load.accounts[number % len(load.accounts)]
            client = await ImapClient.connect(load.imaps, (address, load.password))
            await client.command(b"SELECT INBOX")

        def seen(line: bytes) -> None:
            if b"EXISTS" in line:
                woken.setdefault(number, time.perf_counter())

        return asyncio.create_task(client.idle(seen))

    tasks = await asyncio.gather(*(session(number) for number in range(connections)))
    await asyncio.sleep(2)
    held = pss_kib(load.pid) - before
    wakes = [await _wake(load, number, woken) for number in range(min(10, connections))]
    for task in tasks:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
    return {
        "kib_per_idle_session": round(held / connections, 1),
        "wake_p50_ms": round(statistics.median(wakes) * 1000, 1),
    }


async def _wake(load: Load, number: int, woken: dict[int, float]) -> float:
    """Deliver to the mailbox of session NUMBER; return the seconds from the 250 to its EXISTS."""
    address = load.accounts[number % len(load.accounts)]
    client = await SmtpClient.connect(load.mx)
    woken.clear()
    await client.send(load.sender, address, message(load.sender, address, 2048))
    acknowledged = time.perf_counter()
    deadline = acknowledged + 30
    while number not in woken:
        if time.perf_counter() > deadline:
            raise DialogueError("an idle session was not woken within 30 s")
        await asyncio.sleep(0.001)
    await client.quit()
    return max(0.0, woken[number] - acknowledged)


async def _run(client: ImapClient, line: Callable[[int], bytes], number: int) -> None:
    await client.command(line(number))


async def _rate(count: int, operation: Callable[[int], Awaitable[object]]) -> int:
    began = time.perf_counter()
    for number in range(count):
        await operation(number)
    return round(count / (time.perf_counter() - began))


async def _messages(load: Load, accounts: Sequence[str]) -> int:
    """Count the messages that the INBOX of each account holds, all together."""
    total = 0
    for address in accounts:
        client = await ImapClient.connect(load.imaps, (address, load.password))
        answer = await client.command(b"STATUS INBOX (MESSAGES)")
        total += int(answer.rpartition(b"MESSAGES ")[2].split(b")")[0])
        await client.logout()
    return total
