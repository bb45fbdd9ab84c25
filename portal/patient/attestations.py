"""The proofs that concern the patient: listed, and downloaded as PDF. Each download is traced."""

from functools import partial

from access_core.attestations import Attestation, attestation_of, attestation_pdf, attestations_of
from access_core.trace.entries import record
from portal.attachments.kinds import FileContent, Kind
from portal.patient.tracing import Event, event_entry
from portal.patient.viewer import Viewer
from portal.services import PortalServices
from vaguemestre.kernel.database import Transaction


async def list_attestations(services: PortalServices, viewer: Viewer) -> list[Attestation]:
    """Return her proofs, the latest first."""
    found = await services.database.read(partial(attestations_of, profile_id=viewer.profile.id))
    return found[::-1]


async def read_attestation(services: PortalServices, viewer: Viewer, attestation_id: str) -> FileContent | None:
    """Return one proof as a PDF; None when it is not hers."""
    work = partial(_read, services=services, viewer=viewer, attestation_id=attestation_id)
    proof = await services.database.write(work)
    if proof is None:
        return None
    return FileContent(
        name=f"attestation-{proof.issued_at:%Y-%m-%d}.pdf", content=attestation_pdf(proof), kind=Kind.PDF
    )


def _read(tx: Transaction, services: PortalServices, viewer: Viewer, attestation_id: str) -> Attestation | None:
    proof = attestation_of(tx, viewer.profile.id, attestation_id)
    if proof is not None:
        now = services.clock.now()
        record(tx, event_entry(viewer.profile, Event.ATTESTATION_READ, now, resource=("attestation", proof.id)))
    return proof
