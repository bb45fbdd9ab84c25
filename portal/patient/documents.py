"""The patient's documents: list, read, fetch. The engine decides on each one; a refusal is traced like a reading.

A document that the engine hides does not appear in the list, nor in a count (access.md §10.7, 5).
"""

from dataclasses import dataclass
from datetime import datetime
from functools import partial

from access_core.case_facts import reading_facts
from access_core.case_inputs import CaseFacts, ReadingRequest, Sender, Session
from access_core.decision import Decision
from access_core.obligations import Deed, carry_out
from access_core.profiles import Profile
from access_core.reasons import Reason
from access_core.trace.decisions import About, decision_entry
from access_core.trace.entries import record
from dmp_bridge.cda.body import read_body
from dmp_bridge.record.documents import content, document, documents_of
from dmp_bridge.record.facts import facts_of
from dmp_bridge.record.model import Availability, Origin, RecordedDocument
from portal.attachments.kinds import FileContent, Kind, kind_of, safe_name
from portal.patient.narrative import Block, read_narrative
from portal.patient.viewer import Viewer
from portal.services import PortalServices
from vaguemestre.kernel.database import Transaction
from vaguemestre.kernel.errors import ProtocolError

_STATE_WORDS = {Availability.DEPRECATED: "Remplacé par une version plus récente", Availability.ARCHIVED: "Archivé"}
_XML = frozenset({"text/xml", "application/xml", "application/hl7-v3+xml"})
_HIDING = frozenset({Reason.V_DOC_INVISIBLE_PATIENT, Reason.V_DOC_INVISIBLE_RL, Reason.V_DOC_MASQUE_PRO})
NO_TITLE = "Document sans titre"


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentLine:
    """A document in the list; `kind`, `author` and `status` in words."""

    id: str
    title: str
    kind: str
    author: str
    created_at: datetime
    status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentView:
    """A document that she may read: what it is, its PDF or image if it holds one, its text if it is structured."""

    line: DocumentLine
    filed_at: datetime
    filed_by: str
    masked: bool
    by_patient: bool
    original: FileContent
    readable: FileContent | None
    narrative: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Reading:
    """What came of asking for a document: the decision, and the document when it is allowed."""

    decision: Decision
    view: DocumentView | None


async def list_documents(services: PortalServices, viewer: Viewer) -> list[DocumentLine]:
    """Return the documents that the patient may see, the latest first."""
    return await services.database.read(partial(visible_documents, services=services, viewer=viewer))


async def read_document(services: PortalServices, viewer: Viewer, document_id: str) -> Reading | None:
    """Read one document: decide, trace, then open it.

    Returns:
        None when this patient's record has no such document at all.
    """
    decision = await services.database.write(
        partial(_decide, services=services, viewer=viewer, document_id=document_id)
    )
    if decision is None or not decision.allowed:
        return None if decision is None else Reading(decision, None)
    view = await services.database.read(partial(_view, services=services, viewer=viewer, document_id=document_id))
    return None if view is None else Reading(decision, view)


def visible_documents(tx: Transaction, services: PortalServices, viewer: Viewer) -> list[DocumentLine]:
    """Return the documents that the engine lets the patient read, the latest first; nothing is traced."""
    found = documents_of(tx, viewer.profile.id)
    return [_line(each) for each in found if _case(tx, services, viewer, each).decide().allowed]


def hidden_documents(tx: Transaction, services: PortalServices, viewer: Viewer) -> frozenset[str]:
    """Return the ids and unique ids of the documents of her record that she must not know of yet."""
    now = services.clock.now()
    return hidden_from(tx, viewer.profile, viewer.profile, viewer.facts(now), now)


def hidden_from(
    tx: Transaction, reader: Profile | Sender, profile: Profile, session: Session, now: datetime
) -> frozenset[str]:
    """Return the ids and unique ids of the documents of PROFILE that this reader must not know of."""
    hidden = []
    author_id = None if isinstance(reader, Profile) else reader.id
    for each in documents_of(tx, profile.id):
        facts = facts_of(each, reader_id=author_id)
        request = ReadingRequest(reader=reader, profile=profile, document=facts, session=session, now=now)
        if reading_facts(tx, request).decide().reason in _HIDING:
            hidden.append(each)
    return frozenset(name for each in hidden for name in (each.id, each.entry.unique_id, each.entry.entry_id))


def own_document(tx: Transaction, viewer: Viewer, document_id: str) -> RecordedDocument | None:
    """Find a document of hers, in any state; the engine has not decided on it yet."""
    found = document(tx, document_id)
    return found if found is not None and found.profile_id == viewer.profile.id else None


def _case(tx: Transaction, services: PortalServices, viewer: Viewer, found: RecordedDocument) -> CaseFacts:
    now = services.clock.now()
    request = ReadingRequest(
        reader=viewer.profile,
        profile=viewer.profile,
        document=facts_of(found),
        session=viewer.facts(now),
        now=now,
    )
    return reading_facts(tx, request)


def _decide(tx: Transaction, services: PortalServices, viewer: Viewer, document_id: str) -> Decision | None:
    found = own_document(tx, viewer, document_id)
    if found is None:
        return None
    case = _case(tx, services, viewer, found)
    decision = case.decide()
    about = About(resource_kind="document", resource_id=found.id)
    now = services.clock.now()
    record(tx, decision_entry(case, decision, about, at=now))
    deed = Deed(act=case.act, profile=viewer.profile, resource_kind="document", resource_id=found.id, now=now)
    carry_out(tx, decision, deed)
    return decision


def _line(found: RecordedDocument) -> DocumentLine:
    return DocumentLine(
        id=found.id,
        title=found.title or found.type_label or NO_TITLE,
        kind=found.type_label or "Document",
        author=found.author_name or found.filing.label,
        created_at=found.created_at or found.filing.filed_at,
        status=_STATE_WORDS.get(found.availability, ""),
    )


def _view(tx: Transaction, services: PortalServices, viewer: Viewer, document_id: str) -> DocumentView | None:
    found = own_document(tx, viewer, document_id)
    if found is None:
        return None
    line, data = _line(found), content(tx, services.store, found)
    is_cda = found.entry.mime_type in _XML
    name = line.title[:80]
    kind = None if is_cda else kind_of(data)
    original = FileContent(f"{name}.xml" if is_cda else _named(name, kind), kind, data)
    return DocumentView(
        line=line,
        filed_at=found.filing.filed_at,
        filed_by=found.filing.label,
        masked=found.masked,
        by_patient=found.filing.origin is Origin.PATIENT,
        original=original,
        readable=_embedded(name, data) if is_cda else original if kind is not None else None,
        narrative=read_narrative(data) if is_cda else (),
    )


def _embedded(name: str, cda: bytes) -> FileContent | None:
    """Return the file that a level 1 CDA wraps, when its bytes are of a kind that we know."""
    try:
        body = read_body(cda)
    except ProtocolError:
        return None
    kind = None if body is None else kind_of(body.content)
    return None if body is None or kind is None else FileContent(_named(name, kind), kind, body.content)


def _named(name: str, kind: Kind | None) -> str:
    return name if kind is None else safe_name(name, kind, 1)
