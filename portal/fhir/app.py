"""The FHIR service over HTTP: an ASGI application with the addresses of MHD and PDSm, mounted under `/fhir`.

Every answer is a FHIR resource in JSON, refusals included; a document alone (Binary) is also served as it is. No
address is ever fetched: a submission carries everything.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from access_core.accounts import Account
from access_core.authentication.failures import AuthenticationFailed
from access_core.decision import Decision
from dmp_bridge.fhir import search
from dmp_bridge.fhir.patches import read_patch
from dmp_bridge.fhir.problems import FhirProblem, IssueType
from dmp_bridge.fhir.resources import MEDIA_TYPE, DocumentReference
from dmp_bridge.fhir.search import MAX_PARAMETERS, Query, parameter_problem
from dmp_bridge.refusals import Refusal
from dmp_bridge.services.bodies import BodyBudget
from portal.fhir.answers import CONTENT_TYPE, answer, answer_error, no_token, problem_of_decision
from portal.fhir.binaries import binary_answer
from portal.fhir.capability import capability_statement
from portal.fhir.finding import Finding
from portal.fhir.parts import FhirParts
from portal.fhir.publishing import Publishing
from portal.fhir.updating import Patching, Updating, etag_of
from portal.fhir.view import DOCUMENTS, LISTS, Asked
from vaguemestre.kernel.errors import IntegrityError, TemporaryFailure

FORM_TYPE = "application/x-www-form-urlencoded"
_READABLE = frozenset({"json", MEDIA_TYPE, "application/json"})
Endpoint = Callable[[Request, Account, bytes], Awaitable[Response]]


class FhirService:
    """The routes, each behind an access token but the statement of what the service can do."""

    def __init__(self, parts: FhirParts) -> None:
        self._parts = parts
        self._publishing = Publishing(parts)
        self._finding = Finding(parts)
        self._updating = Updating(parts)
        turns, most = parts.settings.simultaneous_requests, parts.settings.max_request_bytes
        self._turns = asyncio.Semaphore(turns)
        self._bodies = BodyBudget(most, (turns + 1) * most)

    def app(self) -> Starlette:
        """Return the application."""
        routes = [
            Route("/metadata", self.metadata, methods=["GET"]),
            Route("/", self._let_in(self.transaction), methods=["POST"]),
            Route("/DocumentReference", self._let_in(partial(self.search, DOCUMENTS)), methods=["GET"]),
            Route("/DocumentReference", self._let_in(self.create), methods=["POST"]),
            Route("/DocumentReference/_search", self._let_in(partial(self.search, DOCUMENTS)), methods=["POST"]),
            Route("/DocumentReference", self._let_in(self.patch), methods=["PATCH"]),
            Route("/DocumentReference/{id}", self._let_in(self.document), methods=["GET"]),
            Route("/DocumentReference/{id}", self._let_in(self.patch), methods=["PATCH"]),
            Route("/DocumentReference/{id}/_history/{version}", self._let_in(self.document), methods=["GET"]),
            Route("/List", self._let_in(partial(self.search, LISTS)), methods=["GET"]),
            Route("/List/_search", self._let_in(partial(self.search, LISTS)), methods=["POST"]),
            Route("/List/{id}", self._let_in(self.submission), methods=["GET"]),
            Route("/Binary/{id}", self._let_in(self.binary), methods=["GET"]),
        ]
        handlers: Mapping[Any, Any] = dict.fromkeys(
            (FhirProblem, AuthenticationFailed, TemporaryFailure, IntegrityError, HTTPException), _on_error
        )
        return Starlette(routes=routes, exception_handlers=handlers)

    async def metadata(self, request: Request) -> Response:
        """Say what the service can do."""
        body = msgspec.json.encode(capability_statement(_base(request)))
        return Response(body, media_type=CONTENT_TYPE)

    async def transaction(self, request: Request, account: Account, body: bytes) -> Response:
        """ITI-65: file the documents of a bundle."""
        _check_type(request, MEDIA_TYPE, "application/json")
        return answer(await self._publishing.publish(account.id, body))

    async def create(self, request: Request, account: Account, body: bytes) -> Response:
        """ITI-105: file one document, given with its metadata."""
        _check_type(request, MEDIA_TYPE, "application/json")
        document_id, is_new = await self._publishing.create(account.id, body)
        base = _base(request)
        created = await self._finding.filed(document_id, base)
        headers = {"Location": f"{base}/{DOCUMENTS}/{document_id}/_history/1", "ETag": 'W/"1"'}
        return answer(created, status=201 if is_new else 200, headers=headers)

    async def search(self, kind: str, request: Request, account: Account, body: bytes) -> Response:
        """ITI-66 and ITI-67: find submission sets or documents, by GET or by POST to `_search`."""
        pairs = list(request.query_params.multi_items())
        if request.method == "POST":
            _check_type(request, FORM_TYPE)
            pairs += _form(body)
        asked = Asked(
            account_id=account.id,
            base=_base(request),
            kind=kind,
            query=Query.read(pairs),
            strict="handling=strict" in request.headers.get("prefer", "").replace(" ", ""),
        )
        _check_format(asked.query.first("_format"))
        return answer(await self._finding.search(asked))

    async def document(self, request: Request, account: Account, _body: bytes) -> Response:
        """Read the metadata of a document, the latest or those of a version."""
        version = request.path_params.get("version")
        found = await self._finding.document(account.id, request.path_params["id"], _base(request), version)
        return _tagged(found)

    async def patch(self, request: Request, account: Account, body: bytes) -> Response:
        """Change visibility or state of a document (PDSm flux 03), named by its id or by a search that finds it."""
        query = Query.read(list(request.query_params.multi_items()))
        if search.unknown_parameters(query, search.DOCUMENT_PARAMETERS):
            raise parameter_problem()
        asked = Patching(
            account_id=account.id,
            base=_base(request),
            patch=await asyncio.to_thread(read_patch, body, _media_type(request)),
            document_id=request.path_params.get("id"),
            query=query,
            matches=request.headers.get("if-match"),
        )
        return _tagged(await self._updating.patch(asked))

    async def submission(self, request: Request, account: Account, _body: bytes) -> Response:
        """Read a submission set."""
        return answer(await self._finding.submission(account.id, request.path_params["id"], _base(request)))

    async def binary(self, request: Request, account: Account, _body: bytes) -> Response:
        """ITI-68: read a document, as it is, or as a Binary for who asks for FHIR."""
        name = request.path_params["id"]
        found = await self._finding.content(account.id, name)
        if isinstance(found, Decision):
            raise problem_of_decision(found)
        return binary_answer(name, found, request.headers)

    def _let_in(self, endpoint: Endpoint) -> Callable[[Request], Awaitable[Response]]:
        """Put an endpoint behind an access token, and in its turn."""

        async def served(request: Request) -> Response:
            scheme, _, token = request.headers.get("authorization", "").partition(" ")
            if scheme.lower() != "bearer" or not token.strip():
                raise no_token()
            peer = request.client.host if request.client else "unknown"
            account = await self._parts.tokens.token(token.strip(), peer=peer)
            async with self._bodies.body(request.receive) as body:
                if body is None:
                    raise FhirProblem.of(IssueType.TOO_LONG, Refusal.DOCUMENT_SIZE, status=413)
                async with self._turns:
                    return await endpoint(request, account, body)

        return served


def build_fhir(parts: FhirParts) -> Starlette:
    """Build the service that the portal mounts under `/fhir`."""
    return FhirService(parts).app()


async def _on_error(_request: Request, error: Exception) -> Response:
    return answer_error(error)


def _base(request: Request) -> str:
    """Return the address under which the client knows this service."""
    return str(request.base_url.replace(path=request.scope["root_path"])).rstrip("/")


def _tagged(found: DocumentReference) -> Response:
    """Answer with metadata under the ETag of their version."""
    etag = etag_of(found)
    return answer(found, headers={"ETag": etag} if etag else None)


def _media_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def _check_type(request: Request, *expected: str) -> None:
    if _media_type(request) not in expected:
        raise FhirProblem.of(IssueType.NOT_SUPPORTED, Refusal.FHIR_UNSUPPORTED, status=415)


def _form(body: bytes) -> list[tuple[str, str]]:
    try:
        return parse_qsl(body.decode("ascii", errors="replace"), max_num_fields=MAX_PARAMETERS)
    except ValueError:
        raise parameter_problem() from None


def _check_format(wanted: str | None) -> None:
    if wanted is not None and wanted.partition(";")[0].strip() not in _READABLE:
        raise FhirProblem.of(IssueType.NOT_SUPPORTED, Refusal.FHIR_UNSUPPORTED, status=406)
