"""A record with one patient, one doctor who takes care of her, and the ways into it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import pytest

import dmp_bridge.tables
from access_core.care import declare_care
from access_core.case_inputs import local_sender
from access_core.identifiers import INS
from access_core.professionals import Professional
from access_core.profiles import Profile
from access_core.trace.entries import TraceEntry
from access_core.trace.reader import history_of_patient
from dmp_bridge.config import TEST_INS_AUTHORITIES, BridgeSettings
from dmp_bridge.filing import Filer
from dmp_bridge.intake import build_filer
from dmp_bridge.outcome import FilingCase, FilingOutcome, refuse
from dmp_bridge.preparation import prepare_archive
from dmp_bridge.record.documents import documents_of
from dmp_bridge.record.model import RecordedDocument
from dmp_bridge.refusals import ExchangeError
from mailstore.config import MailStoreSettings
from mailstore.store import MailStore
from tests.fictional.people import add_martin, add_patient
from tests.standins.postgres import PostgresServer
from tests.unit.dmp_bridge.mail_intake import receive
from vaguemestre.app.demo.fictional_documents import DOMINIQUE
from vaguemestre.kernel.blobs import build_blobs
from vaguemestre.kernel.clock import ManualClock
from vaguemestre.kernel.database import Database, Transaction
from vaguemestre.kernel.keys import InstanceKey

if TYPE_CHECKING:
    from tests.unit.dmp_bridge.xds_house import House

T = TypeVar("T")
on_each_engine = pytest.mark.parametrize("engine", ["sqlite", "postgresql"], indirect=True)
__all__ = ["receive"]  # a fixture of every test here
assert dmp_bridge.tables.document_entry.name == "document_entry"  # declared before `create_all`


@dataclass(frozen=True, slots=True, kw_only=True)
class Practice:
    """An instance with a doctor and her patient."""

    database: Database
    store: MailStore
    clock: ManualClock
    filer: Filer
    doctor: Professional
    patient: Profile

    def case(self, **changes: object) -> FilingCase:
        """A message of the doctor to her patient."""
        case = FilingCase(
            profile=self.patient,
            sender=local_sender(self.doctor),
            now=self.clock.now(),
            message_id_header="<1@demo.mssante.fr>",
            informed=True,
        )
        return replace(case, **changes)  # type: ignore[arg-type]

    def file(self, archive: bytes, **changes: object) -> list[FilingOutcome]:
        """File an archive as the intake does, in one unit of work."""
        case = self.case(**changes)
        try:
            prepared = prepare_archive(archive, BridgeSettings(ins_authorities=TEST_INS_AUTHORITIES).reader_rules())
        except ExchangeError as error:
            code = error.code
            return [self.write(lambda tx: refuse(tx, case, code))]
        return self.write(lambda tx: [self.filer.file(tx, case, each) for each in prepared])

    def write(self, work: Callable[[Transaction], T]) -> T:
        """Run a unit of work."""
        return self.database.write_now(work)

    def documents(self) -> list[RecordedDocument]:
        """What the patient's record holds."""
        return self.database.read_now(lambda tx: documents_of(tx, self.patient.id))

    def history(self) -> list[TraceEntry]:
        """What the trace tells of her, oldest first."""
        recorded = self.database.read_now(lambda tx: history_of_patient(tx, self.patient.id))
        return [each.entry for each in reversed(recorded)]


@pytest.fixture
def engine(request: pytest.FixtureRequest) -> str:
    """The database under the record: SQLite, unless a test asks for others by `on_each_engine`."""
    return getattr(request, "param", "sqlite")


@pytest.fixture
def database(engine: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    if engine == "sqlite":
        url = f"sqlite:///{tmp_path}/catalogue.db"
    else:
        server: PostgresServer = request.getfixturevalue("postgres")
        url = server.fresh_database()
    catalogue = Database(url)
    catalogue.create_all()
    yield catalogue
    catalogue.close()


@pytest.fixture
def practice(database: Database, clock: ManualClock, tmp_path: Path) -> Practice:
    store = MailStore(
        blobs=build_blobs(f"file://{tmp_path}/blobs"),
        instance_key=InstanceKey(bytes(32)),
        clock=clock,
        settings=MailStoreSettings(),
    )
    now = clock.now()

    def settle(tx: Transaction) -> tuple[Professional, Profile]:
        doctor = add_martin(tx, now)
        patient = add_patient(
            tx,
            now,
            INS.parse(DOMINIQUE.ins),
            family=DOMINIQUE.family,
            given="Dominique",
            birth_date=DOMINIQUE.birth_date,
            email="dominique@exemple.fr",
        )
        store.create_mailbox(tx, patient.account_id)
        declare_care(tx, patient.id, doctor.account_id, until=None, now=now)
        return doctor, patient

    doctor, patient = database.write_now(settle)
    return Practice(
        database=database,
        store=store,
        clock=clock,
        filer=build_filer(store, BridgeSettings(ins_authorities=TEST_INS_AUTHORITIES)),
        doctor=doctor,
        patient=patient,
    )


@pytest.fixture
def house(practice: Practice) -> "House":
    from tests.unit.dmp_bridge.xds_house import open_house

    return open_house(practice)
