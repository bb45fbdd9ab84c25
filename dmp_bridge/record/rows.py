"""Rows of the registry to values and back; the only place that knows the columns of both."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Row

from dmp_bridge.record.model import Availability, Filing, MaskSetter, Origin, RecordedDocument, RecordedSet
from dmp_bridge.xds.identifiers import CX, XCN, XON
from dmp_bridge.xds.metadata import Author, Code, DocumentEntry, SubmissionSet

Values = dict[str, Any]
_CODES = {
    "class": "class_code",
    "type": "type_code",
    "format": "format_code",
    "facility": "facility_type",
    "practice": "practice_setting",
}


def document_row(document: RecordedDocument) -> Values:
    """Return the row of `document_entry`."""
    filing = document.filing
    return {
        "id": document.id,
        "metadata_version": document.version,
        "submission_set_id": document.submission_set_id,
        "profile_id": document.profile_id,
        "mailbox_id": document.mailbox_id,
        "content_id": document.content_id,
        "availability": document.availability,
        "set_id": document.set_id,
        "cda_version": document.cda_version,
        "masked": document.masked,
        "masked_by": document.masked_by,
        "invisible_patient": document.invisible_patient,
        "invisible_representatives": document.invisible_representatives,
        "filed_by_label": filing.label,
        "origin": filing.origin,
        "warnings": ";".join(document.warnings),
        **_filing_columns(filing),
        **_entry_columns(document.entry),
    }


def _entry_columns(entry: DocumentEntry) -> Values:
    columns: Values = {
        "entry_uuid": entry.entry_id,
        "logical_id": entry.logical_id or entry.entry_id,
        "unique_id": entry.unique_id,
        "mime_type": entry.mime_type,
        "hash": (entry.hash or "").lower(),
        "size_bytes": entry.size_bytes,
        "repository_id": entry.repository_id,
        "language": entry.language,
        "title": entry.title,
        "comments": entry.comments,
        "creation_time": entry.creation_time,
        "service_start": entry.service_start,
        "service_stop": entry.service_stop,
        "patient_id": _text(entry.patient_id),
        "source_patient_id": _text(entry.source_patient_id),
        "source_patient_info": _json(entry.source_patient_info),
        "legal_authenticator": _text(entry.legal_authenticator),
    }
    for column, attribute in _CODES.items():
        columns |= _code_columns(column, getattr(entry, attribute))
    return columns


def set_row(recorded: RecordedSet) -> Values:
    """Return the row of `submission_set`."""
    submission_set = recorded.submission_set
    return {
        "id": recorded.id,
        "entry_uuid": submission_set.entry_id,
        "unique_id": submission_set.unique_id,
        "source_id": submission_set.source_id,
        "profile_id": recorded.profile_id,
        "patient_id": _text(submission_set.patient_id),
        "submission_time": submission_set.submission_time,
        "title": submission_set.title,
        "comments": submission_set.comments,
        **_code_columns("content_type", submission_set.content_type),
        **_filing_columns(recorded.filing),
    }


def author_rows(owner_id: str, authors: Sequence[Author]) -> list[Values]:
    """Return the rows of `record_author` of one document or submission set."""
    return [
        {
            "owner_id": owner_id,
            "place": place,
            "person": _text(author.person),
            "institutions": _json([each.text for each in author.institutions]),
            "roles": _json(author.roles),
            "specialties": _json(author.specialties),
        }
        for place, author in enumerate(authors)
    ]


def code_rows(document_id: str, entry: DocumentEntry) -> list[Values]:
    """Return the rows of `document_code`: attributes that may have several values."""
    references = [Code(each, "") for each in entry.reference_ids]
    kinds = (("confidentiality", entry.confidentiality), ("event", entry.event_codes), ("reference", references))
    return [
        {"document_id": document_id, "kind": kind, "place": place, **_plain_code(code)}
        for kind, codes in kinds
        for place, code in enumerate(codes)
    ]


def document_of(row: Row[Any], authors: Iterable[Row[Any]], codes: Iterable[Row[Any]]) -> RecordedDocument:
    """Build one document from its rows, authors and codes in the order of their places."""
    filing = Filing(
        filed_at=row.filed_at,
        label=row.filed_by_label,
        filed_by=row.filed_by,
        message_id=row.message_id,
        origin=Origin(row.origin),
    )
    return RecordedDocument(
        id=row.id,
        profile_id=row.profile_id,
        mailbox_id=row.mailbox_id,
        content_id=row.content_id,
        submission_set_id=row.submission_set_id,
        entry=_entry_of(row, authors, codes),
        availability=Availability(row.availability),
        filing=filing,
        version=row.metadata_version,
        set_id=row.set_id,
        cda_version=row.cda_version,
        masked_by=MaskSetter(row.masked_by) if row.masked_by else None,
        masked=row.masked,
        invisible_patient=row.invisible_patient,
        invisible_representatives=row.invisible_representatives,
        warnings=tuple(row.warnings.split(";")) if row.warnings else (),
    )


def _entry_of(row: Row[Any], authors: Iterable[Row[Any]], codes: Iterable[Row[Any]]) -> DocumentEntry:
    by_kind: dict[str, list[Code]] = {"confidentiality": [], "event": [], "reference": []}
    for each in codes:
        by_kind[each.kind].append(Code(each.code, each.scheme, each.display))
    return DocumentEntry(
        entry_id=row.entry_uuid,
        unique_id=row.unique_id,
        mime_type=row.mime_type,
        patient_id=CX(row.patient_id) if row.patient_id else None,
        source_patient_id=CX(row.source_patient_id) if row.source_patient_id else None,
        source_patient_info=tuple(json.loads(row.source_patient_info)),
        hash=row.hash,
        size_bytes=row.size_bytes,
        title=row.title,
        comments=row.comments,
        language=row.language,
        creation_time=row.creation_time,
        service_start=row.service_start,
        service_stop=row.service_stop,
        authors=tuple(author_of(each) for each in authors),
        legal_authenticator=XCN(row.legal_authenticator) if row.legal_authenticator else None,
        class_code=code_of(row, "class"),
        type_code=code_of(row, "type"),
        format_code=code_of(row, "format"),
        facility_type=code_of(row, "facility"),
        practice_setting=code_of(row, "practice"),
        confidentiality=tuple(by_kind["confidentiality"]),
        event_codes=tuple(by_kind["event"]),
        reference_ids=tuple(code.code for code in by_kind["reference"]),
        repository_id=row.repository_id,
        status=Availability(row.availability).urn,
        logical_id=row.logical_id,
    )


def submission_set_of(row: Row[Any], authors: Iterable[Row[Any]]) -> SubmissionSet:
    """Build one submission set from its rows."""
    return SubmissionSet(
        entry_id=row.entry_uuid,
        unique_id=row.unique_id,
        source_id=row.source_id,
        patient_id=CX(row.patient_id) if row.patient_id else None,
        submission_time=row.submission_time,
        title=row.title,
        comments=row.comments,
        authors=tuple(author_of(each) for each in authors),
        content_type=code_of(row, "content_type"),
    )


def author_of(row: Row[Any]) -> Author:
    """Build one author."""
    return Author(
        person=XCN(row.person) if row.person else None,
        institutions=tuple(XON(each) for each in json.loads(row.institutions)),
        roles=tuple(json.loads(row.roles)),
        specialties=tuple(json.loads(row.specialties)),
    )


def code_of(row: Row[Any], column: str) -> Code | None:
    """Build one code from its three columns."""
    code = getattr(row, f"{column}_code")
    return None if code is None else Code(code, getattr(row, f"{column}_scheme"), getattr(row, f"{column}_display"))


def _filing_columns(filing: Filing) -> Values:
    return {"filed_at": filing.filed_at, "filed_by": filing.filed_by, "message_id": filing.message_id}


def _code_columns(name: str, code: Code | None) -> Values:
    values = (code.code, code.scheme, code.display) if code else (None, None, None)
    return dict(zip((f"{name}_code", f"{name}_scheme", f"{name}_display"), values, strict=True))


def _plain_code(code: Code) -> Values:
    return {"code": code.code, "scheme": code.scheme, "display": code.display}


def _text(value: CX | XCN | None) -> str | None:
    return None if value is None else value.text


def _json(values: Sequence[str]) -> str:
    return json.dumps(list(values), ensure_ascii=False)
