"""The trace, as the one whom it concerns may read it: what happened to a message, her history with its proofs."""

from fastapi import APIRouter
from starlette.responses import JSONResponse, Response

from access_core.decision import Decision
from access_core.reasons import REGISTER
from access_core.trace.checkpoints import Signer
from portal.api.values import REFUSALS
from portal.context import AnybodySignedIn, Services, SignedIn
from portal.explanation import Explained, download_history, explain_to, explain_to_professional
from portal.pro.viewer import ProfessionalViewer
from portal.problems import Absent, Problem, problem_json

router = APIRouter(prefix="/api/v1", tags=["trace"], responses=REFUSALS)
DOWNLOAD = {"Content-Disposition": 'attachment; filename="historique.json"', "Cache-Control": "no-store"}


@router.get("/explain/{message_id:path}", response_model=list[Explained])
async def get_explanation(
    message_id: str, services: Services, viewer: AnybodySignedIn
) -> tuple[Explained, ...] | Response:
    """Explain a message by its Message-ID: each decision with its code, sentence and source, oldest first.

    A patient reads what concerns her; a professional her own acts, or all as médecin traitant or administrator.
    """
    if isinstance(viewer, ProfessionalViewer):
        found = await explain_to_professional(services, viewer, message_id)
    else:
        found = await explain_to(services, viewer, message_id)
    if not found.decision.allowed:
        return refusal(found.decision)
    if not found.lines:
        raise Absent("portal: no such message")
    return found.lines


@router.get("/history/export", response_class=JSONResponse)
async def get_history_export(services: Services, viewer: SignedIn) -> Response:
    """Download the access history with its proofs; the format is in docs/reference/trace.md."""
    found = await download_history(services, viewer, Signer(services.instance_key).public_key)
    return refusal(found) if isinstance(found, Decision) else JSONResponse(found, headers=DOWNLOAD)


def refusal(decision: Decision) -> Response:
    """Answer that the history may not be read."""
    entry = REGISTER[decision.reason]
    status = 503 if decision.verdict.value == "DEFER" else 403
    return problem_json(Problem(status, entry.shown.value, "Lecture refusée", entry.sentence))
