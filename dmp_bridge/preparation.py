"""From an archive or a document to what may be filed: the slow and pure half of filing.

Everything that can be said without knowing the patient is said here; the record and the engine have the last word
in `filing.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from enum import StrEnum

from dmp_bridge.cda.body import body_of
from dmp_bridge.cda.header import CDADocument
from dmp_bridge.cda.reader import MAX_DOCUMENT_BYTES, clinical_document, header_of
from dmp_bridge.pdf_a import is_pdf_a_1
from dmp_bridge.refusals import ExchangeError, Refusal
from dmp_bridge.validation.checking import SCHEMA_CHECK, Fault, Severity, check_documents
from dmp_bridge.validation.rules import PublishedRules
from dmp_bridge.xdm.archive import XDMDocument
from dmp_bridge.xdm.limits import ReaderRules
from dmp_bridge.xdm.reader import read_archive
from dmp_bridge.xds.identifiers import CX, is_oid, new_oid
from dmp_bridge.xds.mapping import document_entry
from dmp_bridge.xds.metadata import DocumentEntry, SubmissionSet
from dmp_bridge.xds.terminology import is_dmp_type, type_code
from vaguemestre.kernel.errors import TemporaryFailure

CDA_MEDIA_TYPES = frozenset(
    {"text/xml", "application/xml", "text/x-cda-r2+xml", "application/xslt+xml", "application/hl7-v3+xml", ""}
)

PDF_TYPE = "application/pdf"


class Tolerance(StrEnum):
    """What was tolerated, or what the national record would refuse; kept with the document."""

    TYPE_DIFFERS = "X_TYPE_DIFFERENT"
    TYPE_OUTSIDE_DMP = "X_TYPE_HORS_DMP"
    ID_OUTSIDE_DMP = "X_IDENTIFIANT_HORS_DMP"
    REPLACED_BY_SET = "X_REMPLACEMENT_PAR_SETID"
    REPLACED_UNKNOWN = "X_REMPLACEMENT_SANS_CIBLE"
    REPLACED_FOREIGN = "X_REMPLACEMENT_AUTRE_AUTEUR"
    NOT_CONFORMANT = "X_CDA_NON_CONFORME"
    OLDER_VERSION = "X_VERSION_ANTERIEURE"
    NOT_PDF_A = "X_PDF_NON_A1"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class PreparedDocument:
    """One document, ready for a decision.

    Attributes:
        entry: metadata, completed from the CDA header when there is one.
        sent_patient_ids: of the entry and of its submission set as sent; None: a bare document, without metadata.
        refusal: why the bytes or the metadata cannot be used, whoever the patient is.
        header: None when the document could not be read; `header_refusal` says why.
        replaces: entryUUIDs of the documents that it replaces, when its metadata say so (ITI-41).
        entry_uuid: that its source chose for it (ITI-41); None: the record chooses.
    """

    submission_set: SubmissionSet
    entry: DocumentEntry
    content: bytes
    sent_patient_ids: tuple[CX | None, ...] | None = None
    refusal: Refusal | None = None
    header: CDADocument | None = None
    header_refusal: Refusal | None = None
    warnings: tuple[str, ...] = ()
    replaces: tuple[str, ...] = ()
    entry_uuid: str | None = None


def prepare_archive(data: bytes, rules: ReaderRules) -> tuple[PreparedDocument, ...]:
    """Read an IHE_XDM.zip and the header of each of its documents.

    Raises:
        ExchangeError: the archive as a whole is refused.
    """
    archive = read_archive(data, rules)
    met = tuple(sorted(archive.quirks))
    prepared = (
        prepare_submitted(document, lot.submission.submission_set, rules)
        for lot in archive.lots
        for document in lot.documents
    )
    return tuple(replace(each, warnings=(*met, *each.warnings)) for each in prepared)


def prepare_document(content: bytes, *, source_id: str, submission_time: str) -> PreparedDocument:
    """Read a bare CDA as if it were a submission of one document.

    Raises:
        ExchangeError: it is not a CDA that can be read, or its type is in no nomenclature.
    """
    header, noted = _read(content, MAX_DOCUMENT_BYTES)
    if type_code(header.code.code) is None:
        raise ExchangeError(Refusal.CDA_TYPE_UNKNOWN)
    entry = document_entry(header, content, entry_id="Document01")
    submission_set = SubmissionSet(
        entry_id="SubmissionSet01",
        unique_id=new_oid(),
        source_id=source_id,
        patient_id=entry.patient_id,
        submission_time=submission_time,
        title=entry.title,
        authors=entry.authors[:1],
    )
    return PreparedDocument(
        submission_set=submission_set,
        entry=entry,
        content=content,
        header=header,
        warnings=(*_outside_dmp(header), *noted),
    )


def prepare_submitted(document: XDMDocument, submission_set: SubmissionSet, rules: ReaderRules) -> PreparedDocument:
    """Read the header of a document that came with metadata, whatever carried them."""
    entry = document.entry
    prepared = PreparedDocument(
        submission_set=submission_set,
        entry=entry,
        content=document.content,
        sent_patient_ids=(entry.patient_id, submission_set.patient_id),
        refusal=document.refusal,
    )
    if document.refusal is not None:
        return prepared
    if entry.mime_type.lower() not in CDA_MEDIA_TYPES:
        return replace(prepared, refusal=Refusal.DOCUMENT_NOT_CDA)
    try:
        header, noted = _read(document.content, rules.max_document_bytes)
    except ExchangeError as error:
        return replace(prepared, header_refusal=error.code)
    if header.id.xds != entry.unique_id:
        return replace(prepared, header_refusal=Refusal.CDA_DISAGREES)
    if type_code(header.code.code) is None:
        return replace(prepared, header=header, header_refusal=Refusal.CDA_TYPE_UNKNOWN)
    completed = _completed(prepared, header)
    return replace(completed, warnings=(*completed.warnings, *noted))


def _read(content: bytes, max_bytes: int) -> tuple[CDADocument, tuple[str, ...]]:
    """Read the header of a document, and note a PDF body that does not say that it is PDF/A-1 (VGM:CDA-06).

    Raises:
        ExchangeError: it is not a CDA that can be read.
    """
    document = clinical_document(content, max_bytes=max_bytes)
    header = header_of(document)
    if header.body_media_type != PDF_TYPE:
        return header, ()
    try:
        body = body_of(document)
    except ExchangeError:
        return header, ()
    return header, () if body is None or is_pdf_a_1(body.content) else (Tolerance.NOT_PDF_A,)


def judged(documents: Sequence[PreparedDocument], rules: PublishedRules) -> list[PreparedDocument]:
    """Check documents by the published schema and schematron, in a child process; blocks.

    What breaks the schema is refused; what breaks the schematron is filed and noted (VGM:CDA-01).

    Raises:
        TemporaryFailure: the rules cannot be used, so that nothing can be said of the documents.
    """
    whole = [each for each in documents if each.refusal is None and each.header_refusal is None]
    verdicts = check_documents([each.content for each in whole], rules) if whole else []
    if verdicts is None:
        raise TemporaryFailure("CDA: the schema or schematron of the settings cannot be used")
    found = {id(each): faults or () for each, faults in zip(whole, verdicts, strict=True)}
    return [_judged(each, found.get(id(each), ())) for each in documents]


def _judged(prepared: PreparedDocument, faults: Sequence[Fault]) -> PreparedDocument:
    errors = {each.check for each in faults if each.severity is Severity.ERROR}
    if SCHEMA_CHECK in errors:
        return replace(prepared, header_refusal=Refusal.CDA_INVALID)
    return replace(prepared, warnings=(*prepared.warnings, Tolerance.NOT_CONFORMANT)) if errors else prepared


def _completed(prepared: PreparedDocument, header: CDADocument) -> PreparedDocument:
    """Let the document say what it says; keep from the metadata what a header cannot hold."""
    sent = prepared.entry
    mapped = document_entry(header, prepared.content, entry_id=sent.entry_id)
    differs = (Tolerance.TYPE_DIFFERS,) if sent.type_code and sent.type_code.code != header.code.code else ()
    return replace(
        prepared,
        header=header,
        entry=_merged(sent, mapped),
        warnings=(*differs, *_outside_dmp(header)),
    )


def _outside_dmp(header: CDADocument) -> tuple[str, ...]:
    """Return what the DMP would refuse and MSSanté senders do (dmp.md §0 fact 4, §7.2)."""
    plain_oid = is_oid(header.id.root) and not header.id.extension
    id_warning = () if plain_oid else (Tolerance.ID_OUTSIDE_DMP,)
    return id_warning if is_dmp_type(header.code.code) else (*id_warning, Tolerance.TYPE_OUTSIDE_DMP)


def _merged(sent: DocumentEntry, mapped: DocumentEntry) -> DocumentEntry:
    """Prefer each attribute of the document over that of the metadata; visibility codes are added."""
    missing = {each.name: getattr(sent, each.name) for each in fields(mapped) if not getattr(mapped, each.name)}
    visibility = tuple(code for code in sent.confidentiality if code.code in sent.visibility)
    return replace(mapped, **missing, confidentiality=(*mapped.confidentiality, *visibility))
