"""Providing documents, whatever carries them (ITI-41, ITI-65, ITI-105): each is a decision, all are filed or none.

Associations to documents that the record holds (XFRM, APND, signs) are kept with the submission set; RPLC also marks
the document before as deprecated (`dmp_bridge.versions`).
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from access_core.decision import Obligation
from dmp_bridge.filing import Filer
from dmp_bridge.outcome import FilingCase, FilingOutcome, sentence_of
from dmp_bridge.preparation import PreparedDocument, prepare_submitted
from dmp_bridge.record.model import Availability, RecordedDocument
from dmp_bridge.record.registry import (
    associate,
    document_by_id,
    latest_by_entry_uuid,
    registered_set,
    version_by_entry_uuid,
)
from dmp_bridge.refusals import Refusal
from dmp_bridge.services.foldering import Kept, keep_folders
from dmp_bridge.services.registry_service import Call, check_patient
from dmp_bridge.xdm.archive import XDMDocument
from dmp_bridge.xdm.limits import ReaderRules
from dmp_bridge.xds.errors import RegistryError, XdsErrorCode, XdsRefusal
from dmp_bridge.xds.metadata import (
    APPENDS,
    REPLACING,
    SIGNS,
    TRANSFORMS,
    TRANSFORMS_AND_REPLACES,
    Association,
    Described,
    DocumentEntry,
    Submission,
)
from vaguemestre.kernel.database import Transaction

SIGNATURE_FORMAT = "http://www.w3.org/2000/09/xmldsig#"
_IDENTITY = frozenset({"I_INS_ABSENTE", "I_INS_MALFORMEE", "I_INS_DISCORDANTE"})
_CODES = {
    Refusal.UNIQUE_ID_TAKEN: XdsErrorCode.NON_IDENTICAL_HASH,
    Refusal.VERSION_TAKEN: XdsErrorCode.REPLACE_FAILED,
    Refusal.REPLACED_FOREIGN: XdsErrorCode.REPLACE_FAILED,
}
_LINKING = frozenset({TRANSFORMS, APPENDS, SIGNS, TRANSFORMS_AND_REPLACES})


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Provided:
    """A submission, and its documents ready for a decision."""

    submission: Submission
    documents: tuple[PreparedDocument, ...]


class Refused(XdsRefusal):
    """A document was refused: nothing of the submission is kept, what was decided of each is to be traced."""

    def __init__(self, outcomes: Sequence[FilingOutcome]) -> None:
        super().__init__(*(_error(each) for each in outcomes))
        self.outcomes = outcomes


def prepare_provided(submission: Submission, contents: Mapping[str, bytes | None], rules: ReaderRules) -> Provided:
    """Put metadata and documents together and read the header of each document; pure, slow.

    The XAdES signature of the submission set, that each DMP submission carries, is read and not filed: it is a
    proof of sending, not a document of the patient.

    Args:
        contents: bytes by entry id; None where they are announced and not there.

    Raises:
        XdsRefusal: metadata and documents do not go together.
    """
    _check_pairs(submission, contents)
    prepared = (
        replace(
            prepare_submitted(_submitted(entry, contents), submission.submission_set, rules),
            replaces=_replaced_by(entry, submission),
        )
        for entry in submission.entries
        if not is_signature(entry)
    )
    return Provided(submission=submission, documents=tuple(prepared))


def _check_pairs(submission: Submission, contents: Mapping[str, bytes | None]) -> None:
    entries = submission.entries
    errors = [
        RegistryError(XdsErrorCode.MISSING_DOCUMENT, "Un document annoncé manque.", each.entry_id)
        for each in entries
        if contents.get(each.entry_id) is None
    ]
    known = {each.entry_id for each in entries}
    errors += [
        RegistryError(XdsErrorCode.MISSING_DOCUMENT_METADATA, "Un document n'a pas de métadonnées.", each)
        for each in contents
        if each not in known
    ]
    described: tuple[Described, ...] = (submission.submission_set, *entries, *submission.folders)
    counted = Counter(each.unique_id for each in described)
    if any(count > 1 for count in counted.values()):
        errors.append(RegistryError(XdsErrorCode.DUPLICATE_IN_MESSAGE, "Un identifiant est donné deux fois."))
    if errors:
        raise XdsRefusal(*errors)


def _submitted(entry: DocumentEntry, contents: Mapping[str, bytes | None]) -> XDMDocument:
    """Check the hash and size that the sender gives; the repository computes those that are absent."""
    data = contents[entry.entry_id] or b""
    digest = hashlib.sha1(data, usedforsecurity=False).hexdigest()
    refusal = None
    if entry.size_bytes is not None and entry.size_bytes != len(data):
        refusal = Refusal.DOCUMENT_SIZE
    elif entry.hash is not None and entry.hash.lower() != digest:
        refusal = Refusal.DOCUMENT_HASH
    return XDMDocument(entry=replace(entry, hash=digest, size_bytes=len(data)), content=data, refusal=refusal)


def is_signature(entry: DocumentEntry) -> bool:
    """Tell whether a document is the XAdES signature of its submission set."""
    return entry.format_code is not None and entry.format_code.code == SIGNATURE_FORMAT


def _replaced_by(entry: DocumentEntry, submission: Submission) -> tuple[str, ...]:
    links = (each for each in submission.associations if each.kind in REPLACING)
    return tuple(each.target for each in links if each.source == entry.entry_id)


def provide(
    tx: Transaction, call: Call, provided: Provided, filer: Filer, *, presume_care: bool
) -> tuple[FilingOutcome, ...]:
    """File every document of a submission, each by a decision of its own, or none; one outcome for each, in order.

    Raises:
        XdsRefusal: of the whole; `Refused` when a document was refused.
    """
    submission = provided.submission
    check_patient(submission, call, XdsErrorCode.PATIENT_DIFFERS)
    for each in provided.documents:
        for target in each.replaces:
            _current(tx, call, target)
    known = registered_set(tx, call.profile.id, submission.submission_set.unique_id)
    _check_uuids(tx, provided.documents)
    case = filing_case(call, presume_care=presume_care)
    outcomes = tuple(filer.file(tx, case, each) for each in provided.documents)
    refused = [each for each in outcomes if each.document_id is None]
    if refused:
        raise Refused(refused)
    new = [each for each in outcomes if Obligation.DEDUP not in each.obligations]
    if known is not None and new:
        raise XdsRefusal.of(XdsErrorCode.DUPLICATE_UNIQUE_ID, "Ce lot de soumission existe déjà, avec autre chose.")
    if submission.folders and not new and known is None:
        text = "Un classeur vient avec un document nouveau."
        raise XdsRefusal.of(XdsErrorCode.REGISTRY_METADATA, text, submission.folders[0].entry_id)
    if new:
        _link(tx, call, provided, outcomes)
    return outcomes


def _check_uuids(tx: Transaction, documents: Iterable[PreparedDocument]) -> None:
    """Check that the entryUUIDs that a source chose are new, or those of the same documents."""
    for each in documents:
        found = version_by_entry_uuid(tx, each.entry_uuid) if each.entry_uuid is not None else None
        if found is not None and found.entry.unique_id != each.entry.unique_id:
            text = "Cet identifiant de fiche existe déjà."
            raise XdsRefusal.of(XdsErrorCode.REGISTRY_METADATA, text, each.entry.unique_id)


def filing_case(call: Call, *, presume_care: bool) -> FilingCase:
    """Return who files into whose record."""
    return FilingCase(
        profile=call.profile, sender=call.caller.sender, now=call.now, informed=None, presume_care=presume_care
    )


def _link(tx: Transaction, call: Call, provided: Provided, outcomes: Sequence[FilingOutcome]) -> None:
    """Keep the links between the new documents and to those that are there."""
    filed = {
        prepared.entry.entry_id: found.entry.entry_id
        for prepared, outcome in zip(provided.documents, outcomes, strict=True)
        if (found := document_by_id(tx, outcome.document_id or "")) is not None
    }
    kept = registered_set(tx, call.profile.id, provided.submission.submission_set.unique_id)
    for link in provided.submission.associations:
        if link.kind in _LINKING and link.source in filed and kept is not None:
            target = filed.get(link.target) or _linked(tx, call, link).entry.entry_id
            associate(tx, kept.id, link.kind, filed[link.source], target)
    if kept is not None:
        keep_folders(tx, call, provided.submission, Kept(kept, filed))


def _linked(tx: Transaction, call: Call, link: Association) -> RecordedDocument:
    """Return the document that a link leads to; one that it replaces too was checked, and is deprecated by now."""
    if link.kind != TRANSFORMS_AND_REPLACES:
        return _current(tx, call, link.target)
    found = latest_by_entry_uuid(tx, link.target)
    assert found is not None
    return found


def _current(tx: Transaction, call: Call, target: str) -> RecordedDocument:
    found = latest_by_entry_uuid(tx, target)
    if found is None or found.profile_id != call.profile.id or found.availability is Availability.DELETED:
        raise XdsRefusal.of(XdsErrorCode.UNRESOLVED_REFERENCE, "Le document désigné n'existe pas.")
    if found.availability is Availability.DEPRECATED:
        raise XdsRefusal.of(XdsErrorCode.DEPRECATED_DOCUMENT, "Le document désigné est remplacé.")
    return found


def _error(outcome: FilingOutcome) -> RegistryError:
    known = set(Refusal)
    code = XdsErrorCode.ACCESS_DENIED
    if outcome.reason in known:
        code = _CODES.get(Refusal(outcome.reason), XdsErrorCode.REPOSITORY_METADATA)
    elif outcome.reason in _IDENTITY:
        code = XdsErrorCode.UNKNOWN_PATIENT
    return RegistryError(code, f"{sentence_of(outcome.reason)} [{outcome.reason}]", outcome.unique_id)
