"""Which document replaces which (RPLC; dmp.md §2.6, §3.3).

The parent's id decides when it is known; else the same setId with a lower version, since in most real pairs the
parent id does not match. A document is replaced only by one of the same source: a shared author, institution or
filer. A version older than the one that is there is kept, already replaced.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from dmp_bridge.preparation import PreparedDocument, Tolerance
from dmp_bridge.record.model import Availability, RecordedDocument
from dmp_bridge.record.registry import (
    associate,
    associations_of,
    document_by_unique_id,
    latest_by_entry_uuid,
    set_availability,
    versions_of_set,
)
from dmp_bridge.refusals import Refusal
from dmp_bridge.xds.identifiers import is_oid
from dmp_bridge.xds.metadata import APPENDS, REPLACES, TRANSFORMS, DocumentEntry
from vaguemestre.kernel.database import Transaction

_DEPENDING = frozenset({APPENDS, TRANSFORMS})


@dataclass(frozen=True, slots=True, kw_only=True)
class Succession:
    """What a new document does to those before it.

    Attributes:
        replaced: entries that it makes obsolete.
        superseded: a later version is there already.
    """

    replaced: tuple[RecordedDocument, ...] = ()
    superseded: bool = False
    refusal: Refusal | None = None
    warnings: tuple[str, ...] = ()


def succession_of(tx: Transaction, profile_id: str, prepared: PreparedDocument) -> Succession:
    """Find what PREPARED replaces in a patient's record."""
    if prepared.replaces:
        return _as_asked(tx, profile_id, prepared)
    header = prepared.header
    if header is None:
        return Succession()
    versions = versions_of_set(tx, profile_id, header.set_id.xds) if header.set_id else []
    version = header.version
    if version is not None and any(each.cda_version == version for each in versions):
        return Succession(refusal=Refusal.VERSION_TAKEN)
    if version is not None and any((each.cda_version or 0) > version for each in versions):
        return Succession(superseded=True, warnings=(Tolerance.OLDER_VERSION,))
    named = [document_by_unique_id(tx, each.xds) for each in header.replaced]
    parents = [each for each in named if each is not None and _is_current(each, profile_id)]
    if parents:
        return _of_same_source(parents, prepared.entry, ())
    current = [each for each in versions if _is_current(each, profile_id)]
    if current:
        return _of_same_source(current, prepared.entry, (Tolerance.REPLACED_BY_SET,))
    return Succession(warnings=(Tolerance.REPLACED_UNKNOWN,) if header.replaced else ())


def _as_asked(tx: Transaction, profile_id: str, prepared: PreparedDocument) -> Succession:
    """Replace what the metadata name, and only if all of it comes from the same source."""
    named = [latest_by_entry_uuid(tx, each) for each in prepared.replaces]
    found = [each for each in named if each is not None and _is_current(each, profile_id)]
    succession = _of_same_source(found, prepared.entry, ())
    if len(succession.replaced) < len(prepared.replaces):
        return Succession(refusal=Refusal.REPLACED_FOREIGN)
    return succession


def replaced_ids(prepared: PreparedDocument, succession: Succession) -> tuple[str, ...]:
    """Return the unique ids that a record elsewhere should replace: what is replaced here, or what left from here."""
    here = [each.entry.unique_id for each in succession.replaced]
    named = prepared.header.replaced if prepared.header is not None else ()
    gone = [each.xds for each in named] if Tolerance.REPLACED_UNKNOWN in succession.warnings else []
    return tuple(dict.fromkeys([*here, *(each for each in gone if is_oid(each))]))


def apply_succession(tx: Transaction, document: RecordedDocument, succession: Succession) -> None:
    """Mark what DOCUMENT replaces as deprecated, with its addenda and transformations, and say by which.

    Source: ITI TF-3 §4.2.2.2.3
    """
    for old in succession.replaced:
        for each in (old, *_dependent(tx, old)):
            set_availability(tx, each.id, Availability.DEPRECATED)
        associate(tx, document.submission_set_id, REPLACES, document.entry.entry_id, old.entry.entry_id)


def _dependent(tx: Transaction, old: RecordedDocument) -> list[RecordedDocument]:
    """Return what was added to a document or made from it, and is still in force."""
    links = associations_of(tx, old.entry.entry_id)
    sources = [each.source for each in links if each.kind in _DEPENDING and each.target == old.entry.entry_id]
    found = (latest_by_entry_uuid(tx, each) for each in sources)
    return [each for each in found if each is not None and _is_current(each, old.profile_id)]


def _is_current(document: RecordedDocument, profile_id: str) -> bool:
    live = document.availability in (Availability.APPROVED, Availability.ARCHIVED)
    return live and document.profile_id == profile_id


def _of_same_source(
    candidates: Iterable[RecordedDocument], entry: DocumentEntry, warnings: tuple[str, ...]
) -> Succession:
    source = _source(entry)
    replaced = tuple(each for each in candidates if source & _source(each.entry))
    return Succession(replaced=replaced, warnings=warnings if replaced else (Tolerance.REPLACED_FOREIGN,))


def _source(entry: DocumentEntry) -> frozenset[str]:
    """Return the numbers of the people and structures that a document comes from."""
    people = (author.person.identifier for author in entry.authors if author.person is not None)
    structures = (each.identifier for author in entry.authors for each in author.institutions)
    return frozenset(each for each in (*people, *structures) if each)
