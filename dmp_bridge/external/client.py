"""The transactions with the record elsewhere: TD0.2, ITI-41, ITI-18, ITI-43, ITI-57, each with an assertion of its own.

What the way of authenticating does not give is refused here, before anything leaves. Every answer is checked: that
of another request, of another kind or that cannot be read is a trouble to be tried again, never a success.
"""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from lxml import etree

from dmp_bridge.external.config import ExternalSettings
from dmp_bridge.external.existence import (
    EXISTENCE,
    EXISTENCE_ANSWER,
    Devices,
    Existence,
    existence_query,
    read_existence,
)
from dmp_bridge.external.rights import Deed, decide_deed
from dmp_bridge.external.troubles import RecordAway, RecordRefused, Trouble, raise_for
from dmp_bridge.external.wire import HttpReply, Line, open_line
from dmp_bridge.transport.mtom import SOAP_TYPE, Attachment, read_package, write_package
from dmp_bridge.transport.soap import SoapFault, content_of
from dmp_bridge.transport.soap_client import Outgoing, SoapAnswer, read_answer, write_request
from dmp_bridge.transport.vihf_writer import Identity, write_vihf
from dmp_bridge.xds.answer_reader import (
    Found,
    Status,
    documents_in,
    read_query_response,
    read_registry_response,
    read_retrieve_response,
)
from dmp_bridge.xds.ebrim_writer import submission_element
from dmp_bridge.xds.identifiers import CX
from dmp_bridge.xds.metadata import APPROVED, Submission
from dmp_bridge.xds.queries import QueryKind
from dmp_bridge.xds.requests import provide_request, query_request, retrieve_request
from vaguemestre.kernel.clock import Clock
from vaguemestre.kernel.errors import ProtocolError, TemporaryFailure
from vaguemestre.kernel.signing_keys import SigningKey

T = TypeVar("T")
STORED_QUERY = "urn:ihe:iti:2007:RegistryStoredQuery"
UPDATE = "urn:ihe:iti:2010:UpdateDocumentSet"
PROVIDE = "urn:ihe:iti:2007:ProvideAndRegisterDocumentSet-b"
RETRIEVE = "urn:ihe:iti:2007:RetrieveDocumentSet"


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """With what a call is made: the keys, and who we are."""

    settings: ExternalSettings
    tls: ssl.SSLContext
    key: SigningKey
    identity: Identity
    clock: Clock


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class _Call:
    """One transaction: which service, which action and answer, about whom, with what."""

    deed: Deed
    service: str
    action: str
    answer: str
    patient: CX
    body: etree._Element
    attachments: Sequence[Attachment] = field(default=())


class RecordClient:
    """The transactions, over one open line; see `connect`."""

    def __init__(self, access: Access, line: Line) -> None:
        self._access = access
        self._line = line

    async def exists(self, patient: CX) -> Existence:
        """Ask whether a patient has an open record there (TD0.2).

        Raises:
            RecordAway, RecordRefused: as every transaction here.
        """
        settings = self._access.settings
        devices = Devices(sender=settings.source_id, sender_name=settings.software, receiver=settings.device_id)
        query = existence_query(patient, devices, self._access.clock.now())
        call = _Call(
            deed=Deed.EXISTENCE,
            service="patients",
            action=EXISTENCE,
            answer=EXISTENCE_ANSWER,
            patient=patient,
            body=query,
        )
        told = _read(read_existence, (await self._ask(call)).body)
        if told.existence is None:
            raise RecordRefused(told.codes)
        return told.existence

    async def provide(self, patient: CX, submission: Submission, documents: Mapping[str, bytes]) -> None:
        """Send documents, by entry id, with their metadata (ITI-41, TD2.1); done when this returns.

        Raises:
            RecordAway: not now, or nobody knows: send the same again.
            RecordRefused: no.
        """
        names = {entry_id: f"{place}@vaguemestre" for place, entry_id in enumerate(documents, 1)}
        call = _Call(
            deed=Deed.FEED,
            service="repository",
            action=PROVIDE,
            answer=f"{PROVIDE}Response",
            patient=patient,
            body=provide_request(submission, names),
            attachments=tuple(Attachment(names[entry_id], data) for entry_id, data in documents.items()),
        )
        _check(_read(read_registry_response, (await self._ask(call)).body))

    async def reference(self, patient: CX, unique_id: str) -> str | None:
        """Return the entryUUID of a document by its unique id, None when it is not there (ITI-18, references only)."""
        wanted = {"$XDSDocumentEntryUniqueId": [unique_id]}
        body = query_request(QueryKind.GET_DOCUMENTS, {}, wanted, references=True)
        found = await self._search(Deed.REFERENCE, patient, body)
        return found.references[0] if found.references else None

    async def find(self, patient: CX, statuses: Sequence[str] = (APPROVED,)) -> Found:
        """List the documents of a patient (ITI-18 FindDocuments, TD3.1); not filtered by patient (EX_3.1-1055)."""
        single, several = {"$XDSDocumentEntryPatientId": patient.text}, {"$XDSDocumentEntryStatus": statuses}
        body = query_request(QueryKind.FIND_DOCUMENTS, single, several, references=False)
        return await self._search(Deed.SEARCH, patient, body)

    async def read(self, patient: CX, unique_id: str, repository_id: str | None = None) -> bytes:
        """Return the bytes of a document (ITI-43, TD3.2)."""
        body = retrieve_request(repository_id or self._access.settings.repository_id, [unique_id])
        call = _Call(
            deed=Deed.READ,
            service="repository",
            action=RETRIEVE,
            answer=f"{RETRIEVE}Response",
            patient=patient,
            body=body,
        )
        answer = await self._ask(call)
        contents = {name: content_of(each, answer.attachments) for name, each in documents_in(answer.body).items()}
        retrieved = _read(partial(read_retrieve_response, contents=contents), answer.body)
        _check(retrieved.status)
        if unique_id not in retrieved.documents:
            raise RecordAway(Trouble.ANSWER)
        return retrieved.documents[unique_id]

    async def update(self, deed: Deed, patient: CX, submission: Submission) -> None:
        """Change the visibility or the status of a document (ITI-57, TD3.3a to d); DEED: which of them."""
        body = submission_element(submission)
        call = _Call(
            deed=deed, service="registry", action=UPDATE, answer=f"{UPDATE}-Response", patient=patient, body=body
        )
        _check(_read(read_registry_response, (await self._ask(call)).body))

    async def _search(self, deed: Deed, patient: CX, body: etree._Element) -> Found:
        call = _Call(
            deed=deed,
            service="registry",
            action=STORED_QUERY,
            answer=f"{STORED_QUERY}Response",
            patient=patient,
            body=body,
        )
        status, found = _read(read_query_response, (await self._ask(call)).body)
        _check(status)
        return found

    async def _ask(self, call: _Call) -> SoapAnswer:
        decision = decide_deed(self._access.settings.mode, call.deed)
        if not decision.allowed:
            raise RecordRefused([decision.reason])
        outgoing, content_type, body = await self._pack(call)
        reply = await self._line.post(call.service, content_type, body)
        return await asyncio.to_thread(self._open, reply, outgoing.message_id, call.answer)

    async def _pack(self, call: _Call) -> tuple[Outgoing, str, bytes]:
        try:
            return await asyncio.to_thread(self._pack_now, call)
        except TemporaryFailure:
            raise RecordAway(Trouble.TOKEN) from None

    def _pack_now(self, call: _Call) -> tuple[Outgoing, str, bytes]:
        access = self._access
        assertion = write_vihf(access.identity, call.patient, access.key, access.clock.now())
        to = f"{access.settings.url.rstrip('/')}/{call.service}"
        outgoing = write_request(call.body, action=call.action, to=to, assertion=assertion)
        if not call.attachments:
            return outgoing, f'{SOAP_TYPE}; charset=UTF-8; action="{call.action}"', outgoing.envelope
        return outgoing, *write_package(outgoing.envelope, call.attachments, call.action)

    def _open(self, reply: HttpReply, message_id: str, action: str) -> SoapAnswer:
        limit = self._access.settings.max_answer_bytes
        try:
            package = read_package(reply.content_type, reply.body)
            return read_answer(package, message_id=message_id, action=action, max_bytes=limit)
        except SoapFault as fault:
            if fault.sender:
                raise RecordRefused([fault.subcode, fault.code]) from None
            raise RecordAway(Trouble.BUSY) from None
        except ProtocolError:
            raise RecordAway(Trouble.ANSWER) from None


@contextlib.asynccontextmanager
async def connect(access: Access) -> AsyncIterator[RecordClient]:
    """Open a line to the record for a few transactions."""
    async with open_line(access.settings, access.tls) as line:
        yield RecordClient(access, line)


def _read(reader: Callable[[etree._Element], T], body: etree._Element) -> T:
    try:
        return reader(body)
    except ProtocolError:
        raise RecordAway(Trouble.ANSWER) from None


def _check(status: Status) -> None:
    if not status.success:
        raise_for(status.codes)
