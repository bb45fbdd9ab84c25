"""Changing the metadata of a document (PDSm flux 03): visibility, archive, logical deletion, each by its own decision.

A patch is done whole or not at all; what the engine refused is traced even so. A document that is not there for the
caller is absent, and what was tried on it is traced as a reading.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from access_core.case_acts import Asking
from access_core.decision import Decision
from dmp_bridge.fhir import search
from dmp_bridge.fhir.patches import Patch
from dmp_bridge.fhir.problems import FhirProblem, IssueType
from dmp_bridge.fhir.resources import DocumentReference
from dmp_bridge.fhir.search import Query
from dmp_bridge.record.acts import Change
from dmp_bridge.record.holdings import load_holdings
from dmp_bridge.record.model import RecordedDocument
from dmp_bridge.record.registry import document_by_id
from dmp_bridge.refusals import Refusal
from dmp_bridge.services.registry_service import (
    SEARCHED,
    Call,
    carry_out_update,
    may_know,
    note_no_patient,
    note_search,
)
from dmp_bridge.services.repository_service import read_one
from dmp_bridge.services.updates import Update
from dmp_bridge.xds.identifiers import CX
from portal.fhir.answers import problem_of_decision, unknown_patient
from portal.fhir.changes import changes_of
from portal.fhir.finding import absent, patient_of_search
from portal.fhir.parts import FhirParts, call_for
from portal.fhir.view import DOCUMENTS, View
from vaguemestre.kernel.database import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Patching:
    """A change that is asked for: by whom, of which document (its id, or a search that finds one), from which version.

    Attributes:
        matches: the ETag of `If-Match`, None when it is not given.
    """

    account_id: str
    base: str
    patch: Patch
    query: Query
    document_id: str | None = None
    matches: str | None = None


class _Undone(Exception):
    """The engine refused the second of several changes: the first is undone."""

    def __init__(self, update: Update) -> None:
        super().__init__("a patch is undone")
        self.update = update


Work = Callable[[Transaction], DocumentReference | FhirProblem]


class Updating:
    """Changes documents of the embedded record."""

    def __init__(self, parts: FhirParts) -> None:
        self._parts = parts

    async def patch(self, asked: Patching) -> DocumentReference:
        """Change a document; returns its metadata as they are now.

        Raises:
            FhirProblem: nothing was changed.
        """
        write = self._parts.database.write
        try:
            answer = await write(partial(self._patched, asked=asked))
        except _Undone as undone:  # what was refused is traced alone, after the rest was undone
            answer = await write(partial(self._patched, asked=asked, only=undone.update))
        if isinstance(answer, FhirProblem):
            raise answer
        return answer

    def _patched(self, tx: Transaction, asked: Patching, only: Update | None = None) -> DocumentReference | FhirProblem:
        settings, now = self._parts.settings, self._parts.clock.now()
        call = call_for(tx, asked.account_id, _patient(tx, asked), settings, now)
        if call.caller.profile is None:
            note_no_patient(tx, call.caller.sender, SEARCHED, now)
            return unknown_patient()
        found = _located(tx, call, asked)
        if not may_know(tx, call, found):
            read_one(tx, call, found)
            return absent()
        view = View.of(call.profile, load_holdings(tx, call.profile.id), asked.base)
        before = view.document(found)
        if asked.matches not in (None, etag_of(before)):
            raise FhirProblem.of(IssueType.CONFLICT, Refusal.FHIR_VERSION, status=412)
        updates = changes_of(before, asked.patch)
        if not updates:
            note_search(tx, call, DOCUMENTS)
            return before
        for place, update in enumerate(updates if only is None else (only,)):
            outcome = self._change(tx, call, found, update)
            if isinstance(outcome, Decision):
                if place:
                    raise _Undone(update)
                return problem_of_decision(outcome)
            found = outcome
        return view.document(replace(found, entry=replace(found.entry, status=found.availability.urn)))

    def _change(
        self, tx: Transaction, call: Call, found: RecordedDocument, update: Update
    ) -> RecordedDocument | Decision:
        caller = call.caller
        asking = Asking(profile=call.profile, actor=caller.sender, session=caller.session, now=call.now)
        outcome = carry_out_update(tx, update, Change(asking=asking, found=found))
        return outcome.decision if outcome.value is None else outcome.value


def _located(tx: Transaction, call: Call, asked: Patching) -> RecordedDocument:
    """Find the document that is to be changed.

    Raises:
        FhirProblem: none is there, or several.
    """
    holds = search.document_condition(asked.query)
    matched = [
        each
        for each in load_holdings(tx, call.profile.id).latest()
        if asked.document_id in (None, each.id) and holds(each)
    ]
    known = [each for each in matched if may_know(tx, call, each)]
    if len(known) > 1:
        raise FhirProblem.of(IssueType.CONFLICT, Refusal.FHIR_SEVERAL, status=412)
    if not matched:
        raise absent()
    return (known or matched)[0]


def _patient(tx: Transaction, asked: Patching) -> CX | str:
    if asked.document_id is None:
        return patient_of_search(tx, asked.query)
    found = document_by_id(tx, asked.document_id)
    if found is None:
        raise absent()
    return found.profile_id


def etag_of(found: DocumentReference) -> str | None:
    """Return the ETag of metadata."""
    return f'W/"{found.meta.version_id}"' if found.meta is not None else None
