"""Cost of the store: CPU microseconds for each step of one message, and messages per second made durable.

Run it as `python -m benchmarks.store [--messages N] [--database URL]`; figures of one machine compare with each
other only.
"""

import argparse
import asyncio
import os
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from mailstore.mime.indexer import Indexer
from mailstore.store import Delivery, MailStore, MailStoreSettings, SealedMessage
from vaguemestre.kernel.blobs import LocalBlobs
from vaguemestre.kernel.clock import SystemClock
from vaguemestre.kernel.database import Database, Transaction
from vaguemestre.kernel.ids import new_id
from vaguemestre.kernel.keys import InstanceKey

MAILBOXES = 50
LINE = b"compte rendu biologie patient examen resultat ordonnance traitement dossier\r\n"
HEAD = (
    b"Received: from a.example (a.example [192.0.2.1]) by b.example with ESMTPS id 1;\r\n"
    b" Mon, 23 Nov 2026 10:00:00 +0100\r\nFrom: Dr Martin <medecin@peer.mssante.fr>\r\n"
    b"To: 279035121518989@patient.mssante.fr\r\nDate: Mon, 23 Nov 2026 10:00:00 +0100\r\n"
    b"Message-ID: <1@peer.mssante.fr>\r\nSubject: Compte rendu 1 du service\r\nMIME-Version: 1.0\r\n"
)


def plain(size: int) -> bytes:
    """Return a text message of about SIZE bytes."""
    return HEAD + b"Content-Type: text/plain; charset=us-ascii\r\n\r\n" + LINE * max(1, (size - len(HEAD)) // len(LINE))


def multipart(size: int) -> bytes:
    """Return a message of about SIZE bytes with an attachment in base64."""
    part = b"--limite\r\nContent-Type: text/plain\r\n\r\n" + LINE
    attachment = b"--limite\r\nContent-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    base64_line = b"QUJD" * 19 + b"\r\n"
    body = part + attachment + base64_line * (size // len(base64_line)) + b"--limite--\r\n"
    return HEAD + b'Content-Type: multipart/mixed; boundary="limite"\r\n\r\n' + body


def report(name: str, count: int, work: Callable[[], object]) -> None:
    """Print the CPU time of WORK, which does something COUNT times."""
    start = time.process_time()
    work()
    print(f"{name:<44} {(time.process_time() - start) / count * 1e6:>9.1f} µs CPU")


def index(message: bytes) -> None:
    """Index a message fed in 64 KB chunks."""
    indexer = Indexer()
    for start in range(0, len(message), 65_536):
        indexer.feed(message[start : start + 65_536])
    indexer.finish()


async def seal(store: MailStore, message: bytes) -> SealedMessage:
    """Write and seal a message."""
    draft = store.draft()
    await draft.write(message)
    return await draft.seal()


async def measure(store: MailStore, database: Database, count: int) -> None:
    """Print the figures."""
    mailboxes = [new_id() for _ in range(MAILBOXES)]
    await database.write(lambda tx: [store.create_mailbox(tx, mailbox_id) for mailbox_id in mailboxes])
    message, now = plain(2_048), datetime.now(UTC)
    report("index 2 KB", count, lambda: [index(message) for _ in range(count)])
    report("index 1 MB", 20, lambda: [index(multipart(1_000_000)) for _ in range(20)])

    start = time.process_time()
    sealed = [await seal(store, message) for _ in range(count)]
    print(f"{'draft, index and seal 2 KB':<44} {(time.process_time() - start) / count * 1e6:>9.1f} µs CPU")

    def deliver_all(tx: Transaction) -> None:
        for place, each in enumerate(sealed):
            store.deliver(tx, each, [Delivery(mailbox_id=mailboxes[place % MAILBOXES], internal_date=now)])

    start = time.process_time()
    await database.write(deliver_all)
    print(f"{'deliver, in one group':<44} {(time.process_time() - start) / count * 1e6:>9.1f} µs CPU")

    async def one(place: int) -> None:
        each = await seal(store, message)
        delivery = Delivery(mailbox_id=mailboxes[place % MAILBOXES], internal_date=now)
        await database.write(lambda tx: store.deliver(tx, each, [delivery]))

    for at_once in (1, 8, 50):
        started, cpu = time.perf_counter(), time.process_time()
        for first in range(0, count, at_once):
            await asyncio.gather(*(one(place) for place in range(first, first + at_once)))
        seconds, used = time.perf_counter() - started, time.process_time() - cpu
        print(f"durable, {at_once:>2} at once: {count / seconds:>7.0f} messages/s {used / count * 1e6:>21.1f} µs CPU")
    await measure_reading(store, database, mailboxes[0])


async def measure_reading(store: MailStore, database: Database, mailbox_id: str) -> None:
    """Print the cost of listing and opening what one mailbox holds."""
    inbox = await database.read(lambda tx: store.folder(tx, mailbox_id, "INBOX"))
    assert inbox is not None
    found = await database.read(lambda tx: store.entries(tx, inbox.id))
    ids = [entry.message_id for entry in found]
    report("entries", len(ids), lambda: database.read_now(lambda tx: store.entries(tx, inbox.id)))
    report("indexes", len(ids), lambda: database.read_now(lambda tx: store.indexes(tx, mailbox_id, ids)))
    report(
        "open and read 2 KB",
        len(ids),
        lambda: [database.read_now(lambda tx, each=each: store.open(tx, mailbox_id, each).read()) for each in ids],  # type: ignore[misc]
    )


def main() -> None:
    """Measure on a fresh catalogue in a temporary folder, or on the one given."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=2_000)
    parser.add_argument(
        "--database", help="SQLAlchemy URL of an empty PostgreSQL database; default: SQLite in /var/tmp"
    )
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir="/var/tmp") as name:
        folder = Path(name)
        database = Database(arguments.database or f"sqlite:///{folder}/catalogue.db")
        database.create_all()
        store = MailStore(
            blobs=LocalBlobs(folder / "blobs"),
            instance_key=InstanceKey(os.urandom(32)),
            clock=SystemClock(),
            settings=MailStoreSettings(),
        )
        asyncio.run(measure(store, database, arguments.messages))
        database.close()


if __name__ == "__main__":
    main()
