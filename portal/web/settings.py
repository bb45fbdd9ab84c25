"""The settings page: open sessions, password, address for notices."""

from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from access_core.authentication.failures import Throttled
from portal.context import Identifier, Services, SignedIn, posted_form, redirect, render, visit_of
from portal.patient.account import (
    PasswordChange,
    change_notice_address,
    change_password,
    end_other_sessions,
    end_session,
    list_sessions,
)
from portal.patient.notices import CHOICE_WORDS, list_choices
from portal.patient.viewer import Viewer
from portal.problems import THROTTLED
from portal.services import PortalServices
from portal.web.errors import FieldError

router = APIRouter(include_in_schema=False, prefix="/parametres")
DONE = {
    "connexion": "La connexion est fermée.",
    "connexions": "Toutes vos autres connexions sont fermées.",
    "mot-de-passe": "Votre mot de passe est changé. Vos autres connexions sont fermées.",
    "avis": "Votre adresse est enregistrée.",
    "choix": "Vos choix sont enregistrés.",
}


@router.get("")
async def show_settings(request: Request, services: Services, viewer: SignedIn) -> Response:
    """Show the settings."""
    done = DONE.get(request.query_params.get("fait", ""), "")
    return await _page(request, services, viewer, done=done)


async def _page(
    request: Request, services: PortalServices, viewer: Viewer, *, status: int = 200, **values: Any
) -> Response:
    sessions = [
        {
            "id": each.id,
            "device": each.device,
            "here": each.id == viewer.session.id,
            "started_at": each.started_at,
            "seen_at": each.seen_at,
        }
        for each in await list_sessions(services, viewer)
    ]
    shown = {"done": "", "errors": [], "email": viewer.profile.email or "", **values}
    return render(
        request,
        "parametres.html",
        status=status,
        viewer=viewer,
        here="/parametres",
        sessions=sessions,
        choices=await list_choices(services, viewer),
        choice_words=CHOICE_WORDS,
        settings=services.settings,
        **shown,
    )


@router.post("/connexions/fermer")
async def post_end_others(request: Request, services: Services, viewer: SignedIn) -> Response:
    """End every other session."""
    await posted_form(request)
    await end_other_sessions(services, viewer)
    return redirect("/parametres?fait=connexions")


@router.post("/connexions/{session_id}/fermer")
async def post_end(session_id: Identifier, request: Request, services: Services, viewer: SignedIn) -> Response:
    """End one session."""
    await posted_form(request)
    await end_session(services, viewer, session_id)
    return redirect("/parametres?fait=connexion")


@router.post("/mot-de-passe")
async def post_password(request: Request, services: Services, viewer: SignedIn) -> Response:
    """Change the password."""
    form = await posted_form(request)
    fields = (form.fields.get(name, "") for name in ("actuel", "nouveau", "confirmation"))
    try:
        fault = await change_password(services, viewer, PasswordChange(*fields), visit_of(request))
    except Throttled:
        errors = [FieldError("actuel", THROTTLED.detail)]
        return await _page(request, services, viewer, status=429, errors=errors)
    if fault is not None:
        errors = [FieldError(fault.field, fault.sentence)]
        return await _page(request, services, viewer, status=422, errors=errors)
    return redirect("/parametres?fait=mot-de-passe")


@router.post("/avis")
async def post_notice(request: Request, services: Services, viewer: SignedIn) -> Response:
    """Change the address for notices."""
    form = await posted_form(request)
    email = form.text("email")
    fault = await change_notice_address(services, viewer, email)
    if fault is not None:
        errors = [FieldError(fault.field, fault.sentence)]
        return await _page(request, services, viewer, status=422, errors=errors, email=email[:254])
    return redirect("/parametres?fait=avis")
