"""What an ITI-57 submission asks for: one change of one document, checked against what the record holds. Pure.

Only visibility and availability change; whatever else differs from the current entry is refused, since no act of the
engine allows it (dmp.md §2.6, §8.6, §8.7).
"""

from dataclasses import dataclass, replace
from enum import StrEnum

from dmp_bridge.record.holdings import Holdings, logical_id
from dmp_bridge.record.model import Availability, RecordedDocument
from dmp_bridge.xds.errors import XdsErrorCode, XdsRefusal
from dmp_bridge.xds.metadata import (
    APPROVED,
    ARCHIVED,
    DELETED,
    HAS_MEMBER,
    MASKED,
    UPDATE_AVAILABILITY,
    Association,
    DocumentEntry,
    Submission,
)
from dmp_bridge.xds.required import REQUIRED_IN_UPDATE, check_attributes


class Operation(StrEnum):
    """The changes that there are."""

    MASK = "mask"
    UNMASK = "unmask"
    SHOW = "show"
    DELETE = "delete"
    ARCHIVE = "archive"
    RESTORE = "restore"


@dataclass(frozen=True, slots=True)
class Update:
    """One change; LIFTED: the visibility codes that fall when a document is shown."""

    operation: Operation
    lifted: frozenset[str] = frozenset()


_STATE_SLOTS = ("OriginalStatus", "NewStatus")
_STATES = {
    (APPROVED, DELETED): Operation.DELETE,
    (ARCHIVED, DELETED): Operation.DELETE,
    (APPROVED, ARCHIVED): Operation.ARCHIVE,
    (ARCHIVED, APPROVED): Operation.RESTORE,
}


def target_of(submission: Submission, holdings: Holdings) -> RecordedDocument:
    """Find the document that a submission is about, in its latest version.

    Raises:
        XdsRefusal: not exactly one change, or the record has no such document.
    """
    changes = [each for each in submission.associations if each.kind == UPDATE_AVAILABILITY]
    if len(changes) + len(submission.entries) != 1:
        raise XdsRefusal.of(XdsErrorCode.UPDATE_OPERATION, "Une modification et une seule est attendue.")
    if changes:
        found = next((each for each in holdings.latest() if each.entry.entry_id == changes[0].target), None)
    else:
        found = _of_logical_id(submission.entries[0], holdings)
    if found is None:
        raise absent(submission)
    return found


def absent(submission: Submission) -> XdsRefusal:
    """Return the refusal of a change of what is not there, or not for who asks."""
    code = XdsErrorCode.UPDATE_VERSION if submission.entries else XdsErrorCode.UNRESOLVED_REFERENCE
    return XdsRefusal.of(code, "Ce document n'existe pas.")


def _of_logical_id(entry: DocumentEntry, holdings: Holdings) -> RecordedDocument | None:
    if not entry.logical_id or entry.logical_id == entry.entry_id:
        raise XdsRefusal.of(XdsErrorCode.UPDATE_IDENTIFIER, "L'attribut lid est attendu, différent de id.")
    return next((each for each in holdings.latest() if logical_id(each) == entry.logical_id), None)


def read_update(submission: Submission, found: RecordedDocument) -> Update:
    """Tell what a submission changes in FOUND.

    Raises:
        XdsRefusal: it is not based on the latest version or the present status, or changes something else.
    """
    for association in submission.associations:
        if association.kind == UPDATE_AVAILABILITY:
            return _state_change(association, found)
    (entry,) = submission.entries
    members = [each for each in submission.associations if each.kind == HAS_MEMBER and each.target == entry.entry_id]
    previous = members[0].slots.get("PreviousVersion", ()) if len(members) == 1 else ()
    if found.availability is not Availability.APPROVED or previous != (str(found.version),):
        raise XdsRefusal.of(XdsErrorCode.UPDATE_VERSION, "Ce n'est pas la dernière version du document.")
    check_attributes((entry,), REQUIRED_IN_UPDATE)
    if _without_visibility(entry) != _without_visibility(found.entry):
        raise XdsRefusal.of(XdsErrorCode.UPDATE, "Seule la visibilité d'un document peut être modifiée.")
    return visibility_change(found.entry.visibility, entry.visibility)


def _state_change(association: Association, found: RecordedDocument) -> Update:
    states = tuple(association.slots.get(name, ()) for name in _STATE_SLOTS)
    if any(len(each) != 1 for each in states) or set(association.slots) - set(_STATE_SLOTS):
        raise XdsRefusal.of(XdsErrorCode.UPDATE_OPERATION, "Les deux statuts sont attendus, et rien d'autre.")
    original, wanted = states[0][0], states[1][0]
    operation = _STATES.get((original, wanted))
    if operation is None:
        raise XdsRefusal.of(XdsErrorCode.UPDATE_OPERATION, "Ce changement de statut n'est pas admis.")
    if original != found.availability.urn:
        raise XdsRefusal.of(XdsErrorCode.UPDATE, "Le statut d'origine n'est pas celui du document.")
    return Update(operation)


def visibility_change(before: frozenset[str], after: frozenset[str]) -> Update:
    """Tell which change leads from one set of visibility codes to another.

    Raises:
        XdsRefusal: none does.
    """
    added, fallen = after - before, before - after
    if added == {MASKED} and not fallen:
        return Update(Operation.MASK)
    if fallen == {MASKED} and not added:
        return Update(Operation.UNMASK)
    if fallen and not added and MASKED not in fallen:
        return Update(Operation.SHOW, fallen)
    raise XdsRefusal.of(XdsErrorCode.UPDATE, "Cette modification de la visibilité n'est pas admise.")


def _without_visibility(entry: DocumentEntry) -> DocumentEntry:
    """Return what may not differ, whatever the letter case of the hash and what a registry adds by itself."""
    visible = entry.visibility
    return replace(
        entry,
        entry_id="",
        logical_id=None,
        status=None,
        repository_id=None,
        uri=None,
        hash=(entry.hash or "").lower(),
        confidentiality=tuple(replace(each, display="") for each in entry.confidentiality if each.code not in visible),
    )
