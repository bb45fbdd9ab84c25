"""The XDS.b services over HTTP: an ASGI application with the addresses `/registry`, `/repository`, `/patients`.

A request is read within its limits, its caller proved outside any transaction, let in by a first unit of work, and
answered by a second: an ITI-41 is all or nothing, and what was refused is traced even though nothing was kept.
"""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from lxml import etree

from dmp_bridge.config import BridgeSettings
from dmp_bridge.external.existence import EXISTENCE, EXISTENCE_ANSWER, HL7
from dmp_bridge.intake import build_filer
from dmp_bridge.outcome import refuse_as
from dmp_bridge.services.bodies import BodyBudget, Receive
from dmp_bridge.services.callers import Caller, Gate
from dmp_bridge.services.patients_service import existence_answer, existence_of
from dmp_bridge.services.providing import Provided, Refused, filing_case, provide
from dmp_bridge.services.registry_service import Call, Denied, answer_query, answer_update, note_search
from dmp_bridge.services.repository_service import read_provided, retrieve
from dmp_bridge.services.trusted import TrustedSigners
from dmp_bridge.transport.mtom import SOAP_TYPE, Attachment, read_package, write_package
from dmp_bridge.transport.soap import SoapFault, SoapRequest, read_request, write_answer, write_fault
from dmp_bridge.xds import schemes
from dmp_bridge.xds.answers import QUERY, XDS, query_response, registry_response, retrieve_response
from dmp_bridge.xds.errors import XdsRefusal
from dmp_bridge.xds.queries import read_query
from mailstore.store import MailStore
from vaguemestre.kernel.clock import Clock
from vaguemestre.kernel.database import Database, Transaction
from vaguemestre.kernel.errors import IntegrityError, PermanentFailure, ProtocolError, TemporaryFailure
from vaguemestre.kernel.log import get_logger

log = get_logger(__name__)
Scope = MutableMapping[str, Any]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

STORED_QUERY = "urn:ihe:iti:2007:RegistryStoredQuery"
UPDATE = "urn:ihe:iti:2010:UpdateDocumentSet"
PROVIDE = "urn:ihe:iti:2007:ProvideAndRegisterDocumentSet-b"
RETRIEVE = "urn:ihe:iti:2007:RetrieveDocumentSet"
_BODIES = {
    STORED_QUERY: f"{{{QUERY}}}AdhocQueryRequest",
    UPDATE: f"{{{schemes.LCM}}}SubmitObjectsRequest",
    PROVIDE: f"{{{XDS}}}ProvideAndRegisterDocumentSetRequest",
    RETRIEVE: f"{{{XDS}}}RetrieveDocumentSetRequest",
    EXISTENCE: f"{{{HL7}}}PRPA_IN201307UV02",
}
_ANSWERS = {
    STORED_QUERY: f"{STORED_QUERY}Response",
    UPDATE: f"{UPDATE}-Response",
    PROVIDE: f"{PROVIDE}Response",
    RETRIEVE: f"{RETRIEVE}Response",
    EXISTENCE: EXISTENCE_ANSWER,
}
ADDRESSES = {
    "registry": frozenset({STORED_QUERY, UPDATE}),
    "repository": frozenset({PROVIDE, RETRIEVE}),
    "patients": frozenset({EXISTENCE}),
}
BUSY = "Le service n'est pas disponible pour l'instant."


@dataclass(frozen=True, slots=True, kw_only=True)
class XdsParts:
    """What the services work with; PRESUME_CARE as in `FilingCase`."""

    database: Database
    store: MailStore
    clock: Clock
    settings: BridgeSettings
    signers: TrustedSigners
    presume_care: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """The body of an answer and what goes beside it; PACKAGED: sent as multipart whatever was asked (ITI-43).

    What was asked as multipart is answered so in any case (ITI TF-2 §V.3.6).
    """

    body: etree._Element
    attachments: tuple[Attachment, ...] = ()
    packaged: bool = False


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """A status, a media type and the bytes."""

    status: int
    content_type: str
    body: bytes


class XdsEndpoint:
    """The ASGI application; mount it, and give it the rest of the path."""

    def __init__(self, parts: XdsParts) -> None:
        self._parts = parts
        self._gate = Gate(parts.signers, parts.settings)
        self._filer = build_filer(parts.store, parts.settings)
        turns, most = parts.settings.simultaneous_requests, parts.settings.max_request_bytes
        self._turns = asyncio.Semaphore(turns)
        self._bodies = BodyBudget(most, (turns + 1) * most)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one HTTP request."""
        if scope["type"] != "http":
            return
        address = scope["path"].rstrip("/").rpartition("/")[2]
        if scope["method"] != "POST" or address not in ADDRESSES:
            await _send(send, HttpAnswer(405 if address in ADDRESSES else 404, "text/plain", b""))
            return
        try:
            async with self._bodies.body(receive) as body, self._turns:
                answer = await self.answer(address, _content_type(scope), body)
        except TemporaryFailure as error:
            log.warning("xds_not_served", error=error)
            answer = _faulty(SoapFault(BUSY, sender=False), "")
        await _send(send, answer)

    async def answer(self, address: str, content_type: str, body: bytes | None) -> HttpAnswer:
        """Answer one request; BODY is None when it was too long."""
        relates_to = ""
        try:
            if body is None:
                raise SoapFault("La requête est trop longue.")
            request = await asyncio.to_thread(self._parse, content_type, body)
            relates_to = request.message_id
            if request.action not in ADDRESSES[address] or request.body.tag != _BODIES[request.action]:
                raise SoapFault("Cette action n'est pas servie à cette adresse.", subcode="wsa:ActionNotSupported")
            answer = await self._serve(request)
        except SoapFault as fault:
            return _faulty(fault, relates_to)
        except (TemporaryFailure, PermanentFailure, IntegrityError) as error:
            log.warning("xds_not_served", error=error)
            return _faulty(SoapFault(BUSY, sender=False), relates_to)
        envelope = write_answer(answer.body, action=_ANSWERS[request.action], relates_to=relates_to)
        if answer.packaged or content_type.strip().lower().startswith("multipart/"):
            return HttpAnswer(200, *write_package(envelope, answer.attachments, _ANSWERS[request.action]))
        return HttpAnswer(200, f"{SOAP_TYPE}; charset=UTF-8", envelope)

    def _parse(self, content_type: str, body: bytes) -> SoapRequest:
        try:
            package = read_package(content_type, body)
        except ProtocolError:
            raise SoapFault("La requête n'est ni SOAP 1.2 ni MTOM.") from None
        return read_request(package, max_bytes=self._parts.settings.max_envelope_bytes)

    async def _serve(self, request: SoapRequest) -> Answer:
        now = self._parts.clock.now()
        vihf = await asyncio.to_thread(self._gate.prove, request.security, now)
        caller: Caller = await self._parts.database.write(partial(self._gate.admit, vihf=vihf, now=now))
        call = Call(caller=caller, now=now)
        try:
            return await self._done(request, call)
        except XdsRefusal as refusal:
            return _refused(request.action, refusal)

    async def _done(self, request: SoapRequest, call: Call) -> Answer:
        database, settings = self._parts.database, self._parts.settings
        if request.action == STORED_QUERY:
            return await self._found(call, request.body)
        if request.action == UPDATE:
            return await database.write(partial(_updated, call=call, body=request.body))
        if request.action == PROVIDE:
            return await self._provided(request, call)
        if request.action == EXISTENCE:
            deciding = partial(existence_of, call=call, presume_care=self._parts.presume_care)
            existence = await database.write(deciding)
            return Answer(existence_answer(existence, request.body, call.caller.patient_id, call))
        retrieving = partial(retrieve, call=call, body=request.body, store=self._parts.store, settings=settings)
        retrieved = await database.write(retrieving)
        return Answer(retrieved.answer, retrieved.attachments, packaged=True)

    async def _found(self, call: Call, body: etree._Element) -> Answer:
        query, most = read_query(body), self._parts.settings.max_query_results
        found = await self._parts.database.read(partial(answer_query, call=call, query=query, max_results=most))
        await self._parts.database.write(partial(note_search, call=call, query=query.kind))
        return Answer(found)

    async def _provided(self, request: SoapRequest, call: Call) -> Answer:
        provided: Provided = await asyncio.to_thread(read_provided, request, self._parts.settings)
        presume_care, database = self._parts.presume_care, self._parts.database
        work = partial(provide, call=call, provided=provided, filer=self._filer, presume_care=presume_care)
        try:
            await database.write(work)
        except Refused as refused:
            await database.write(partial(_note, call=call, refused=refused, presume_care=presume_care))
            raise
        return Answer(registry_response())


def build_xds(parts: XdsParts) -> XdsEndpoint:
    """Build the services that the portal mounts under `/xds`."""
    return XdsEndpoint(parts)


def _updated(tx: Transaction, call: Call, body: etree._Element) -> Answer:
    """Answer ITI-57; a refusal of the engine is kept in the trace."""
    try:
        return Answer(answer_update(tx, call, body))
    except Denied as denied:
        return Answer(registry_response(denied.errors))


def _note(tx: Transaction, call: Call, refused: Refused, *, presume_care: bool) -> None:
    """Trace why a submission was refused, once what it had begun was undone."""
    case = filing_case(call, presume_care=presume_care)
    for outcome in refused.outcomes:
        refuse_as(tx, case, outcome.reason, outcome.unique_id)


def _refused(action: str, refusal: XdsRefusal) -> Answer:
    errors = refusal.errors
    if action == STORED_QUERY:
        return Answer(query_response((), {}, references=True, errors=errors))
    if action == RETRIEVE:
        return Answer(retrieve_response((), errors), packaged=True)
    return Answer(registry_response(errors))


def _faulty(fault: SoapFault, relates_to: str) -> HttpAnswer:
    body = write_fault(fault, relates_to=relates_to)
    return HttpAnswer(400 if fault.sender else 500, f"{SOAP_TYPE}; charset=UTF-8", body)


def _content_type(scope: Scope) -> str:
    return next((value.decode("latin-1") for name, value in scope["headers"] if name == b"content-type"), "")


async def _send(send: Send, answer: HttpAnswer) -> None:
    headers = [(b"content-type", answer.content_type.encode()), (b"content-length", b"%d" % len(answer.body))]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})
