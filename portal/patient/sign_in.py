"""Who may enter the patient space, and leaving it."""

from functools import partial

from access_core.accounts import Account
from access_core.trace.entries import record
from portal.patient.tracing import Event, event_entry
from portal.patient.viewer import Viewer, patient_of
from portal.services import PortalServices
from portal.sessions import Stage, close_session
from vaguemestre.kernel.database import Transaction


def admit_patient(tx: Transaction, account: Account) -> Stage | None:
    """Let a patient in whose profile is active, always with both factors."""
    return None if patient_of(tx, account) is None else Stage.CODE


async def sign_out(services: PortalServices, viewer: Viewer) -> None:
    """End the session of this cookie."""
    await services.database.write(partial(_sign_out, viewer=viewer, services=services))


def _sign_out(tx: Transaction, viewer: Viewer, services: PortalServices) -> None:
    close_session(tx, viewer.session.account_id, viewer.session.id)
    record(tx, event_entry(viewer.profile, Event.SIGN_OUT, services.clock.now()))
