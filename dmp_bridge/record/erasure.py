"""Erasing the record of a space that was closed: the one place where rows of the registry are deleted.

Bodies are sealed under the patient's mailbox key and go with it; this removes what the registry says of them.
"""

from sqlalchemy import bindparam, delete, or_, select

from dmp_bridge import tables
from vaguemestre.kernel.database import Transaction

_documents = select(tables.document_entry.c.id).where(tables.document_entry.c.profile_id == bindparam("patient"))
_sets = select(tables.submission_set.c.id).where(tables.submission_set.c.profile_id == bindparam("patient"))
_STEPS = (
    delete(tables.external_filing).where(tables.external_filing.c.profile_id == bindparam("patient")),
    delete(tables.document_code).where(tables.document_code.c.document_id.in_(_documents)),
    delete(tables.record_author).where(
        or_(tables.record_author.c.owner_id.in_(_documents), tables.record_author.c.owner_id.in_(_sets))
    ),
    delete(tables.document_association).where(tables.document_association.c.submission_set_id.in_(_sets)),
    delete(tables.document_folder).where(tables.document_folder.c.profile_id == bindparam("patient")),
    delete(tables.document_entry).where(tables.document_entry.c.profile_id == bindparam("patient")),
    delete(tables.submission_set).where(tables.submission_set.c.profile_id == bindparam("patient")),
)


def erase_record(tx: Transaction, profile_id: str) -> None:
    """Erase every entry, set and code of a patient's record; the trace of what was done with it stays."""
    for statement in _STEPS:
        tx.execute(statement, {"patient": profile_id})
