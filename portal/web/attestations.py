"""Pages of the patient's attestations."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from access_core.attestations import TITLES
from portal.context import Identifier, Services, SignedIn, render
from portal.patient.attestations import list_attestations, read_attestation
from portal.problems import Absent
from portal.web.files import file_answer

router = APIRouter(include_in_schema=False)


@router.get("/attestations")
async def show_attestations(request: Request, services: Services, viewer: SignedIn) -> Response:
    """List the proofs."""
    found = await list_attestations(services, viewer)
    return render(request, "attestations.html", viewer=viewer, here="/profil", attestations=found, titles=TITLES)


@router.get("/attestations/{attestation_id}")
async def show_attestation(attestation_id: Identifier, services: Services, viewer: SignedIn) -> Response:
    """Download one proof."""
    file = await read_attestation(services, viewer, attestation_id)
    if file is None:
        raise Absent("portal: no such attestation")
    return file_answer(file, download=True)
