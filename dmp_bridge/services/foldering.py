"""The folders of a submission: put in order before its documents are filed, made or completed once they are.

A folder that is there already is completed by whoever may see a document of it or made it; so are the documents that
are put into one. Nothing of the submission is kept when a folder cannot be.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from dmp_bridge.record.folders import (
    RecordedFolder,
    describe_folder,
    folder_by_unique_id,
    folder_by_uuid,
    register_folder,
)
from dmp_bridge.record.holdings import Holdings, load_holdings
from dmp_bridge.record.registry import RegisteredSet, associate, latest_by_entry_uuid, new_entry_uuid
from dmp_bridge.services.registry_service import Call, may_know
from dmp_bridge.xds.errors import XdsErrorCode, XdsRefusal
from dmp_bridge.xds.identifiers import is_oid
from dmp_bridge.xds.metadata import HAS_MEMBER, Association, Folder, Submission
from dmp_bridge.xds.times import xds_from_instant
from vaguemestre.kernel.database import Transaction


@dataclass(frozen=True, slots=True)
class Kept:
    """What the registry made of a submission: its set, and the entryUUIDs of its documents by their entry ids."""

    submission_set: RegisteredSet
    documents: Mapping[str, str]


def keep_folders(tx: Transaction, call: Call, submission: Submission, kept: Kept) -> None:
    """Make or complete the folders of a submission, and put documents into them.

    Raises:
        XdsRefusal: a folder is without identifier or another's, or a document is not there for the caller.
    """
    names = {each.entry_id: _kept(tx, call, each) for each in submission.folders}
    for uuid in names.values():
        associate(tx, kept.submission_set.id, HAS_MEMBER, kept.submission_set.entry_uuid, uuid)
    known = load_holdings(tx, call.profile.id)
    for link in _links(submission):
        source = names.get(link.source) or _of_caller(tx, call, folder_by_uuid(tx, link.source)).folder.entry_id
        target = kept.documents.get(link.target) or _document(tx, call, link.target)
        if not _is_member(known, source, target):
            associate(tx, kept.submission_set.id, HAS_MEMBER, source, target)


def _links(submission: Submission) -> list[Association]:
    """Return the associations that put documents into folders."""
    aside = {submission.submission_set.entry_id}
    into = {each.entry_id for each in submission.folders}
    return [
        each
        for each in submission.associations
        if each.kind == HAS_MEMBER and each.source not in aside and each.target not in into
    ]


def _kept(tx: Transaction, call: Call, found: Folder) -> str:
    """Make a folder, or give the one that is there its new description; returns its entryUUID."""
    if not is_oid(found.unique_id):
        raise XdsRefusal.of(XdsErrorCode.REGISTRY_METADATA, "Un classeur est sans identifiant.", found.entry_id)
    there = folder_by_unique_id(tx, found.unique_id)
    now = xds_from_instant(call.now)
    if there is None:
        made = replace(found, entry_id=new_entry_uuid(), updated_at=now)
        register_folder(tx, RecordedFolder(made, call.profile.id, call.caller.sender.id))
        return made.entry_id
    if there.folder.entry_id != found.entry_id:
        raise XdsRefusal.of(XdsErrorCode.DUPLICATE_UNIQUE_ID, "Ce classeur existe déjà.", found.unique_id)
    _of_caller(tx, call, there)
    describe_folder(tx, replace(found, updated_at=now))
    return found.entry_id


def _of_caller(tx: Transaction, call: Call, there: RecordedFolder | None) -> RecordedFolder:
    """Return a folder that the caller may complete."""
    if there is not None and there.profile_id == call.profile.id:
        mine = there.filed_by == call.caller.sender.id
        if (
            mine
            or there.folder in call.reader.visible(tx, load_holdings(tx, call.profile.id), references=False).folders
        ):
            return there
    raise XdsRefusal.of(XdsErrorCode.UNRESOLVED_REFERENCE, "Le classeur désigné n'existe pas.")


def _document(tx: Transaction, call: Call, entry_uuid: str) -> str:
    """Return the entryUUID of a document of the record that is there for the caller."""
    found = latest_by_entry_uuid(tx, entry_uuid)
    if found is None or found.profile_id != call.profile.id or not may_know(tx, call, found):
        raise XdsRefusal.of(XdsErrorCode.UNRESOLVED_REFERENCE, "Le document désigné n'existe pas.")
    return entry_uuid


def _is_member(known: Holdings, folder: str, document: str) -> bool:
    return any(
        each.kind == HAS_MEMBER and (each.source, each.target) == (folder, document) for each in known.associations
    )
