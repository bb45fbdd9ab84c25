"""The repository: provide and register (ITI-41) and retrieve (ITI-43) on the embedded record."""

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from lxml import etree

from access_core.decision import Obligation
from access_core.obligations import Deed, carry_out
from access_core.trace.decisions import About, decision_entry
from access_core.trace.entries import record
from dmp_bridge.config import BridgeSettings
from dmp_bridge.filing import Filer
from dmp_bridge.outcome import FilingCase, FilingOutcome, sentence_of
from dmp_bridge.preparation import PreparedDocument, prepare_submitted
from dmp_bridge.record.documents import ContentStore, content
from dmp_bridge.record.model import Availability, RecordedDocument
from dmp_bridge.record.registry import document_by_unique_id, latest_by_entry_uuid
from dmp_bridge.refusals import ExchangeError, Refusal
from dmp_bridge.services.registry_service import Call, check_patient
from dmp_bridge.transport.mtom import Attachment
from dmp_bridge.transport.soap import SoapRequest
from dmp_bridge.xdm.archive import XDMDocument
from dmp_bridge.xds import schemes
from dmp_bridge.xds.answers import XDS, RetrievedDocument, retrieve_response
from dmp_bridge.xds.ebrim_reader import read_submission
from dmp_bridge.xds.errors import RegistryError, XdsErrorCode, XdsRefusal
from dmp_bridge.xds.metadata import REPLACES, DocumentEntry, Submission
from vaguemestre.kernel.database import Transaction

SIGNATURE_FORMAT = "http://www.w3.org/2000/09/xmldsig#"
_IDENTITY = frozenset({"I_INS_ABSENTE", "I_INS_MALFORMEE", "I_INS_DISCORDANTE"})
_CODES = {
    Refusal.UNIQUE_ID_TAKEN: XdsErrorCode.NON_IDENTICAL_HASH,
    Refusal.VERSION_TAKEN: XdsErrorCode.REPLACE_FAILED,
    Refusal.REPLACED_FOREIGN: XdsErrorCode.REPLACE_FAILED,
}
# What the reader's own software shows; the rest is carried out here.
_SHOWN = (Obligation.ALERTE_INVISIBLE_PATIENT, Obligation.ALERTE_INVISIBLE_RL, Obligation.BANDEAU_BRIS_DE_GLACE)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Provided:
    """What ITI-41 brings: the submission, and its documents ready for a decision."""

    submission: Submission
    documents: tuple[PreparedDocument, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Retrieved:
    """The answer of ITI-43 and the bytes that go beside it."""

    answer: etree._Element
    attachments: tuple[Attachment, ...]


class Refused(XdsRefusal):
    """A document was refused: nothing of the submission is kept, what was decided of each is to be traced."""

    def __init__(self, outcomes: Sequence[FilingOutcome]) -> None:
        super().__init__(*(_error(each) for each in outcomes))
        self.outcomes = outcomes


def read_provided(request: SoapRequest, settings: BridgeSettings) -> Provided:
    """Read ITI-41 and the header of each document; pure, slow.

    The XAdES signature of the submission set, that each DMP submission carries, is read and not filed: it is a
    proof of sending, not a document of the patient.

    Raises:
        XdsRefusal: metadata and documents do not go together, or the metadata cannot be read.
    """
    sent = request.body.find(f"{{{schemes.LCM}}}SubmitObjectsRequest")
    try:
        if sent is None:
            raise ExchangeError(Refusal.METADATA_FORMAT)
        submission = read_submission(sent)
    except ExchangeError as error:
        raise XdsRefusal.of(XdsErrorCode.REPOSITORY_METADATA, sentence_of(error.code)) from None
    contents = {each.get("id", ""): request.content_of(each) for each in request.body.iterfind(f"{{{XDS}}}Document")}
    _check_pairs(submission, contents)
    rules = settings.reader_rules()
    filed = (each for each in submission.entries if not _is_signature(each))
    prepared = (
        replace(
            prepare_submitted(_submitted(entry, contents), submission.submission_set, rules),
            replaces=_replaced_by(entry, submission),
        )
        for entry in filed
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
    counted = Counter([submission.submission_set.unique_id, *(each.unique_id for each in entries)])
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


def _is_signature(entry: DocumentEntry) -> bool:
    return entry.format_code is not None and entry.format_code.code == SIGNATURE_FORMAT


def _replaced_by(entry: DocumentEntry, submission: Submission) -> tuple[str, ...]:
    links = (each for each in submission.associations if each.kind == REPLACES)
    return tuple(each.target for each in links if each.source == entry.entry_id)


def provide(tx: Transaction, call: Call, provided: Provided, filer: Filer, *, presume_care: bool) -> None:
    """File every document of a submission, each by a decision of its own, or none.

    Raises:
        XdsRefusal: of the whole; `Refused` when a document was refused.
    """
    check_patient(provided.submission, call, XdsErrorCode.PATIENT_DIFFERS)
    for each in provided.documents:
        _check_replaced(tx, call, each)
    case = filing_case(call, presume_care=presume_care)
    outcomes = [filer.file(tx, case, each) for each in provided.documents]
    if any(each.document_id is None for each in outcomes):
        raise Refused([each for each in outcomes if each.document_id is None])


def filing_case(call: Call, *, presume_care: bool) -> FilingCase:
    """Return who files into whose record."""
    return FilingCase(
        profile=call.profile, sender=call.caller.sender, now=call.now, informed=None, presume_care=presume_care
    )


def _check_replaced(tx: Transaction, call: Call, prepared: PreparedDocument) -> None:
    for target in prepared.replaces:
        found = latest_by_entry_uuid(tx, target)
        if found is None or found.profile_id != call.profile.id or found.availability is Availability.DELETED:
            raise XdsRefusal.of(XdsErrorCode.UNRESOLVED_REFERENCE, "Le document à remplacer n'existe pas.")
        if found.availability is Availability.DEPRECATED:
            raise XdsRefusal.of(XdsErrorCode.DEPRECATED_DOCUMENT, "Le document à remplacer l'est déjà.")


def _error(outcome: FilingOutcome) -> RegistryError:
    known = set(Refusal)
    code = XdsErrorCode.ACCESS_DENIED
    if outcome.reason in known:
        code = _CODES.get(Refusal(outcome.reason), XdsErrorCode.REPOSITORY_METADATA)
    elif outcome.reason in _IDENTITY:
        code = XdsErrorCode.UNKNOWN_PATIENT
    return RegistryError(code, f"{sentence_of(outcome.reason)} [{outcome.reason}]", outcome.unique_id)


def retrieve(tx: Transaction, call: Call, store: ContentStore, settings: BridgeSettings) -> Retrieved:
    """Answer ITI-43: each document is one decision, traced; what the caller may not read is not there.

    Raises:
        IntegrityError: the sealed bytes of one were changed.
    """
    documents: list[RetrievedDocument] = []
    attachments: list[Attachment] = []
    errors: list[RegistryError] = []
    for place, (repository, unique_id) in enumerate(_asked(call.body)):
        if repository != settings.repository_id:
            errors.append(RegistryError(XdsErrorCode.UNKNOWN_REPOSITORY, "Ce dépôt n'est pas ici.", unique_id))
            continue
        found = _readable(tx, call, unique_id)
        if found is None:
            errors.append(RegistryError(XdsErrorCode.DOCUMENT_ID, "Ce document n'existe pas.", unique_id))
            continue
        name = f"document{place}@vaguemestre"
        attachments.append(Attachment(name, content(tx, store, found)))
        documents.append(
            RetrievedDocument(
                repository_id=repository, unique_id=unique_id, mime_type=found.entry.mime_type, content_id=name
            )
        )
    return Retrieved(answer=retrieve_response(documents, errors), attachments=tuple(attachments))


def _asked(body: etree._Element) -> Iterator[tuple[str, str]]:
    """Return the distinct repository and document ids of a request."""
    pairs = (
        tuple((each.findtext(f"{{{XDS}}}{name}") or "").strip() for name in ("RepositoryUniqueId", "DocumentUniqueId"))
        for each in body.iterfind(f"{{{XDS}}}DocumentRequest")
    )
    yield from dict.fromkeys((pair[0], pair[1]) for pair in pairs)


def _readable(tx: Transaction, call: Call, unique_id: str) -> RecordedDocument | None:
    found = document_by_unique_id(tx, unique_id)
    profile = call.profile
    if found is None or found.profile_id != profile.id:
        return None
    case = call.reader.case(tx, found)
    decision = case.decide()
    record(tx, decision_entry(case, decision, About(resource_kind="document", resource_id=found.id), at=call.now))
    deed = Deed(
        act=case.act,
        profile=profile,
        resource_kind="document",
        resource_id=found.id,
        now=call.now,
        professional_id=call.caller.sender.id,
    )
    carry_out(tx, decision, deed, done=_SHOWN)
    return found if decision.allowed else None
