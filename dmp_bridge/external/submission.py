"""What is sent to the record elsewhere: the metadata of one document and of its signature, as ITI-41 wants them. Pure.

Composed once, when the document is queued, so that every attempt sends the same ids; the signature's bytes, hash and
size come with each attempt. Source: dmp.md §2.2, §2.3, §8.1.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

from dmp_bridge.external.config import ExternalSettings
from dmp_bridge.packaging import OUTPATIENT
from dmp_bridge.transport.xades import SOURCE_SIGNATURE
from dmp_bridge.xds.identifiers import PROFESSIONALS, XCN, XON, new_oid
from dmp_bridge.xds.metadata import (
    APPROVED,
    DELETED,
    HIDDEN_FROM_PATIENT,
    MASKED_FROM_PROFESSIONALS,
    NORMAL,
    REPLACES,
    SIGNS,
    UPDATE_AVAILABILITY,
    Association,
    Author,
    Code,
    DocumentEntry,
    Submission,
    SubmissionSet,
    members,
)

DOCUMENT, SIGNATURE, SET = "Document01", "Signature01", "SubmissionSet01"
_SIGNATURE_CLASS = Code("urn:oid:1.3.6.1.4.1.19376.1.2.1.1.1", "URN", "Digital Signature")
_SIGNATURE_TYPE = Code("E1762", "ASTM", "Full Document")
_SIGNATURE_FORMAT = Code("http://www.w3.org/2000/09/xmldsig#", "URN", "Default Signature Style")
_SIGNATURE_EVENT = Code(SOURCE_SIGNATURE, "1.2.840.10065.1.12", "Source")
_AWAITED = "urn:oid:"  # of a document whose entryUUID there is asked when it is sent


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class ToSend:
    """A document for the record elsewhere.

    Attributes:
        entry: as our registry holds it.
        replaced: unique ids of the documents that it replaces.
        submitted_at: XDS time.
    """

    entry: DocumentEntry
    submission_set: SubmissionSet
    replaced: Sequence[str]
    submitted_at: str


def compose(sent: ToSend, settings: ExternalSettings) -> Submission:
    """Return the submission of one document; replaced ones are named by their unique ids until `resolved`."""
    entry = _document(sent)
    author = _sender(entry, settings)
    submission_set = SubmissionSet(
        entry_id=SET,
        unique_id=new_oid(),
        source_id=settings.source_id,
        patient_id=entry.patient_id,
        submission_time=sent.submitted_at,
        title=sent.submission_set.title or entry.title,
        authors=(author,),
        content_type=sent.submission_set.content_type or OUTPATIENT,
    )
    submission = Submission(submission_set=submission_set, entries=(entry, _signature(entry, author, sent)))
    links = [Association(association_id="signs01", kind=SIGNS, source=SIGNATURE, target=SET)]
    links += [
        Association(association_id=f"replaces{place:02d}", kind=REPLACES, source=DOCUMENT, target=f"{_AWAITED}{each}")
        for place, each in enumerate(sent.replaced, 1)
    ]
    return replace(submission, associations=(*members(submission), *links))


def awaited(submission: Submission) -> tuple[str, ...]:
    """Return the unique ids of the replaced documents whose entryUUID there is not known yet."""
    targets = (each.target for each in submission.associations if each.kind == REPLACES)
    return tuple(each.removeprefix(_AWAITED) for each in targets if each.startswith(_AWAITED))


def resolved(submission: Submission, known: dict[str, str]) -> Submission:
    """Return the submission with its replaced documents by entryUUID; one that is not there replaces nothing."""
    kept = []
    for each in submission.associations:
        unique_id = each.target.removeprefix(_AWAITED)
        if unique_id == each.target:
            kept.append(each)
        elif unique_id in known:
            kept.append(replace(each, target=known[unique_id]))
    return replace(submission, associations=tuple(kept))


def signed(submission: Submission, signature: bytes) -> Submission:
    """Return the submission with hash and size of the SIGNATURE that goes with it."""
    digest = hashlib.sha1(signature, usedforsecurity=False).hexdigest()
    entries = (
        replace(each, hash=digest, size_bytes=len(signature)) if each.entry_id == SIGNATURE else each
        for each in submission.entries
    )
    return replace(submission, entries=tuple(entries))


def as_visible_now(submission: Submission, current: DocumentEntry) -> Submission:
    """Return the submission with the visibility that the document has today: it may have been masked meanwhile."""
    entries = (
        replace(each, confidentiality=current.confidentiality) if each.entry_id == DOCUMENT else each
        for each in submission.entries
    )
    return replace(submission, entries=tuple(entries))


def deletion_of(submission: Submission, entry_uuid: str, submitted_at: str) -> Submission:
    """Return the submission that deletes a document which was sent by SUBMISSION (ITI-57, TD3.3c; dmp.md §8.7)."""
    link = Association(
        association_id="deletes01",
        kind=UPDATE_AVAILABILITY,
        source=SET,
        target=entry_uuid,
        slots={"OriginalStatus": (APPROVED,), "NewStatus": (DELETED,)},
    )
    submission_set = replace(submission.submission_set, unique_id=new_oid(), submission_time=submitted_at)
    return Submission(submission_set=submission_set, entries=(), associations=(link,))


def document_of(submission: Submission) -> DocumentEntry:
    """Return the entry of the document itself."""
    return next(each for each in submission.entries if each.entry_id == DOCUMENT)


def _document(sent: ToSend) -> DocumentEntry:
    """Return what our registry holds without what only it says, and with what the DMP requires (dmp.md §2.2)."""
    entry = sent.entry
    authenticator = entry.legal_authenticator or next((each.person for each in entry.authors if each.person), None)
    return replace(
        entry,
        entry_id=DOCUMENT,
        logical_id=None,
        status=None,
        repository_id=None,
        uri=None,
        language=entry.language or "fr-FR",
        service_start=entry.service_start or entry.creation_time,
        source_patient_id=entry.source_patient_id or entry.patient_id,
        legal_authenticator=authenticator,
    )


def _sender(entry: DocumentEntry, settings: ExternalSettings) -> Author:
    """Name who vouches: the author, in the structure of the VIHF (dmp.md §1.5: both must agree)."""
    person = next((each.person for each in entry.authors if each.person), None)
    if person is None:
        person = XCN.build(settings.responsible, settings.structure_name, "", oid=PROFESSIONALS, kind="IDNPS")
    return Author(person=person, institutions=(XON.build(settings.structure_name, settings.structure),))


def _signature(entry: DocumentEntry, author: Author, sent: ToSend) -> DocumentEntry:
    return DocumentEntry(
        entry_id=SIGNATURE,
        unique_id=new_oid(),
        patient_id=entry.patient_id,
        source_patient_id=entry.source_patient_id,
        source_patient_info=entry.source_patient_info,
        title="Source",
        language="art",
        creation_time=sent.submitted_at,
        service_start=sent.submitted_at,
        authors=(author,),
        legal_authenticator=author.person,
        class_code=_SIGNATURE_CLASS,
        type_code=_SIGNATURE_TYPE,
        format_code=_SIGNATURE_FORMAT,
        facility_type=entry.facility_type,
        practice_setting=entry.practice_setting,
        confidentiality=(NORMAL, MASKED_FROM_PROFESSIONALS, HIDDEN_FROM_PATIENT),
        event_codes=(_SIGNATURE_EVENT,),
    )
