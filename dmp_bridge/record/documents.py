"""The door of the record for portal and command line: list documents, find one, open its content.

Whether somebody may see a document is decided by the engine (`read_document`) with the flags given here; nothing is
filtered in this file but what has been deleted, which nobody sees.
"""

from typing import Protocol

from dmp_bridge.record.model import Availability, RecordedDocument
from dmp_bridge.record.registry import document_by_id, document_by_unique_id, documents_of_profile
from vaguemestre.kernel.database import Transaction


class ContentStore(Protocol):
    """What the record needs of the mail store: bytes sealed under a patient's mailbox key."""

    def seal_content(self, tx: Transaction, mailbox_id: str, data: bytes) -> str:
        """Seal DATA and return the id by which it is opened."""

    def open_content(self, tx: Transaction, mailbox_id: str, content_id: str) -> bytes:
        """Return the bytes; IntegrityError when they were changed."""


def documents_of(tx: Transaction, profile_id: str) -> list[RecordedDocument]:
    """List a patient's documents, the latest written first, replaced and archived ones included."""
    return [each for each in documents_of_profile(tx, profile_id) if each.availability is not Availability.DELETED]


def document(tx: Transaction, document_id: str) -> RecordedDocument | None:
    """Find a document by the id of its row, or by its XDS unique id, in any state."""
    return document_by_id(tx, document_id) or document_by_unique_id(tx, document_id)


def content(tx: Transaction, store: ContentStore, found: RecordedDocument) -> bytes:
    """Return the bytes of a document as they were received.

    Raises:
        IntegrityError: the sealed bytes were changed.
    """
    return store.open_content(tx, found.mailbox_id, found.content_id)
