"""A patient's documents, in any space: list, read, fetch. The engine decides on each one; a refusal is traced too.

A document that the engine hides does not appear in the list, nor in a count (access.md §10.7, 5).
"""

from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Protocol

from access_core.case_facts import readings
from access_core.case_inputs import NO_DOCUMENT, CaseFacts, DocumentFacts, ReadingRequest, Sender, Session
from access_core.decision import Decision
from access_core.obligations import Deed, carry_out
from access_core.profiles import Profile
from access_core.reasons import Reason
from access_core.trace.decisions import About, decision_entry
from access_core.trace.entries import record
from dmp_bridge.record.documents import content, document, documents_of
from dmp_bridge.record.facts import facts_of
from dmp_bridge.record.model import Availability, Origin, RecordedDocument
from dmp_bridge.services.repository_service import SHOWN
from portal.attachments.kinds import FileContent, kind_of, safe_name
from portal.documents.reading import CDA_TYPES
from portal.services import PortalServices
from portal.sessions import Session as OpenSession
from vaguemestre.kernel.database import Transaction

_STATE_WORDS = {Availability.DEPRECATED: "Remplacé par une version plus récente", Availability.ARCHIVED: "Archivé"}
_PICTURED = frozenset(
    {"urn:ihe:iti:xds-sd:pdf:2008", "urn:ihe:iti-fr:xds-sd:jpeg:2010", "urn:ihe:iti-fr:xds-sd:tiff:2010"}
)
"""Formats of documents of which a thumbnail can be drawn (JDV_J60)."""
_HIDING = frozenset({Reason.V_DOC_INVISIBLE_PATIENT, Reason.V_DOC_INVISIBLE_RL, Reason.V_DOC_MASQUE_PRO})
NO_TITLE = "Document sans titre"


class RecordViewer(Protocol):
    """Somebody who is signed in, in front of one patient's record: herself, or a professional."""

    @property
    def session(self) -> OpenSession:
        """Her session."""

    @property
    def profile(self) -> Profile:
        """The patient."""

    @property
    def professional_id(self) -> str | None:
        """Account of the professional, None for the patient."""

    @property
    def documents_path(self) -> str:
        """Address of the list of the documents."""

    def reading(self, now: datetime) -> ReadingRequest:
        """Say to the engine who reads, how she signed in, whose record it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentLine:
    """A document in the list; `kind`, `author` and `status` in words; `pictured`: it may have a thumbnail."""

    id: str
    title: str
    kind: str
    author: str
    created_at: datetime
    status: str
    pictured: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedDocument:
    """A document that she may read, with its bytes as they were filed; `is_cda`: a clinical document in XML."""

    line: DocumentLine
    filed_at: datetime
    filed_by: str
    masked: bool
    by_patient: bool
    is_cda: bool
    data: bytes = field(repr=False)

    @property
    def original(self) -> FileContent:
        """The document as a file."""
        title = self.line.title[:80]
        if self.is_cda:
            return FileContent(f"{title}.xml", None, self.data)
        kind = kind_of(self.data)
        return FileContent(title if kind is None else safe_name(title, kind, 1), kind, self.data)


@dataclass(frozen=True, slots=True)
class Reading:
    """What came of asking for a document: the decision, and the document when it is allowed."""

    decision: Decision
    document: OpenedDocument | None


async def list_documents(services: PortalServices, viewer: RecordViewer) -> list[DocumentLine]:
    """Return the documents that the reader may see, the latest first."""
    return await services.database.read(partial(visible_documents, services=services, viewer=viewer))


async def open_document(services: PortalServices, viewer: RecordViewer, document_id: str) -> Reading | None:
    """Open one document: decide, trace, then read its bytes.

    Returns:
        None when this patient's record has no such document at all.
    """
    decision = await decide_reading(services, viewer, document_id)
    if decision is None:
        return None
    opened = await load_document(services, viewer, document_id) if decision.allowed else None
    return None if decision.allowed and opened is None else Reading(decision, opened)


async def decide_reading(
    services: PortalServices, viewer: RecordViewer, document_id: str, *, seen: bool = False
) -> Decision | None:
    """Decide whether she may read a document, and trace it.

    Args:
        seen: the page of the document was just shown, and traced, to this session: what it is made of (its file, its
            pictures) is decided again, but only a refusal is traced.

    Returns:
        None when this patient's record has no such document at all.
    """
    if seen:
        judge = partial(_judge, services=services, viewer=viewer, document_id=document_id)
        decision = await services.database.read(judge)
        if decision is None or decision.allowed:
            return decision
    decide = partial(_decide, services=services, viewer=viewer, document_id=document_id)
    return await services.database.write(decide)


async def load_document(services: PortalServices, viewer: RecordViewer, document_id: str) -> OpenedDocument | None:
    """Read the bytes of a document that she may read; None when it is no longer there."""
    return await services.database.read(partial(_open, services=services, viewer=viewer, document_id=document_id))


def visible_documents(tx: Transaction, services: PortalServices, viewer: RecordViewer) -> list[DocumentLine]:
    """Return the documents that the engine lets the reader read, the latest first; nothing is traced."""
    found, case = documents_of(tx, viewer.profile.id), readings(tx, viewer.reading(services.clock.now()))
    return [_line(each) for each in found if case(_facts(viewer, each)).decide().allowed]


def hidden_documents(tx: Transaction, services: PortalServices, viewer: RecordViewer) -> frozenset[str]:
    """Return the ids and unique ids of the documents of the record that the reader must not know of yet."""
    asked = viewer.reading(services.clock.now())
    return hidden_from(tx, asked.reader, asked.profile, asked.session, asked.now)


def hidden_from(
    tx: Transaction, reader: Profile | Sender, profile: Profile, session: Session, now: datetime
) -> frozenset[str]:
    """Return the ids and unique ids of the documents of PROFILE that this reader must not know of."""
    author_id = None if isinstance(reader, Profile) else reader.id
    case = readings(tx, ReadingRequest(reader=reader, profile=profile, document=NO_DOCUMENT, session=session, now=now))
    hidden = [
        each
        for each in documents_of(tx, profile.id)
        if case(facts_of(each, reader_id=author_id)).decide().reason in _HIDING
    ]
    return frozenset(name for each in hidden for name in (each.id, each.entry.unique_id, each.entry.entry_id))


def own_document(tx: Transaction, viewer: RecordViewer, document_id: str) -> RecordedDocument | None:
    """Find a document of the record, in any state; the engine has not decided on it yet."""
    found = document(tx, document_id)
    return found if found is not None and found.profile_id == viewer.profile.id else None


def _case(tx: Transaction, services: PortalServices, viewer: RecordViewer, found: RecordedDocument) -> CaseFacts:
    return readings(tx, viewer.reading(services.clock.now()))(_facts(viewer, found))


def _facts(viewer: RecordViewer, found: RecordedDocument) -> DocumentFacts:
    return facts_of(found, reader_id=viewer.professional_id)


def _judge(tx: Transaction, services: PortalServices, viewer: RecordViewer, document_id: str) -> Decision | None:
    found = own_document(tx, viewer, document_id)
    return None if found is None else _case(tx, services, viewer, found).decide()


def _decide(tx: Transaction, services: PortalServices, viewer: RecordViewer, document_id: str) -> Decision | None:
    found = own_document(tx, viewer, document_id)
    if found is None:
        return None
    case = _case(tx, services, viewer, found)
    decision = case.decide()
    about = About(resource_kind="document", resource_id=found.id)
    now = services.clock.now()
    record(tx, decision_entry(case, decision, about, at=now))
    deed = Deed(
        act=case.act,
        profile=viewer.profile,
        resource_kind="document",
        resource_id=found.id,
        now=now,
        professional_id=viewer.professional_id,
    )
    carry_out(tx, decision, deed, done=SHOWN)
    return decision


def _line(found: RecordedDocument) -> DocumentLine:
    return DocumentLine(
        id=found.id,
        title=found.title or found.type_label or NO_TITLE,
        kind=found.type_label or "Document",
        author=found.author_name or found.filing.label,
        created_at=found.created_at or found.filing.filed_at,
        status=_STATE_WORDS.get(found.availability, ""),
        pictured=found.entry.format_code is not None and found.entry.format_code.code in _PICTURED,
    )


def _open(tx: Transaction, services: PortalServices, viewer: RecordViewer, document_id: str) -> OpenedDocument | None:
    found = own_document(tx, viewer, document_id)
    if found is None:
        return None
    return OpenedDocument(
        line=_line(found),
        filed_at=found.filing.filed_at,
        filed_by=found.filing.label,
        masked=found.masked,
        by_patient=found.filing.origin is Origin.PATIENT,
        is_cda=found.entry.mime_type in CDA_TYPES,
        data=content(tx, services.store, found),
    )
