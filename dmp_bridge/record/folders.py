"""Folders of the record (« classeurs »): documents that somebody puts together, by name, title and codes.

A folder has no content of its own and no act of the engine: it comes with documents, each of them decided, and is seen
by those who see a document of it. Its members are HasMember associations, as in any XDS registry.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, bindparam, insert, select, update

from dmp_bridge.tables import document_association
from dmp_bridge.tables import document_folder as folder
from dmp_bridge.xds.identifiers import CX
from dmp_bridge.xds.metadata import HAS_MEMBER, Code, Folder
from dmp_bridge.xds.times import xds_from_instant
from vaguemestre.kernel.database import Transaction
from vaguemestre.kernel.ids import new_id

_OF_PROFILE = (
    select(folder).where(folder.c.profile_id == bindparam("patient")).order_by(folder.c.updated_at.desc(), folder.c.id)
)
_BY_UNIQUE_ID = select(folder).where(folder.c.unique_id == bindparam("unique_id"))
_BY_UUID = select(folder).where(folder.c.entry_uuid == bindparam("entry_uuid"))
_DESCRIBED = ("updated_at", "title", "comments", "codes")
_DESCRIBE = (
    update(folder)
    .where(folder.c.entry_uuid == bindparam("entry"))
    .values({name: bindparam(f"new_{name}") for name in _DESCRIBED})
)
_TOUCH = (
    update(folder)
    .where(
        folder.c.entry_uuid.in_(
            select(document_association.c.source_uuid).where(
                document_association.c.kind == HAS_MEMBER,
                document_association.c.target_uuid.in_(bindparam("members", expanding=True)),
            )
        )
    )
    .values(updated_at=bindparam("moment"))
)


@dataclass(frozen=True, slots=True)
class RecordedFolder:
    """A folder of a patient, and the account that made it (None: elsewhere)."""

    folder: Folder
    profile_id: str
    filed_by: str | None = None


def folders_of(tx: Transaction, profile_id: str) -> list[Folder]:
    """List the folders of a patient, the latest changed first."""
    return [_folder(row) for row in tx.execute(_OF_PROFILE, {"patient": profile_id})]


def folder_by_unique_id(tx: Transaction, unique_id: str) -> RecordedFolder | None:
    """Find a folder, of any patient."""
    row = tx.execute(_BY_UNIQUE_ID, {"unique_id": unique_id}).one_or_none()
    return None if row is None else _recorded(row)


def folder_by_uuid(tx: Transaction, entry_uuid: str) -> RecordedFolder | None:
    """Find a folder by its entryUUID."""
    row = tx.execute(_BY_UUID, {"entry_uuid": entry_uuid}).one_or_none()
    return None if row is None else _recorded(row)


def register_folder(tx: Transaction, recorded: RecordedFolder) -> None:
    """Insert a folder; its unique id and entryUUID are new."""
    found = recorded.folder
    row = {
        "id": new_id(),
        "entry_uuid": found.entry_id,
        "unique_id": found.unique_id,
        "profile_id": recorded.profile_id,
        "patient_id": found.patient_id.text if found.patient_id else None,
        "filed_by": recorded.filed_by,
        **_described(found),
    }
    tx.execute(insert(folder), row)


def describe_folder(tx: Transaction, found: Folder) -> None:
    """Give a folder that is there another title, comment and codes."""
    tx.execute(
        _DESCRIBE, {"entry": found.entry_id, **{f"new_{name}": each for name, each in _described(found).items()}}
    )


def touch_folders(tx: Transaction, members: Iterable[str], now: datetime) -> None:
    """Note that folders changed, since MEMBERS (entryUUIDs) left them."""
    tx.execute(_TOUCH, {"members": list(members), "moment": xds_from_instant(now)})


def _described(found: Folder) -> dict[str, Any]:
    codes = [[each.code, each.scheme, each.display] for each in found.codes]
    return {
        "updated_at": found.updated_at,
        "title": found.title,
        "comments": found.comments,
        "codes": json.dumps(codes, ensure_ascii=False),
    }


def _folder(row: Row[Any]) -> Folder:
    return Folder(
        entry_id=row.entry_uuid,
        unique_id=row.unique_id,
        patient_id=CX(row.patient_id) if row.patient_id else None,
        updated_at=row.updated_at,
        title=row.title,
        comments=row.comments,
        codes=tuple(Code(*each) for each in json.loads(row.codes)),
    )


def _recorded(row: Row[Any]) -> RecordedFolder:
    return RecordedFolder(_folder(row), row.profile_id, row.filed_by)
