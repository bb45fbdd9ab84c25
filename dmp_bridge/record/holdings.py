"""Everything that the registry holds of one patient, loaded at once: what stored queries look at."""

import json
import uuid
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, bindparam, select

from dmp_bridge.record.folders import folders_of
from dmp_bridge.record.model import Availability, RecordedDocument
from dmp_bridge.record.registry import all_versions_of_profile
from dmp_bridge.record.rows import submission_set_of
from dmp_bridge.tables import document_association, record_author, submission_set
from dmp_bridge.xds.metadata import REPLACING, Association, Folder, SubmissionSet
from vaguemestre.kernel.database import Transaction

_SETS = (
    select(submission_set)
    .where(submission_set.c.profile_id == bindparam("patient"))
    .order_by(submission_set.c.submission_time, submission_set.c.id)
)
_AUTHORS = (
    select(record_author)
    .join(submission_set, submission_set.c.id == record_author.c.owner_id)
    .where(submission_set.c.profile_id == bindparam("patient"))
    .order_by(record_author.c.owner_id, record_author.c.place)
)
_ASSOCIATIONS = (
    select(document_association)
    .join(submission_set, submission_set.c.id == document_association.c.submission_set_id)
    .where(submission_set.c.profile_id == bindparam("patient"))
    .order_by(document_association.c.id)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Holdings:
    """One patient's registry objects.

    Attributes:
        documents: every metadata version, the latest first; none that was deleted, in any of its versions.
    """

    documents: tuple[RecordedDocument, ...] = ()
    sets: tuple[SubmissionSet, ...] = ()
    associations: tuple[Association, ...] = ()
    folders: tuple[Folder, ...] = ()

    def latest(self) -> tuple[RecordedDocument, ...]:
        """Return the latest version of each document."""
        newest: dict[str, RecordedDocument] = {}
        for each in self.documents:
            known = newest.get(logical_id(each))
            if known is None or known.version < each.version:
                newest[logical_id(each)] = each
        return tuple(newest.values())


def replaced_by(tx: Transaction, found: RecordedDocument) -> list[RecordedDocument]:
    """List the documents that FOUND replaced, directly or not, in their latest metadata version."""
    holdings = load_holdings(tx, found.profile_id)
    names = {each.entry.entry_id: logical_id(each) for each in holdings.documents}
    links = [
        (names[each.source], names[each.target])
        for each in holdings.associations
        if each.kind in REPLACING and each.source in names and each.target in names
    ]
    reached, ahead = {logical_id(found)}, [logical_id(found)]
    while ahead:
        source = ahead.pop()
        before = {target for start, target in links if start == source} - reached
        reached |= before
        ahead += before
    return [each for each in holdings.latest() if logical_id(each) in reached - {logical_id(found)}]


def logical_id(document: RecordedDocument) -> str:
    """Return the id that all versions of a document share."""
    return document.entry.logical_id or document.entry.entry_id


def load_holdings(tx: Transaction, profile_id: str) -> Holdings:
    """Load what the registry holds of a patient."""
    keys = {"patient": profile_id}
    found = all_versions_of_profile(tx, profile_id)
    deleted = {logical_id(each) for each in found if each.availability is Availability.DELETED}
    authors: dict[str, list[Row[Any]]] = {}
    for row in tx.execute(_AUTHORS, keys):
        authors.setdefault(row.owner_id, []).append(row)
    return Holdings(
        documents=tuple(each for each in found if logical_id(each) not in deleted),
        sets=tuple(submission_set_of(row, authors.get(row.id, [])) for row in tx.execute(_SETS, keys)),
        associations=tuple(
            Association(
                association_id=f"urn:uuid:{uuid.UUID(row.id)}",
                kind=row.kind,
                source=row.source_uuid,
                target=row.target_uuid,
                slots={name: tuple(values) for name, values in json.loads(row.slots).items()},
            )
            for row in tx.execute(_ASSOCIATIONS, keys)
        ),
        folders=tuple(folders_of(tx, profile_id)),
    )
