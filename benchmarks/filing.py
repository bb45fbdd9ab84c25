"""Filing of documents that came by mail: documents per second, CPU time of each, memory of the worker.

Run it as `python -m benchmarks.filing [--messages N] [--database URL] [--profile]`: N mails, each with an IHE_XDM.zip
of one CDA, wait in a patient's mailbox; the worker's own loop then files them. Figures of one machine compare with each
other only.
"""

import argparse
import asyncio
import cProfile
import os
import pstats
import resource
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, date, datetime
from email.message import EmailMessage
from email.utils import make_msgid
from pathlib import Path

import dmp_bridge.tables  # noqa: F401 - declares what `create_all` creates
from access_core.care import declare_care
from access_core.identifiers import INS
from access_core.professionals import MailboxType, NewProfessional, add_professional
from access_core.profiles import NewProfile, Profile, add_profile
from dmp_bridge.config import TEST_INS_AUTHORITIES, BridgeSettings
from dmp_bridge.intake import INTAKE_TASK, Intake
from dmp_bridge.record.documents import documents_of
from mailstore.config import MailStoreSettings
from mailstore.store import Delivery, MailStore
from vaguemestre.app.demo.fictional_documents import DOMINIQUE, fictional_archive, fictional_cda
from vaguemestre.kernel.blobs import LocalBlobs
from vaguemestre.kernel.bus import build_bus
from vaguemestre.kernel.clock import SystemClock
from vaguemestre.kernel.database import Database, Transaction
from vaguemestre.kernel.keys import InstanceKey
from vaguemestre.kernel.outbox import OutboxWorker, enqueue

DOCTOR = "camille.martin@bench.mssante.fr"


@dataclass(frozen=True)
class Office:
    """What files: the catalogue, the store, a patient and the account of her doctor."""

    database: Database
    store: MailStore
    patient: Profile
    doctor_id: str


def main() -> None:
    """Deliver the mails, file their documents, print the figures."""
    options = _options()
    with tempfile.TemporaryDirectory(prefix="vaguemestre-bench-") as place:
        folder = Path(place)
        database = Database(options.database or f"sqlite:///{folder}/catalogue.db")
        database.create_all()
        try:
            asyncio.run(_measure(_open(database, folder), folder, options))
        finally:
            database.close()


async def _measure(office: Office, folder: Path, options: argparse.Namespace) -> None:
    sizes = [await _deliver(office) for _ in range(options.messages)]
    before, bus = _resident_mb(), build_bus("sqlite://", folder / "bus")
    clock = SystemClock()
    settings = BridgeSettings(ins_authorities=TEST_INS_AUTHORITIES)
    intake = Intake(database=office.database, store=office.store, clock=clock, settings=settings)
    worker = OutboxWorker(office.database, bus, clock, {INTAKE_TASK: intake})
    profile = cProfile.Profile() if options.profile else None
    wall, cpu = time.perf_counter(), time.process_time()
    if profile is not None:
        profile.enable()
    await worker.run_due()
    if profile is not None:
        profile.disable()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    await bus.close()
    filed = office.database.read_now(lambda tx: len(documents_of(tx, office.patient.id)))
    assert filed == options.messages, f"{filed} of {options.messages} were filed"
    print(f"{filed} documents of {sum(sizes) // len(sizes) // 1024} KB mails in {wall:.1f} s")
    print(f"{'documents per second':<32}{filed / wall:>10.1f}")
    print(f"{'CPU of one document, ms':<32}{1e3 * cpu / filed:>10.2f}")
    print(f"{'memory before, MB':<32}{before:>10.0f}")
    print(f"{'memory at most, MB':<32}{_peak_mb():>10.0f}")
    if profile is not None:
        pstats.Stats(profile).sort_stats("tottime").print_stats(25)


async def _deliver(office: Office) -> int:
    """Put one mail into the patient's mailbox with its filing task; returns its size in bytes."""
    message = _mail()
    draft = office.store.draft()
    await draft.write(message)
    sealed = await draft.seal()
    now, patient = datetime.now(UTC), office.patient
    order = {
        "message_id": sealed.message_id,
        "mailbox_id": patient.account_id,
        "profile_id": patient.id,
        "sender_account_id": office.doctor_id,
        "sender_address": DOCTOR,
    }

    def accept(tx: Transaction) -> None:
        office.store.deliver(tx, sealed, [Delivery(mailbox_id=patient.account_id, internal_date=now)])
        enqueue(tx, INTAKE_TASK, sealed.message_id, order, due_at=now)

    await office.database.write(accept)
    return len(message)


def _mail() -> bytes:
    message = EmailMessage()
    message["From"], message["To"] = DOCTOR, f"{DOMINIQUE.ins}@patient.mssante.fr"
    message["Subject"], message["Message-ID"] = "XDM/1.0/DDM+Compte rendu", make_msgid(domain="bench.mssante.fr")
    message.set_content("Bonjour, voici votre compte rendu.")
    archive = fictional_archive(fictional_cda())
    message.add_attachment(archive, maintype="application", subtype="zip", filename="IHE_XDM.zip")
    return message.as_bytes()


def _open(database: Database, folder: Path) -> Office:
    store = MailStore(
        blobs=LocalBlobs(folder / "blobs"),
        instance_key=InstanceKey(os.urandom(32)),
        clock=SystemClock(),
        settings=MailStoreSettings(),
    )
    return database.write_now(lambda tx: _settle(tx, database, store))


def _settle(tx: Transaction, database: Database, store: MailStore) -> Office:
    now = datetime.now(UTC)
    doctor = add_professional(
        tx,
        NewProfessional(
            address=DOCTOR,
            type=MailboxType.PER,
            name="Dr Camille Martin",
            created_at=now,
            rpps="10002422979",
            profession="10",
        ),
    )
    patient = add_profile(
        tx,
        NewProfile(
            ins=INS.parse(DOMINIQUE.ins),
            family=DOMINIQUE.family,
            given="Dominique",
            birth_date=date(1979, 3, 28),
            sex="F",
            created_at=now,
        ),
    )
    store.create_mailbox(tx, patient.account_id)
    declare_care(tx, patient.id, doctor.account_id, until=None, now=now)
    return Office(database, store, patient, doctor.account_id)


def _resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.filing", description=__doc__)
    parser.add_argument("--messages", type=int, default=1_000, help="how many mails, each with one document")
    parser.add_argument("--database", help="SQLAlchemy URL; SQLite in a temporary folder by default")
    parser.add_argument("--profile", action="store_true", help="print where the time goes")
    return parser.parse_args()


if __name__ == "__main__":
    main()
