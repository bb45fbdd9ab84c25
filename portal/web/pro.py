"""Pages of the professional space: her own acts, a patient's history, what happened to a message."""

from urllib.parse import quote

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from portal.context import ProfessionalSignedIn, Services, posted_form, redirect, refused, render
from portal.explanation import explain_to_professional
from portal.pro.history import read_own_acts, read_patient_history
from portal.problems import Absent
from portal.web.errors import FieldError

router = APIRouter(include_in_schema=False)
MESSAGE_ID_LONGEST = 998  # RFC 5322 §2.1.1


@router.get("/pro/")
async def show_home(request: Request, viewer: ProfessionalSignedIn) -> Response:
    """Show the first page."""
    return _home(request, viewer, [], 200)


@router.get("/pro")
async def show_home_without_slash() -> Response:
    """Lead to the first page."""
    return redirect("/pro/")


@router.get("/pro/historique")
async def show_own_acts(request: Request, services: Services, viewer: ProfessionalSignedIn) -> Response:
    """Show her own acts, a page at a time."""
    page = await read_own_acts(services, viewer, _number(request.query_params.get("avant", "")))
    if not page.decision.allowed:
        return refused(request, page.decision)
    return render(request, "pro_historique.html", viewer=viewer, here="/pro/historique", page=page)


@router.get("/pro/patients/historique")
async def show_patient_form(request: Request, viewer: ProfessionalSignedIn) -> Response:
    """Ask whose history is to be read."""
    return _patient(request, viewer, errors=[], ins="", page=None)


@router.post("/pro/patients/historique")
async def post_patient(request: Request, services: Services, viewer: ProfessionalSignedIn) -> Response:
    """Show the history of a patient; her INS comes by a form, never in an address."""
    form = await posted_form(request)
    ins = form.text("ins")[:30]
    if not ins:
        missing = [FieldError("ins", "Tapez le matricule INS du patient.")]
        return _patient(request, viewer, status=422, errors=missing, ins="", page=None)
    page = await read_patient_history(services, viewer, ins, _number(form.text("avant")))
    if not page.decision.allowed:
        return refused(request, page.decision)
    return _patient(request, viewer, errors=[], ins=ins, page=page)


@router.post("/pro/messages")
async def post_message(request: Request, viewer: ProfessionalSignedIn) -> Response:
    """Lead to what happened to a message."""
    form = await posted_form(request)
    message_id = form.text("message")
    if not message_id or len(message_id) > MESSAGE_ID_LONGEST:
        return _home(request, viewer, [FieldError("message", "Copiez ici l'identifiant du message.")], 422)
    return redirect(f"/pro/messages/{quote(message_id, safe='')}")


@router.get("/pro/messages/{message_id:path}")
async def show_message(message_id: str, request: Request, services: Services, viewer: ProfessionalSignedIn) -> Response:
    """Show each decision about a message that she may read."""
    found = await explain_to_professional(services, viewer, message_id)
    if not found.decision.allowed:
        return refused(request, found.decision)
    if not found.lines:
        raise Absent("portal: no such message")
    return render(request, "pro_message.html", viewer=viewer, here="/pro/historique", lines=found.lines)


def _home(request: Request, viewer: ProfessionalSignedIn, errors: list[FieldError], status: int) -> Response:
    return render(request, "pro_accueil.html", status=status, viewer=viewer, here="/pro/", errors=errors, message="")


def _patient(request: Request, viewer: ProfessionalSignedIn, *, status: int = 200, **values: object) -> Response:
    return render(request, "pro_patient.html", status=status, viewer=viewer, here="/pro/patients/historique", **values)


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else None
