"""ITI-65 and ITI-105: filing what practice software publishes.

All of a submission is kept, or nothing; the refusal of each document is traced even so.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from access_core.acts import Act
from access_core.decision import Obligation, Verdict
from access_core.professionals import professional_by_account
from access_core.profiles import profile_by_id
from dmp_bridge.fhir.bundles import (
    UNIQUE_ID_TARGET,
    Publication,
    patients_named,
    read_publication,
    read_simplified,
)
from dmp_bridge.fhir.lists import list_id
from dmp_bridge.fhir.problems import FhirProblem, IssueType
from dmp_bridge.fhir.resources import (
    Binary,
    Bundle,
    DocumentList,
    DocumentReference,
    Entry,
    EntryResponse,
    Parameters,
    read_bundle,
    read_document_reference,
)
from dmp_bridge.filing import Filer
from dmp_bridge.intake import build_filer
from dmp_bridge.outcome import FilingOutcome, refuse_as
from dmp_bridge.record.documents import content
from dmp_bridge.record.folders import folder_by_unique_id
from dmp_bridge.record.registry import document_by_id, document_by_unique_id, registered_set
from dmp_bridge.refusals import ExchangeError, Refusal
from dmp_bridge.services.providing import Provided, Refused, filing_case, prepare_provided, provide
from dmp_bridge.services.registry_service import Call, note_no_patient
from dmp_bridge.xds.errors import XdsRefusal
from dmp_bridge.xds.identifiers import CX
from dmp_bridge.xds.metadata import Association, Folder, Submission
from dmp_bridge.xds.times import xds_from_instant
from portal.fhir.answers import problem_of_refusal
from portal.fhir.parts import FhirParts, call_for, number_of_profile
from portal.fhir.wrapping import Publisher, needs_wrapping, wrapped
from vaguemestre.kernel.database import Transaction

CREATED, KNOWN = "201 Created", "200 OK"
_DOCUMENT = "DocumentReference/"
Reader = Callable[[dict[str, CX]], Publication]


@dataclass(frozen=True, slots=True, kw_only=True)
class Filed:
    """What was made of a publication: the id of its set, of each document and folder by entry id; whether it is new."""

    set_id: str
    documents: dict[str, str]
    new: frozenset[str]
    folders: dict[str, str]


class Publishing:
    """Files publications into the embedded record."""

    def __init__(self, parts: FhirParts) -> None:
        self._parts = parts
        self._filer = build_filer(parts.store, parts.settings)

    async def publish(self, account_id: str, body: bytes) -> Bundle:
        """File a Provide Document Bundle; returns the transaction's answer.

        Raises:
            FhirProblem: nothing was kept.
        """
        bundle = await asyncio.to_thread(read_bundle, body)
        publication = await self._read(patients_named(bundle), lambda known: read_publication(bundle, known))
        if needs_wrapping(publication):
            publication = await self._wrapped(account_id, publication, exact=True)
        return _answer(bundle, publication, await self._file(account_id, publication))

    async def create(self, account_id: str, body: bytes) -> tuple[str, bool]:
        """File a simplified publication; returns the id of the DocumentReference and whether it is new.

        Raises:
            FhirProblem: nothing was kept.
        """
        reference = await asyncio.to_thread(read_document_reference, body)
        time, source_id = xds_from_instant(self._parts.clock.now()), self._parts.settings.repository_id
        named = patients_named(Bundle(entry=(Entry(resource=reference),)))
        publication = await self._read(
            named, lambda known: read_simplified(reference, known, source_id=source_id, time=time)
        )
        if needs_wrapping(publication):
            publication = await self._wrapped(account_id, publication, exact=False)
        filed = await self._file(account_id, publication)
        ((entry_id, document_id),) = filed.documents.items()
        return document_id, entry_id in filed.new

    async def _read(self, named: frozenset[str], read: Reader) -> Publication:
        known = await self._parts.database.read(partial(_patients, named=named)) if named else {}
        return await asyncio.to_thread(read, known)

    async def _wrapped(self, account_id: str, publication: Publication, *, exact: bool) -> Publication:
        """Make documents of plain files; for a patient who is not known, filing says so."""
        parts, now = self._parts, self._parts.clock.now()
        patient = publication.submission.submission_set.patient_id or CX("")

        def work(tx: Transaction) -> tuple[Call, Publisher | None]:
            call = call_for(tx, account_id, patient, parts.settings, now)
            professional, profile = professional_by_account(tx, account_id), call.caller.profile
            if professional is None or profile is None:
                return call, None
            return call, Publisher(
                professional=professional,
                profile=profile,
                source_id=parts.settings.repository_id,
                now=now,
                there=self._there(tx, publication, profile.id),
            )

        call, publisher = await parts.database.read(work)
        if publisher is None:
            return publication
        try:
            return await asyncio.to_thread(partial(wrapped, publication, publisher, parts.images, exact=exact))
        except ExchangeError as error:
            unique_id = publication.submission.entries[0].unique_id
            outcome = FilingOutcome(verdict=Verdict.DENY, reason=error.code, unique_id=unique_id)
            refused = Refused([outcome])
            await parts.database.write(partial(self._note, call=call, refused=refused))
            raise problem_of_refusal(refused) from None

    def _there(self, tx: Transaction, publication: Publication, profile_id: str) -> dict[str, bytes]:
        """Return the documents of the patient that have a unique id of the publication."""
        found = (document_by_unique_id(tx, each.unique_id) for each in publication.submission.entries)
        return {
            each.entry.unique_id: content(tx, self._parts.store, each)
            for each in found
            if each is not None and each.profile_id == profile_id
        }

    async def _file(self, account_id: str, publication: Publication) -> Filed:
        parts, now = self._parts, self._parts.clock.now()
        patient = publication.submission.submission_set.patient_id or CX("")
        asked = partial(call_for, account_id=account_id, patient=patient, settings=parts.settings, now=now)
        call: Call = await parts.database.read(asked)
        resolved = await parts.database.read(partial(_resolved, publication=publication))
        try:
            rules = parts.settings.reader_rules()
            provided = await asyncio.to_thread(prepare_provided, resolved, publication.contents, rules)
            work = partial(_provide, call=call, provided=provided, filer=self._filer, presume_care=parts.presume_care)
            return await parts.database.write(work)
        except Refused as refused:
            await parts.database.write(partial(self._note, call=call, refused=refused))
            raise problem_of_refusal(refused) from None
        except XdsRefusal as refusal:
            if call.caller.profile is None:
                await parts.database.write(
                    partial(note_no_patient, sender=call.caller.sender, act=Act.FILE_DOCUMENT, now=call.now)
                )
            raise problem_of_refusal(refusal) from None

    def _note(self, tx: Transaction, call: Call, refused: Refused) -> None:
        """Trace why a submission was refused, once what it had begun was undone."""
        case = filing_case(call, presume_care=self._parts.presume_care)
        for outcome in refused.outcomes:
            refuse_as(tx, case, outcome.reason, outcome.unique_id)


def _patients(tx: Transaction, named: frozenset[str]) -> dict[str, CX]:
    found = {each: profile_by_id(tx, each.removeprefix("Patient/")) for each in named}
    return {name: number_of_profile(profile) for name, profile in found.items() if profile is not None}


def _resolved(tx: Transaction, publication: Publication) -> Submission:
    """Return a submission whose associations lead to entryUUIDs; one that leads nowhere is refused later."""
    submission = publication.submission
    names = {each.entry_id: _folder_name(tx, publication, each) for each in submission.folders}
    own = names.keys() | {each.entry_id for each in submission.entries}

    def linked(link: Association) -> Association:
        target = names.get(link.target, link.target) if link.target in own else _entry_uuid(tx, link)
        return replace(link, source=names.get(link.source, link.source), target=target)

    return replace(
        submission,
        associations=tuple(map(linked, submission.associations)),
        folders=tuple(replace(each, entry_id=names[each.entry_id]) for each in submission.folders),
    )


def _folder_name(tx: Transaction, publication: Publication, found: Folder) -> str:
    """Return the entryUUID of a folder that is there, of which a new version is sent; else its entry id."""
    there = folder_by_unique_id(tx, found.unique_id)
    if found.entry_id in publication.known_folders and (there is None or there.folder.entry_id != found.entry_id):
        raise FhirProblem.of(IssueType.NOT_FOUND, Refusal.FHIR_REFERENCE, "Bundle.entry.request.url", status=422)
    return found.entry_id if there is None else there.folder.entry_id


def _entry_uuid(tx: Transaction, link: Association) -> str:
    target = link.target
    if target.startswith(UNIQUE_ID_TARGET):
        found = document_by_unique_id(tx, target.removeprefix(UNIQUE_ID_TARGET))
    else:
        found = document_by_id(tx, target.removeprefix(_DOCUMENT)) if target.startswith(_DOCUMENT) else None
    return "" if found is None else found.entry.entry_id


def _provide(tx: Transaction, call: Call, provided: Provided, filer: Filer, *, presume_care: bool) -> Filed:
    outcomes = provide(tx, call, provided, filer, presume_care=presume_care)
    documents: dict[str, str] = {}
    new: set[str] = set()
    for prepared, outcome in zip(provided.documents, outcomes, strict=True):
        documents[prepared.entry.entry_id] = outcome.document_id or ""
        if not _was_there(outcome):
            new.add(prepared.entry.entry_id)
    return Filed(
        set_id=_set_id(tx, call, provided, documents),
        documents=documents,
        new=frozenset(new),
        folders=_folders(tx, provided),
    )


def _folders(tx: Transaction, provided: Provided) -> dict[str, str]:
    """Return the ids of the Lists of the folders, by unique id."""
    found = (folder_by_unique_id(tx, each.unique_id) for each in provided.submission.folders)
    return {each.folder.unique_id: list_id(each.folder.entry_id) for each in found if each is not None}


def _was_there(outcome: FilingOutcome) -> bool:
    return Obligation.DEDUP in outcome.obligations


def _set_id(tx: Transaction, call: Call, provided: Provided, documents: dict[str, str]) -> str:
    """Return the id of the List of the set that was kept; of none, when every document was there by another set."""
    kept = registered_set(tx, call.profile.id, provided.submission.submission_set.unique_id)
    return "" if kept is None else list_id(kept.entry_uuid)


def _answer(bundle: Bundle, publication: Publication, filed: Filed) -> Bundle:
    """Answer each entry in its place."""
    return Bundle(
        type="transaction-response",
        entry=tuple(Entry(response=_response(each, publication, filed)) for each in bundle.entry),
    )


def _response(entry: Entry, publication: Publication, filed: Filed) -> EntryResponse:
    url = entry.full_url or ""
    match entry.resource:
        case DocumentReference() if url in filed.documents:
            status = CREATED if url in filed.new else KNOWN
            return EntryResponse(status=status, location=f"{_DOCUMENT}{filed.documents[url]}", etag='W/"1"')
        case Binary():
            document = filed.documents.get(publication.binaries[url], "")
            return EntryResponse(
                status=CREATED if publication.binaries[url] in filed.new else KNOWN, location=f"Binary/{document}"
            )
        case DocumentList() if url in publication.folders:
            named = next(each for each in publication.submission.folders if each.entry_id == publication.folders[url])
            status = KNOWN if named.entry_id in publication.known_folders else CREATED
            return EntryResponse(status=status, location=f"List/{filed.folders[named.unique_id]}")
        case DocumentList() if filed.set_id:
            return EntryResponse(status=CREATED if filed.new else KNOWN, location=f"List/{filed.set_id}")
        case Parameters():
            return EntryResponse(status=KNOWN, location=entry.request.url if entry.request else None)
    return EntryResponse(status=KNOWN)
