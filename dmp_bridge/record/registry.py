"""The registry: who is filed under which unique id, which version replaces which.

All statements are constants. Every change of a document is an insert or a change of its availability: metadata
are never lost (`revision.py` keeps each version of ITI-57).
"""

import json
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, Select, String, Table, bindparam, exists, insert, select, update

from dmp_bridge.record.model import Availability, RecordedDocument, RecordedSet
from dmp_bridge.record.rows import author_rows, code_rows, document_of, document_row, set_row, submission_set_of
from dmp_bridge.tables import document_association, document_code, document_entry, record_author, submission_set
from dmp_bridge.xds.metadata import HAS_MEMBER, Association, SubmissionSet
from vaguemestre.kernel.database import Transaction, insert_ignoring
from vaguemestre.kernel.ids import new_id

_newer = document_entry.alias("newer")
# A document is its latest version; the versions before it are found by their own ids and entryUUIDs only.
_IS_LATEST = ~exists().where(
    _newer.c.logical_id == document_entry.c.logical_id, _newer.c.metadata_version > document_entry.c.metadata_version
)
_BY_ID = select(document_entry).where(document_entry.c.id == bindparam("id"))
_BY_ENTRY_UUID = select(document_entry).where(document_entry.c.entry_uuid == bindparam("entry_uuid"), _IS_LATEST)
_BY_ANY_UUID = select(document_entry).where(document_entry.c.entry_uuid == bindparam("entry_uuid"))
_BY_UNIQUE_ID = (
    select(document_entry)
    .where(document_entry.c.unique_id == bindparam("unique_id"))
    .order_by(document_entry.c.metadata_version.desc())
    .limit(1)
)
_OF_PROFILE = (
    select(document_entry)
    .where(document_entry.c.profile_id == bindparam("profile_id"), _IS_LATEST)
    .order_by(document_entry.c.creation_time.desc(), document_entry.c.id.desc())
)
_ALL_VERSIONS = (
    select(document_entry)
    .where(document_entry.c.profile_id == bindparam("profile_id"))
    .order_by(document_entry.c.creation_time.desc(), document_entry.c.metadata_version.desc(), document_entry.c.id)
)
_OF_SET = (
    select(document_entry)
    .where(
        document_entry.c.profile_id == bindparam("profile_id"),
        document_entry.c.set_id == bindparam("set_id"),
        document_entry.c.availability != Availability.DELETED,
        _IS_LATEST,
    )
    .order_by(document_entry.c.cda_version.desc(), document_entry.c.id.desc())
)
_AUTHORS = (
    select(record_author)
    .where(record_author.c.owner_id.in_(bindparam("owners", expanding=True)))
    .order_by(record_author.c.owner_id, record_author.c.place)
)
_CODES = (
    select(document_code)
    .where(document_code.c.document_id.in_(bindparam("documents", expanding=True)))
    .order_by(document_code.c.document_id, document_code.c.kind, document_code.c.place)
)
_SET = select(submission_set).where(
    submission_set.c.profile_id == bindparam("profile_id"), submission_set.c.unique_id == bindparam("unique_id")
)
_PROFILE_OF_SET = select(submission_set.c.profile_id).where(submission_set.c.entry_uuid == bindparam("entry_uuid"))
_SET_AVAILABILITY = (
    update(document_entry).where(document_entry.c.id == bindparam("document")).values(availability=bindparam("state"))
)
_LINKS = select(document_association).where(
    (document_association.c.source_uuid == bindparam("entry_uuid"))
    | (document_association.c.target_uuid == bindparam("entry_uuid"))
)
_BATCH = 500


@dataclass(frozen=True, slots=True)
class RegisteredSet:
    """The row of a submission set and its entryUUID."""

    id: str
    entry_uuid: str


def new_entry_uuid() -> str:
    """Return a fresh entryUUID, in the form that XDS requires."""
    return f"urn:uuid:{uuid.uuid4()}"


def is_storable(document: RecordedDocument, recorded: RecordedSet) -> bool:
    """Tell whether every text fits its column, which not every catalogue would say by itself."""
    entry = document.entry
    tables: Sequence[tuple[Table, list[dict[str, Any]]]] = (
        (document_entry, [document_row(document)]),
        (submission_set, [set_row(recorded)]),
        (document_code, code_rows(document.id, entry)),
    )
    return all(_fits(table, row) for table, rows in tables for row in rows)


def _fits(table: Table, row: dict[str, Any]) -> bool:
    lengths = {each.name: each.type.length for each in table.columns if isinstance(each.type, String)}
    texts = ((lengths.get(name), value) for name, value in row.items() if isinstance(value, str))
    return all(length is None or len(value) <= length for length, value in texts)


def register_set(tx: Transaction, recorded: RecordedSet) -> RegisteredSet:
    """Insert a submission set, unless the patient has one of that unique id already; returns the one that is there."""
    if insert_ignoring(tx, submission_set, set_row(recorded)):
        rows = author_rows(recorded.id, recorded.submission_set.authors)
        if rows:
            tx.execute(insert(record_author), rows)
        return RegisteredSet(recorded.id, recorded.submission_set.entry_id)
    there = registered_set(tx, recorded.profile_id, recorded.submission_set.unique_id)
    assert there is not None
    return there


def registered_set(tx: Transaction, profile_id: str, unique_id: str) -> RegisteredSet | None:
    """Find a submission set of a patient by its unique id."""
    row = tx.execute(_SET, {"profile_id": profile_id, "unique_id": unique_id}).one_or_none()
    return None if row is None else RegisteredSet(row.id, row.entry_uuid)


def register_document(tx: Transaction, document: RecordedDocument) -> bool:
    """Insert an entry with its authors and codes; False, and nothing done, when its unique id is taken."""
    if not insert_ignoring(tx, document_entry, document_row(document)):
        return False
    authors, codes = author_rows(document.id, document.entry.authors), code_rows(document.id, document.entry)
    if authors:
        tx.execute(insert(record_author), authors)
    if codes:
        tx.execute(insert(document_code), codes)
    return True


def associate(tx: Transaction, set_id: str, kind: str, source: str, target: str) -> None:
    """Link two entryUUIDs on behalf of a submission set; KIND is the URN of the association type."""
    slots = {"SubmissionSetStatus": ["Original"]} if kind == HAS_MEMBER else {}
    row = {
        "id": new_id(),
        "kind": kind,
        "source_uuid": source,
        "target_uuid": target,
        "submission_set_id": set_id,
        "slots": json.dumps(slots),
    }
    tx.execute(insert(document_association), row)


def set_availability(tx: Transaction, document_id: str, availability: Availability) -> None:
    """Change the availability of an entry."""
    tx.execute(_SET_AVAILABILITY, {"document": document_id, "state": availability})


def document_by_id(tx: Transaction, document_id: str) -> RecordedDocument | None:
    """Find an entry by the id of its row."""
    return _first(tx, _BY_ID, id=document_id)


def document_by_unique_id(tx: Transaction, unique_id: str) -> RecordedDocument | None:
    """Find the latest metadata version of a document, of any patient."""
    return _first(tx, _BY_UNIQUE_ID, unique_id=unique_id)


def latest_by_entry_uuid(tx: Transaction, entry_uuid: str) -> RecordedDocument | None:
    """Find an entry by its entryUUID; None when that is one of its former versions."""
    return _first(tx, _BY_ENTRY_UUID, entry_uuid=entry_uuid)


def version_by_entry_uuid(tx: Transaction, entry_uuid: str) -> RecordedDocument | None:
    """Find a version of an entry, the latest or a former one, by its own entryUUID."""
    return _first(tx, _BY_ANY_UUID, entry_uuid=entry_uuid)


def documents_of_profile(tx: Transaction, profile_id: str) -> list[RecordedDocument]:
    """List every entry of a patient, whatever its availability, latest document first."""
    return _all(tx, _OF_PROFILE, profile_id=profile_id)


def all_versions_of_profile(tx: Transaction, profile_id: str) -> list[RecordedDocument]:
    """List every metadata version of every entry of a patient, whatever its availability, latest document first."""
    return _all(tx, _ALL_VERSIONS, profile_id=profile_id)


def versions_of_set(tx: Transaction, profile_id: str, set_id: str) -> list[RecordedDocument]:
    """List the versions of a document by its CDA setId, highest first, deleted ones left out."""
    return _all(tx, _OF_SET, profile_id=profile_id, set_id=set_id)


def profile_of_set(tx: Transaction, entry_uuid: str) -> str | None:
    """Return the id of the patient that a submission set is about; None when there is no such set."""
    found = tx.execute(_PROFILE_OF_SET, {"entry_uuid": entry_uuid}).one_or_none()
    return None if found is None else str(found.profile_id)


def submission_set_by_unique_id(tx: Transaction, profile_id: str, unique_id: str) -> SubmissionSet | None:
    """Find a submission set of a patient."""
    row = tx.execute(_SET, {"profile_id": profile_id, "unique_id": unique_id}).one_or_none()
    if row is None:
        return None
    return submission_set_of(row, tx.execute(_AUTHORS, {"owners": [row.id]}).all())


def associations_of(tx: Transaction, entry_uuid: str) -> list[Association]:
    """List the associations in which an entry is source or target."""
    return [
        Association(
            association_id=row.id,
            kind=row.kind,
            source=row.source_uuid,
            target=row.target_uuid,
            slots={name: tuple(values) for name, values in json.loads(row.slots).items()},
        )
        for row in tx.execute(_LINKS, {"entry_uuid": entry_uuid})
    ]


def _first(tx: Transaction, statement: Select[Any], **parameters: str) -> RecordedDocument | None:
    found = _all(tx, statement, **parameters)
    return found[0] if found else None


def _all(tx: Transaction, statement: Select[Any], **parameters: str) -> list[RecordedDocument]:
    rows = tx.execute(statement, parameters).all()
    return [document for start in range(0, len(rows), _BATCH) for document in _built(tx, rows[start : start + _BATCH])]


def _built(tx: Transaction, rows: Sequence[Row[Any]]) -> Iterable[RecordedDocument]:
    ids = [row.id for row in rows]
    authors: dict[str, list[Row[Any]]] = {each: [] for each in ids}
    codes: dict[str, list[Row[Any]]] = {each: [] for each in ids}
    for row in tx.execute(_AUTHORS, {"owners": ids}):
        authors[row.owner_id].append(row)
    for row in tx.execute(_CODES, {"documents": ids}):
        codes[row.document_id].append(row)
    return (document_of(row, authors[row.id], codes[row.id]) for row in rows)
