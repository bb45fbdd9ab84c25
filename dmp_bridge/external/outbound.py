"""What is done for the record elsewhere when a document is filed here: queued, or kept with its reason.

`Filer` calls it in its own transaction, so that a document is never filed here and forgotten there.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from dmp_bridge.external.config import ExternalSettings
from dmp_bridge.external.placement import is_for_elsewhere, reason_to_keep
from dmp_bridge.external.queue import ExternalFiling, FilingState, add_filing
from dmp_bridge.external.submission import ToSend, compose
from dmp_bridge.record.documents import ContentStore
from dmp_bridge.record.model import RecordedDocument
from dmp_bridge.refusals import Refusal
from dmp_bridge.xds.ebrim_writer import write_submission
from dmp_bridge.xds.metadata import SubmissionSet
from dmp_bridge.xds.times import xds_from_instant
from vaguemestre.kernel.database import Transaction
from vaguemestre.kernel.ids import new_id


@dataclass(frozen=True, slots=True, repr=False)
class Arrival:
    """How a document came: with which submission set, in which mail, replacing what (unique ids)."""

    submission_set: SubmissionSet
    message_id_header: str | None = None
    replaced: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Outbound:
    """The way out of the record."""

    store: ContentStore
    settings: ExternalSettings

    def queue(self, tx: Transaction, document: RecordedDocument, arrival: Arrival) -> Refusal | None:
        """Queue a document that was just filed here.

        Args:
            tx: the transaction that files it.
            document: as registered.
            arrival: how it came.

        Returns:
            Why it stays here only; None when it is on its way, or not meant for the record elsewhere.
        """
        if not is_for_elsewhere(document):
            return None
        kept = reason_to_keep(document, self.settings)
        filing = ExternalFiling(
            id=new_id(),
            document_id=document.id,
            unique_id=document.entry.unique_id,
            profile_id=document.profile_id,
            mailbox_id=document.mailbox_id,
            content_id=document.content_id,
            submission_id=None if kept else self._seal(tx, document, arrival),
            message_id=document.filing.message_id,
            message_id_header=arrival.message_id_header,
            state=FilingState.KEPT if kept else FilingState.WAITING,
            code=kept,
            queued_at=document.filing.filed_at,
        )
        add_filing(tx, filing)
        return kept

    def _seal(self, tx: Transaction, document: RecordedDocument, arrival: Arrival) -> str:
        """Compose the metadata once, so that every attempt sends the same ids; they hold names, hence sealed."""
        sent = ToSend(
            entry=document.entry,
            submission_set=arrival.submission_set,
            replaced=arrival.replaced,
            submitted_at=xds_from_instant(document.filing.filed_at),
        )
        return self.store.seal_content(tx, document.mailbox_id, write_submission(compose(sent, self.settings)))
