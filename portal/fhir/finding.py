"""ITI-66 and ITI-67, and reading by id: what of a patient's record a caller may know of, as FHIR resources.

Each document is decided as a reading (`dmp_bridge.services.visible`); one that the engine hides is not counted either.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from access_core.decision import Decision
from access_core.profiles import profile_by_id
from dmp_bridge.fhir import search
from dmp_bridge.fhir.lists import entry_uuid_of, list_id
from dmp_bridge.fhir.problems import FhirProblem, IssueType
from dmp_bridge.fhir.resources import Bundle, DocumentList, DocumentReference
from dmp_bridge.fhir.search import Query
from dmp_bridge.record.documents import content
from dmp_bridge.record.folders import folder_by_uuid
from dmp_bridge.record.holdings import load_holdings
from dmp_bridge.record.model import RecordedDocument
from dmp_bridge.record.registry import document_by_id, document_by_unique_id, profile_of_set
from dmp_bridge.refusals import Refusal
from dmp_bridge.services.registry_service import SEARCHED, Call, note_no_patient, note_search
from dmp_bridge.services.repository_service import read_one
from dmp_bridge.xds.identifiers import CX
from portal.fhir.answers import unknown_patient
from portal.fhir.parts import FhirParts, call_for
from portal.fhir.view import DOCUMENTS, LISTS, Asked, View, page_of
from vaguemestre.kernel.database import Transaction


@dataclass(frozen=True, slots=True, repr=False)
class Content:
    """The bytes of a document, their media type and their ETag."""

    media_type: str
    data: bytes
    etag: str


class Finding:
    """Finds and reads in the embedded record."""

    def __init__(self, parts: FhirParts) -> None:
        self._parts = parts

    async def search(self, asked: Asked) -> Bundle:
        """Answer a search, a page at a time; it is traced, whatever it found.

        Raises:
            FhirProblem: the search names no patient, or is not written as it should be.
        """
        known = (*search.DOCUMENT_PARAMETERS, search.RELATION) if asked.kind == DOCUMENTS else search.SET_PARAMETERS
        unknown = search.unknown_parameters(asked.query, known)
        if unknown and asked.strict:
            raise search.parameter_problem()
        size = self._page_size(asked.query)
        named = partial(patient_of_search, query=asked.query)
        view = await self._seen(asked.account_id, asked.base, asked.kind, named)
        return page_of(view, asked, frozenset(unknown), size)

    def _page_size(self, query: Query) -> int:
        text = query.first("_count")
        most = self._parts.settings.fhir_page_most
        if text is None:
            return min(self._parts.settings.fhir_page, most)
        if not text.isascii() or not text.isdigit() or len(text) > 9:
            raise search.parameter_problem("_count")
        return min(int(text), most)

    async def document(
        self, account_id: str, document_id: str, base: str, version: str | None = None
    ) -> DocumentReference:
        """Read the metadata of a document, the latest or those of VERSION; traced as a search.

        Raises:
            FhirProblem: there is no such document, or no such version, for this caller.
        """
        view = await self._of(account_id, base, DOCUMENTS, partial(_profile_of_document, document_id=document_id))
        versions = [each for each in view.holdings.documents if view.names[each.entry.entry_id] == document_id]
        found = [each for each in versions if version in (None, str(each.version))]
        if not found:
            raise absent()
        return view.document(max(found, key=lambda each: each.version))

    async def filed(self, document_id: str, base: str) -> DocumentReference:
        """Return the metadata of a document that the caller has just filed: what he gave, and what was made of it."""

        def work(tx: Transaction) -> DocumentReference:
            found = document_by_id(tx, document_id)
            profile = None if found is None else profile_by_id(tx, found.profile_id)
            if found is None or profile is None:
                raise absent()
            return View.of(profile, load_holdings(tx, profile.id), base).document(found)

        return await self._parts.database.read(work)

    async def submission(self, account_id: str, name: str, base: str) -> DocumentList:
        """Read a submission set or a folder; raises as `document` does."""
        view = await self._of(account_id, base, LISTS, partial(_profile_of_package, entry_uuid=entry_uuid_of(name)))
        found = next((each for each in view.packages() if list_id(each.entry_id) == name), None)
        if found is None:
            raise absent()
        return view.package(found)

    async def _of(self, account_id: str, base: str, kind: str, profile_of: Callable[[Transaction], str | None]) -> View:
        def patient(tx: Transaction) -> str:
            profile_id = profile_of(tx)
            if profile_id is None:
                raise absent()
            return profile_id

        return await self._seen(account_id, base, kind, patient)

    async def _seen(self, account_id: str, base: str, kind: str, patient: Callable[[Transaction], CX | str]) -> View:
        parts, now = self._parts, self._parts.clock.now()

        def work(tx: Transaction) -> tuple[Call, View | None]:
            call = call_for(tx, account_id, patient(tx), parts.settings, now)
            profile = call.caller.profile
            if profile is None:
                return call, None
            holdings = call.reader.visible(tx, load_holdings(tx, profile.id), references=False)
            return call, View.of(profile, holdings, base)

        call, view = await parts.database.read(work)
        await parts.database.write(partial(_note, call=call, kind=kind))
        if view is None:
            raise unknown_patient()
        return view

    async def content(self, account_id: str, document_id: str) -> Content | Decision:
        """Read a document (ITI-68): one decision, traced.

        Returns:
            The bytes, or the refusal.

        Raises:
            FhirProblem: there is no such document.
            IntegrityError: the sealed bytes were changed.
        """
        parts, now = self._parts, self._parts.clock.now()

        def work(tx: Transaction) -> tuple[RecordedDocument, Decision]:
            found = document_by_id(tx, document_id)
            if found is None:
                raise absent()
            call = call_for(tx, account_id, found.profile_id, parts.settings, now)
            return found, read_one(tx, call, found)

        found, decision = await parts.database.write(work)
        if not decision.allowed:
            return decision
        data = await parts.database.read(lambda tx: content(tx, parts.store, found))
        return Content(found.entry.mime_type, data, f'"{found.entry.hash}"')


def absent() -> FhirProblem:
    """Return what is told of a resource that is not there for this caller."""
    return FhirProblem.of(IssueType.NOT_FOUND, Refusal.FHIR_ABSENT, status=404)


def _profile_of_document(tx: Transaction, document_id: str) -> str | None:
    found = document_by_id(tx, document_id)
    return None if found is None else found.profile_id


def _profile_of_package(tx: Transaction, entry_uuid: str) -> str | None:
    folder = folder_by_uuid(tx, entry_uuid)
    return profile_of_set(tx, entry_uuid) if folder is None else folder.profile_id


def patient_of_search(tx: Transaction, query: Query) -> CX | str:
    """Return the patient that a search names, or the patient of the documents that it names by unique id.

    Raises:
        FhirProblem: it names no patient, and no document that is there.
    """
    patient = search.patient_of_query(query)
    if patient is not None:
        return patient
    unique_ids = search.unique_ids_of_query(query)
    if not unique_ids:
        raise search.parameter_problem("patient")
    found = [document for each in unique_ids if (document := document_by_unique_id(tx, each)) is not None]
    if not found:
        raise absent()
    return found[0].profile_id


def _note(tx: Transaction, call: Call, kind: str) -> None:
    if call.caller.profile is None:
        note_no_patient(tx, call.caller.sender, SEARCHED, call.now)
    else:
        note_search(tx, call, kind)
