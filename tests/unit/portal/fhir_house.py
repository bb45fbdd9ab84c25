"""The FHIR service in front of a patient's record, and the software of Dr Martin and of her service."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import httpx2

from access_core.care import declare_care
from access_core.professionals import MailboxType, NewProfessional, add_professional
from access_core.trace.reader import acts_of, history_of_patient
from dmp_bridge.config import TEST_INS_AUTHORITIES, BridgeSettings
from dmp_bridge.record.documents import documents_of
from dmp_bridge.record.model import RecordedDocument
from portal.app import create_app
from portal.fhir.app import build_fhir
from portal.fhir.parts import FhirParts
from portal.patient.reply import image_limits
from tests.fictional.fhir_client import FhirClient, Issuer
from tests.fictional.patient_space import PatientSpace
from tests.fictional.people import add_service
from vaguemestre.kernel.database import Transaction

BASE = "https://portail.test"


@dataclass(frozen=True)
class FhirHouse:
    """The service and its callers."""

    space: PatientSpace
    doctor: FhirClient
    service: FhirClient
    client: httpx2.AsyncClient
    issuer: Issuer

    def token_of(self, address: str) -> str:
        return self.issuer.token(address)

    def add_colleague(self, *, in_team: bool = False) -> FhirClient:
        """Dr Durand, who takes care of the patient only if IN_TEAM."""
        now, space = self.space.clock.now(), self.space

        def settle(tx: Transaction) -> str:
            new = NewProfessional(
                address="paul.durand@demo.mssante.fr",
                type=MailboxType.PER,
                name="Dr Paul Durand",
                created_at=now,
                rpps="10009999999",
                profession="10",
            )
            added = add_professional(tx, new)
            if in_team:
                declare_care(tx, space.patient.id, added.account_id, until=None, now=now)
            return added.address

        return FhirClient(self.client, self.issuer.token(self.write(settle)))

    def acts_of(self, account_id: str) -> list[tuple[str, str]]:
        """What the trace tells of a professional, oldest first."""
        recorded = self.space.database.read_now(lambda tx: acts_of(tx, account_id))
        return [(each.entry.act, each.entry.reason) for each in reversed(recorded)]

    def write(self, work: Callable[[Transaction], Any]) -> Any:
        return self.space.database.write_now(work)

    def documents(self) -> list[RecordedDocument]:
        """What the patient's record holds."""
        return self.space.database.read_now(lambda tx: documents_of(tx, self.space.patient.id))

    def document(self) -> RecordedDocument:
        """The one document of the record."""
        (found,) = self.documents()
        return found

    def acts(self) -> list[tuple[str, str]]:
        """What the trace tells of the patient's record, oldest first, but deliveries."""
        recorded = self.space.database.read_now(lambda tx: history_of_patient(tx, self.space.patient.id))
        return [(each.entry.act, each.entry.reason) for each in reversed(recorded)]


@asynccontextmanager
async def open_fhir_house(space: PatientSpace, **settings: Any) -> AsyncIterator[FhirHouse]:
    """Serve the record of SPACE."""
    now = space.clock.now()
    service = space.database.write_now(lambda tx: add_service(tx, now, space.doctor.address))
    issuer = Issuer()
    services = space.services()
    services.authenticator.accept_tokens(issuer)
    parts = FhirParts(
        database=space.database,
        store=space.store,
        clock=space.clock,
        settings=BridgeSettings(ins_authorities=TEST_INS_AUTHORITIES, **settings),
        tokens=services.authenticator,
        images=image_limits(services.settings),
    )
    transport = httpx2.ASGITransport(app=create_app(replace(services, fhir=build_fhir(parts))))
    async with httpx2.AsyncClient(transport=transport, base_url=BASE) as client:
        doctor = FhirClient(client, issuer.token(space.doctor.address))
        yield FhirHouse(space, doctor, FhirClient(client, issuer.token(service.address)), client, issuer)
    services.authenticator.close()
