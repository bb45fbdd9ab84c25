"""The outermost layers of the application: how much a request may send, and what happens when a page breaks."""

from collections.abc import Mapping

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from portal.problems import FAILED, TOO_LARGE, UNAVAILABLE, BodyTooLarge, Problem, answer_problem
from portal.rendering import Templates
from vaguemestre.kernel.errors import TemporaryFailure
from vaguemestre.kernel.log import get_logger

log = get_logger(__name__)
BODY_BYTES = 256_000
# The services of the record have a limit of their own, and a semaphore.
XDS_PATH, FHIR_PATH = "/xds", "/fhir"
REPLY_SUFFIX = "/repondre"
# What a form with too many photos may send before the connection is given up; beyond the limit bytes are dropped.
REPLY_BYTES = 250_000_000


class BodyLimit:
    """Middleware: refuses a body longer than its path may have, announced or not."""

    def __init__(self, app: ASGIApp, templates: Templates) -> None:
        self._app = app
        self._templates = templates

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        large = scope["path"].endswith(REPLY_SUFFIX) or scope["path"].startswith((XDS_PATH, FHIR_PATH))
        limit = REPLY_BYTES if large else BODY_BYTES
        announced = Request(scope).headers.get("content-length", "0")
        if not announced.isdecimal() or int(announced) > limit:
            answer = answer_problem(Request(scope), TOO_LARGE, self._templates)
            await answer(scope, receive, send)
            return
        received = 0

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > limit:
                raise BodyTooLarge("portal: body too large")
            return message

        await self._app(scope, counted, send)


class LastResort:
    """Middleware: any exception that no handler took ends here, without its text in a log or a page."""

    def __init__(self, app: ASGIApp, templates: Templates) -> None:
        self._app = app
        self._templates = templates

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        started = False

        async def noted(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, noted)
        except Exception as error:  # noqa: BLE001 - whatever broke, its text may hold health data
            log.error("request_failed", error=type(error).__name__, route=_route(scope), method=scope.get("method"))
            if started or scope["type"] != "http":
                raise ConnectionAbortedError("portal: answer broken off") from None
            problem = _problem(error)
            await answer_problem(Request(scope), problem, self._templates)(scope, receive, send)


def _problem(error: Exception) -> Problem:
    return UNAVAILABLE if isinstance(error, TemporaryFailure) else FAILED


def _route(scope: Mapping[str, object]) -> str:
    """Return the pattern of the route, which holds no id."""
    return str(getattr(scope.get("route"), "path", ""))
