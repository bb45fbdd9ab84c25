"""The application: routes, handlers, layers. `create_app` is the door of the package, with `PortalService`."""

import asyncio
from collections.abc import Awaitable, Callable
from zoneinfo import ZoneInfo

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from portal.api import trace, v1
from portal.context import Portal
from portal.documents.thumbnails import Thumbnails
from portal.limits import FHIR_PATH, XDS_PATH, BodyLimit, LastResort
from portal.patient.reply import image_limits
from portal.problems import ABSENT, INVALID, answer_problem, problem_of
from portal.rendering import STATIC, Templates
from portal.security import FormTokens, SecurityHeaders
from portal.services import PortalServices
from portal.sessions import SessionLimits
from portal.web import (
    attestations,
    documents,
    mail_programs,
    messages,
    notices,
    pages,
    pro,
    pro_documents,
    settings,
    sign_in,
    tracking,
)
from vaguemestre.kernel.errors import VaguemestreError

FORM_KEY = "vaguemestre/portal/forms/v1"
STATIC_FILES = {"portal.css": "text/css; charset=utf-8", "icone.svg": "image/svg+xml"}
Handler = Callable[[Request, Exception], Awaitable[Response]]


def create_app(services: PortalServices) -> FastAPI:
    """Build the application of the web spaces; it serves until its services are closed."""
    templates = Templates(ZoneInfo(services.settings.time_zone))
    images = asyncio.Semaphore(services.settings.simultaneous_images)
    app = FastAPI(
        title="Vaguemestre",
        version="1",
        description="Espace patient : messages, documents, historique des accès.",
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
    )
    app.state.portal = Portal(
        services=services,
        templates=templates,
        tokens=FormTokens(services.instance_key.derive(FORM_KEY)),
        limits=SessionLimits.of(services.settings),
        uploads=asyncio.Semaphore(services.settings.simultaneous_uploads),
        images=images,
        thumbnails=Thumbnails(image_limits(services.settings), services.settings.thumbnails_bytes, images),
    )
    spaces = (attestations, sign_in, pages, documents, messages, settings, notices, pro, pro_documents, tracking)
    for module in (*spaces, mail_programs, v1, trace):
        app.include_router(module.router)
    if services.xds is not None:
        app.mount(XDS_PATH, services.xds)
    if services.fhir is not None:
        app.mount(FHIR_PATH, services.fhir)
        app.router.routes.append(Route(FHIR_PATH, _AtBase(services.fhir), include_in_schema=False))
    app.add_api_route("/static/{name}", _static, include_in_schema=False)
    _handle_errors(app, templates)
    app.add_middleware(BodyLimit, templates=templates)
    app.add_middleware(LastResort, templates=templates)
    app.add_middleware(SecurityHeaders)
    return app


class _AtBase:
    """Serves the base address of a mounted service without its last slash, where transactions are posted."""

    def __init__(self, service: ASGIApp) -> None:
        self._service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._service({**scope, "path": f"{FHIR_PATH}/", "root_path": FHIR_PATH}, receive, send)


def _handle_errors(app: FastAPI, templates: Templates) -> None:
    async def answer(request: Request, error: Exception) -> Response:
        return answer_problem(request, problem_of(error), templates)

    async def invalid(request: Request, error: Exception) -> Response:
        in_address = isinstance(error, RequestValidationError) and any(
            each["loc"][0] == "path" for each in error.errors()
        )
        return answer_problem(request, ABSENT if in_address else INVALID, templates)

    app.add_exception_handler(VaguemestreError, answer)
    app.add_exception_handler(HTTPException, answer)
    app.add_exception_handler(RequestValidationError, invalid)


async def _static(name: str) -> Response:
    """Serve a file of the page frame; its address changes with its content, so that it may be kept."""
    media_type = STATIC_FILES.get(name)
    if media_type is None:
        raise HTTPException(404)
    return FileResponse(
        STATIC / name, media_type=media_type, headers={"Cache-Control": "public, max-age=31536000, immutable"}
    )
