"""A new version of the metadata of a document (ITI-57): the whole entry again, with another visibility.

The row of a document keeps its id, by which people and the trace name it, and always holds the latest version; the
version before goes on under a row of its own, Deprecated. `entryUUID` changes each time, `lid` and the content stay.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import bindparam, delete, insert, update

from dmp_bridge.record.folders import folder_by_uuid
from dmp_bridge.record.model import Availability, Filing, MaskSetter, RecordedDocument, RecordedSet
from dmp_bridge.record.registry import associate, associations_of, new_entry_uuid, register_document, register_set
from dmp_bridge.record.rows import code_rows, document_row
from dmp_bridge.tables import document_code, document_entry
from dmp_bridge.xds.identifiers import new_oid
from dmp_bridge.xds.metadata import (
    HAS_MEMBER,
    HIDDEN_FROM_PATIENT,
    HIDDEN_FROM_REPRESENTATIVES,
    INVISIBLE_PATIENT,
    INVISIBLE_REPRESENTATIVES,
    MASKED,
    MASKED_FROM_PROFESSIONALS,
    SubmissionSet,
)
from dmp_bridge.xds.times import xds_from_instant
from vaguemestre.kernel.database import Transaction
from vaguemestre.kernel.ids import new_id

_CHANGED = (
    "entry_uuid",
    "metadata_version",
    "submission_set_id",
    "masked",
    "masked_by",
    "invisible_patient",
    "invisible_representatives",
)
_REVISE = (
    update(document_entry)
    .where(document_entry.c.id == bindparam("document"))
    .values({name: bindparam(f"new_{name}") for name in _CHANGED})
)
_FORGET_CODES = delete(document_code).where(document_code.c.document_id == bindparam("document"))
_CODES = {
    MASKED: MASKED_FROM_PROFESSIONALS,
    INVISIBLE_PATIENT: HIDDEN_FROM_PATIENT,
    INVISIBLE_REPRESENTATIVES: HIDDEN_FROM_REPRESENTATIVES,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Visibility:
    """The visibility codes that a document is to have; `masked_by`: who sets the mask, None: as before."""

    codes: Collection[str]
    masked_by: MaskSetter | None = None


def update_set(found: RecordedDocument, filed_by: str | None, label: str, now: datetime) -> RecordedSet:
    """Return the submission set of a change that was not sent by XDS."""
    return RecordedSet(
        id=new_id(),
        profile_id=found.profile_id,
        submission_set=SubmissionSet(
            entry_id=new_entry_uuid(),
            unique_id=new_oid(),
            source_id=found.entry.repository_id or "",
            patient_id=found.entry.patient_id,
            submission_time=xds_from_instant(now),
        ),
        filing=Filing(filed_at=now, label=label, filed_by=filed_by),
    )


def revise(tx: Transaction, found: RecordedDocument, wanted: Visibility, sent: RecordedSet) -> RecordedDocument:
    """Give a document another visibility on behalf of the submission set SENT; returns its latest version.

    It stays in its folders. Source: IHE XDS Metadata Update §3.57.4.1.3.3.1.4 (association propagation)
    """
    registered = register_set(tx, sent)
    changed = _changed(found, wanted, registered.id)
    row = document_row(changed)
    tx.execute(_REVISE, {"document": found.id, **{f"new_{name}": row[name] for name in _CHANGED}})
    register_document(tx, replace(found, id=new_id(), availability=Availability.DEPRECATED))
    tx.execute(_FORGET_CODES, {"document": found.id})
    codes = code_rows(found.id, changed.entry)
    if codes:
        tx.execute(insert(document_code), codes)
    associate(tx, registered.id, HAS_MEMBER, registered.entry_uuid, changed.entry.entry_id)
    for link in associations_of(tx, found.entry.entry_id):
        if link.kind == HAS_MEMBER and folder_by_uuid(tx, link.source) is not None:
            associate(tx, registered.id, HAS_MEMBER, link.source, changed.entry.entry_id)
    return changed


def _changed(found: RecordedDocument, wanted: Visibility, set_id: str) -> RecordedDocument:
    kept = tuple(code for code in found.entry.confidentiality if code.code not in _CODES)
    added = tuple(code for name, code in _CODES.items() if name in wanted.codes)
    masked = MASKED in wanted.codes
    entry = replace(
        found.entry,
        entry_id=new_entry_uuid(),
        logical_id=found.entry.logical_id or found.entry.entry_id,
        confidentiality=(*kept, *added),
    )
    return replace(
        found,
        entry=entry,
        submission_set_id=set_id,
        version=found.version + 1,
        masked=masked,
        masked_by=(wanted.masked_by or found.masked_by) if masked else None,
        invisible_patient=INVISIBLE_PATIENT in wanted.codes,
        invisible_representatives=INVISIBLE_REPRESENTATIVES in wanted.codes,
    )
