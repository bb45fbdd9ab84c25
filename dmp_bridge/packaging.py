"""CDA documents of one patient as what a mail carries: one IHE_XDM.zip, and a copy in PDF of each (MSS2:ECO.2.1.1).

Metadata are mapped from the documents, never typed in; copies are the PDF that the documents hold themselves.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from dmp_bridge.cda.body import body_of
from dmp_bridge.cda.header import CDADocument
from dmp_bridge.cda.media import pdf_copy_of
from dmp_bridge.cda.reader import clinical_document, header_of, read_cda
from dmp_bridge.pdf_a import is_pdf_a_1
from dmp_bridge.refusals import ExchangeError, Refusal
from dmp_bridge.xdm.writer import LotToWrite, write_archive
from dmp_bridge.xds.identifiers import new_oid
from dmp_bridge.xds.mapping import document_entry
from dmp_bridge.xds.metadata import Code, SubmissionSet
from dmp_bridge.xds.times import xds_from_instant

PDF_TYPE = "application/pdf"
TYPE_CHARACTERS = 40
OUTPATIENT = Code("07", "1.2.250.1.213.2.2", "Consultations soins externes")


def package_documents(
    documents: Sequence[bytes], *, sender: str, source_id: str, sent_at: datetime, title: str = ""
) -> bytes:
    """Put documents into an archive of one lot, whose author is that of the first document.

    Args:
        documents: CDA R2, all of one patient.
        sender: name of the structure, for README.TXT.
        source_id: OID of the sending system.
        sent_at: aware.
        title: of the submission; by default that of the first document.

    Raises:
        ExchangeError: a document is not a CDA, has no INS or is about another patient.
    """
    headers = [read_cda(content) for content in documents]
    entries = [
        document_entry(header, content, entry_id=f"Document{number:02d}")
        for number, (header, content) in enumerate(zip(headers, documents, strict=True), 1)
    ]
    patients = {entry.patient_id.value if entry.patient_id else None for entry in entries}
    if len(patients) != 1 or None in patients:
        raise ExchangeError(Refusal.PATIENT_AMBIGUOUS)
    first = entries[0]
    submission_set = SubmissionSet(
        entry_id="SubmissionSet01",
        unique_id=new_oid(),
        source_id=source_id,
        patient_id=first.patient_id,
        submission_time=xds_from_instant(sent_at),
        title=title or first.title,
        authors=first.authors[:1],
        content_type=OUTPATIENT,
    )
    lot = LotToWrite(submission_set=submission_set, documents=list(zip(entries, documents, strict=True)))
    return write_archive([lot], sender=sender)


@dataclass(frozen=True, slots=True)
class PDFCopy:
    """A PDF to attach beside the archive, under the name that the norm gives it."""

    name: str
    content: bytes = field(repr=False)

    @property
    def is_pdf_a(self) -> bool:
        """Whether it says that it is PDF/A-1, as MSS2:ECO.2.1.1 asks; it is never converted here."""
        return is_pdf_a_1(self.content)


def pdf_copies(documents: Sequence[bytes]) -> tuple[PDFCopy, ...]:
    """Return the PDF of each document that holds one: its body, or the copy that a structured document carries.

    Raises:
        ExchangeError: a document is not a CDA.

    Source: MSS2:ECO.2.1.5, MSS2:ECO.2.1.6.
    """
    return tuple(_copies(documents))


def _copies(documents: Sequence[bytes]) -> Iterator[PDFCopy]:
    for content in documents:
        document = clinical_document(content, max_bytes=len(content))
        body = body_of(document)
        pdf = pdf_copy_of(document) if body is None else body.content if body.media_type == PDF_TYPE else None
        if pdf is not None:
            yield PDFCopy(copy_name(header_of(document)), pdf)


def copy_name(header: CDADocument) -> str:
    """Return `<day of the act>_<type>_<NAME>_<given name>.pdf`, in plain letters.

    Source: MSS2:ECO.2.1.6; the day is YYYYMMDD, words are joined by hyphens [inferred].
    """
    event, patient = header.main_event, header.patient
    day = ((event.start if event else None) or header.effective_time)[:8]
    given = _plain(patient.first_given or patient.given or "").lower().capitalize()
    parts = (day, _plain(header.code.display)[:TYPE_CHARACTERS], _plain(patient.birth_family or "").upper(), given)
    return "_".join(part.strip("-") for part in parts if part) + ".pdf"


def _plain(text: str) -> str:
    letters = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9]+", "-", letters).strip("-")
