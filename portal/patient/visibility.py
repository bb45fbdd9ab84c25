"""Hiding a document of hers from professionals, and showing it again; the engine decides, the record changes."""

from functools import partial

from access_core.acts import Act
from access_core.case_acts import Asking
from access_core.decision import Decision
from access_core.performing import Outcome, settle_soon
from dmp_bridge.record.acts import Change, mask_document, unmask_document
from dmp_bridge.record.model import RecordedDocument
from portal.documents.record import own_document
from portal.patient.viewer import Viewer
from portal.services import PortalServices
from vaguemestre.kernel.database import Transaction


async def set_mask(services: PortalServices, viewer: Viewer, document_id: str, *, masked: bool) -> Decision | None:
    """Mask a document to professionals, or lift the mask.

    Returns:
        The decision; None when this patient's record has no such document.
    """
    found = await services.database.read(partial(own_document, viewer=viewer, document_id=document_id))
    if found is None:
        return None
    asking = asking_of(services, viewer)

    def work(tx: Transaction) -> Outcome[RecordedDocument]:
        change = Change(asking=asking, found=own_document(tx, viewer, document_id) or found)
        return mask_document(tx, change) if masked else unmask_document(tx, change)

    act = Act.MASK_DOCUMENT if masked else Act.UNMASK_DOCUMENT
    return (await settle_soon(services.database, asking, act, work)).decision


def asking_of(services: PortalServices, viewer: Viewer) -> Asking:
    """Say who asks, now: the patient on her own space."""
    now = services.clock.now()
    return Asking(profile=viewer.profile, actor=viewer.profile, session=viewer.facts(now), now=now)
