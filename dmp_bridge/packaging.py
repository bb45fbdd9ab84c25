"""CDA documents of one patient as one IHE_XDM.zip (MSS2:ECO.2.1.1): metadata are mapped, never typed in."""

from collections.abc import Sequence
from datetime import datetime

from dmp_bridge.cda.reader import read_cda
from dmp_bridge.refusals import ExchangeError, Refusal
from dmp_bridge.xdm.writer import LotToWrite, write_archive
from dmp_bridge.xds.identifiers import new_oid
from dmp_bridge.xds.mapping import document_entry
from dmp_bridge.xds.metadata import Code, SubmissionSet
from dmp_bridge.xds.times import xds_from_instant

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
