"""A professional in front of a patient's record: found by INS, opened by the engine, traced each time.

The list holds what she may read and nothing tells of the rest. Nobody opens a record in an emergency from here.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from access_core.case_inputs import NO_DOCUMENT, ReadingRequest
from access_core.decision import Decision
from access_core.identifiers import INS
from access_core.looking import decide_looking
from access_core.profiles import Profile, profile_by_id, profile_by_ins
from access_core.trace.decisions import About, decision_entry
from access_core.trace.entries import record
from dmp_bridge.services.registry_service import SEARCHED, note_no_patient
from portal.documents.record import DocumentLine, visible_documents
from portal.pro.viewer import ProfessionalViewer
from portal.services import PortalServices
from portal.sessions import Session
from vaguemestre.kernel.database import Transaction


@dataclass(frozen=True, slots=True)
class PatientRecord:
    """A professional who is signed in, and the patient whose record she asks for."""

    viewer: ProfessionalViewer
    profile: Profile

    @property
    def name(self) -> str:
        """Name of the professional."""
        return self.viewer.name

    @property
    def session(self) -> Session:
        """Session of the professional."""
        return self.viewer.session

    @property
    def professional_id(self) -> str:
        """Account of the professional."""
        return self.viewer.professional.account_id

    @property
    def documents_path(self) -> str:
        """Address of the list of the patient's documents."""
        return f"/pro/patients/{self.profile.id}/documents"

    def reading(self, now: datetime) -> ReadingRequest:
        """Say to the engine who reads in whose record."""
        reader = self.viewer.reader(now)
        return ReadingRequest(
            reader=reader.sender, profile=self.profile, document=NO_DOCUMENT, session=reader.session, now=now
        )


@dataclass(frozen=True, slots=True)
class OpenedRecord:
    """The decision, and the documents that she may read, the latest first."""

    decision: Decision
    documents: tuple[DocumentLine, ...] = ()


async def find_record(services: PortalServices, viewer: ProfessionalViewer, ins_text: str) -> PatientRecord | None:
    """Find the record of a patient by her INS; None without one, which is traced.

    Raises:
        InvalidIdentifier: it is no INS.
    """
    ins = INS.parse(ins_text, strict=False)
    profile = await services.database.read(partial(profile_by_ins, ins=ins))
    if profile is None:
        reader = viewer.reader(services.clock.now())
        await services.database.write(lambda tx: note_no_patient(tx, reader.sender, SEARCHED, reader.now))
        return None
    return PatientRecord(viewer, profile)


async def record_of(services: PortalServices, viewer: ProfessionalViewer, profile_id: str) -> PatientRecord | None:
    """Return the record of a patient by the id of her profile; None when there is none."""
    profile = await services.database.read(partial(profile_by_id, profile_id=profile_id))
    return None if profile is None else PatientRecord(viewer, profile)


async def open_record(services: PortalServices, asked: PatientRecord) -> OpenedRecord:
    """List what she may read in a record; decided and traced, whatever it holds."""
    return await services.database.write(partial(_open, services=services, asked=asked))


def _open(tx: Transaction, services: PortalServices, asked: PatientRecord) -> OpenedRecord:
    now = services.clock.now()
    case, decision = decide_looking(tx, asked.reading(now))
    entry = decision_entry(case, decision, About(resource_kind="query"), at=now)
    record(tx, replace(entry, act=SEARCHED, obligations=()))
    if not decision.allowed:
        return OpenedRecord(decision)
    return OpenedRecord(decision, tuple(visible_documents(tx, services, asked)))
