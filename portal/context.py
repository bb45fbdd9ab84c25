"""What every route starts from: the portal of this process, who is looking, and the form that was posted."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, TypeVar, cast

from fastapi import Depends, Path
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from access_core.decision import Decision
from access_core.reasons import REGISTER
from portal import words
from portal.documents.thumbnails import Thumbnails
from portal.patient.viewer import Viewer, find_viewer
from portal.pro.viewer import ProfessionalViewer, find_professional
from portal.problems import FormRefused, Problem, SignInRequired, answer_problem
from portal.rendering import Templates
from portal.security import VISIT_COOKIE, FormTokens, same_origin
from portal.services import PortalServices
from portal.sessions import TOUCH_EVERY, SessionLimits, new_token, touch_session
from portal.signing_in import Visit
from portal.spaces import PATIENT, PROFESSIONAL, space_of
from portal.web.multipart import Form, read_multipart, read_urlencoded

Holder = TypeVar("Holder", Viewer, ProfessionalViewer)
TOKEN_FIELD = "jeton"  # noqa: S105 - the name of a form field


@dataclass(frozen=True, slots=True)
class Portal:
    """The portal of this process."""

    services: PortalServices
    templates: Templates
    tokens: FormTokens
    limits: SessionLimits
    uploads: asyncio.Semaphore
    images: asyncio.Semaphore
    thumbnails: Thumbnails


def portal_of(request: Request) -> Portal:
    """Return the portal that the application was made with."""
    return cast(Portal, request.app.state.portal)


def services_of(request: Request) -> PortalServices:
    """Return the services that the application was made with."""
    return portal_of(request).services


def visit_of(request: Request) -> Visit:
    """Say where a request comes from."""
    peer = request.client.host if request.client else "unknown"
    return Visit(peer, words.device(request.headers.get("user-agent", "")))


async def signed_in(request: Request) -> Viewer:
    """Return which patient is signed in; the use of the session is noted, at most once a minute.

    Raises:
        SignInRequired: no session, or its time is over.
    """
    return await _holder(request, PATIENT.cookie, find_viewer)


async def professional_signed_in(request: Request) -> ProfessionalViewer:
    """Return which professional is signed in. Raises SignInRequired as `signed_in` does."""
    return await _holder(request, PROFESSIONAL.cookie, find_professional)


async def anybody_signed_in(request: Request) -> Viewer | ProfessionalViewer:
    """Return who is signed in to either space, the patient's first. Raises SignInRequired when nobody is."""
    try:
        return await signed_in(request)
    except SignInRequired:
        return await professional_signed_in(request)


async def _holder(request: Request, cookie: str, find: Callable[..., Holder | None]) -> Holder:
    portal = portal_of(request)
    services, now = portal.services, portal.services.clock.now()
    token = request.cookies.get(cookie, "")
    found = partial(find, token=token, now=now, limits=portal.limits)
    viewer = await services.database.read(found) if token else None
    if viewer is None:
        raise SignInRequired("portal: no open session")
    if now - viewer.session.seen_at >= TOUCH_EVERY:
        await services.database.write(partial(touch_session, session=viewer.session, now=now))
    return viewer


Identifier = Annotated[str, Path(pattern=r"^[0-9a-f]{32}$")]
SignedIn = Annotated[Viewer, Depends(signed_in)]
ProfessionalSignedIn = Annotated[ProfessionalViewer, Depends(professional_signed_in)]
AnybodySignedIn = Annotated[Viewer | ProfessionalViewer, Depends(anybody_signed_in)]
Services = Annotated[PortalServices, Depends(services_of)]


def render(request: Request, name: str, *, status: int = 200, **values: Any) -> HTMLResponse:
    """Render a page whose forms carry tokens tied to the reader's cookie; a visitor gets a cookie for that."""
    portal, space = portal_of(request), space_of(request.url.path)
    cookie = request.cookies.get(space.cookie) or request.cookies.get(VISIT_COOKIE)
    fresh = None if cookie else new_token()

    def token(action: str) -> Markup:
        field = '<input type="hidden" name="{}" value="{}">'
        return Markup(field).format(  # noqa: S704 - a constant; format escapes its values
            TOKEN_FIELD, portal.tokens.issue(cookie or fresh or "", action)
        )

    now = portal.services.clock.now()
    page = portal.templates.page(name, space=space, status=status, token=token, now=now, **values)
    if fresh is not None:
        set_cookie(page, VISIT_COOKIE, fresh)
    return page


def refused(request: Request, decision: Decision) -> Response:
    """Answer a refusal of the engine with its shown code and sentence."""
    entry = REGISTER[decision.reason]
    problem = Problem(404 if entry.shown.startswith("V_") else 403, entry.shown.value, "Accès refusé", entry.sentence)
    return answer_problem(request, problem, portal_of(request).templates)


def set_cookie(response: Response, name: str, value: str) -> None:
    """Give a cookie that ends with the browser, goes to this host over TLS only, and no script can read."""
    response.set_cookie(name, value, path="/", secure=True, httponly=True, samesite="strict")


def drop_cookie(response: Response, name: str) -> None:
    """Take a cookie back."""
    response.delete_cookie(name, path="/", secure=True, httponly=True, samesite="strict")


def redirect(path: str) -> RedirectResponse:
    """Send the browser to a page of ours after a form was done."""
    return RedirectResponse(path, 303)


async def posted_form(request: Request, *, files_limit_bytes: int = 0) -> Form:
    """Read the posted form and check that it is one of ours, shown to this person.

    Raises:
        FormRefused: no token, or the token of another form, cookie or origin.
        ProtocolError: malformed.
    """
    if not same_origin(request.headers):
        raise FormRefused("portal: the form comes from another site")
    form = await _read_form(request, files_limit_bytes)
    cookie = request.cookies.get(space_of(request.url.path).cookie) or request.cookies.get(VISIT_COOKIE) or ""
    tokens = portal_of(request).tokens
    if not cookie or not tokens.accept(cookie, request.url.path, form.fields.get(TOKEN_FIELD, "")):
        raise FormRefused("portal: form token absent or of another form")
    return form


async def _read_form(request: Request, files_limit_bytes: int) -> Form:
    content_type = request.headers.get("content-type", "")
    stream = cast(AsyncIterator[bytes], request.stream())
    if content_type.lower().startswith("multipart/form-data"):
        return await read_multipart(content_type, stream, files_limit_bytes)
    return await read_urlencoded(stream)
