"""What the first page shows: unread messages, latest documents, last accesses, in one transaction."""

from dataclasses import dataclass
from functools import partial

from portal.documents.record import DocumentLine, visible_documents
from portal.patient.history import HistoryLine, latest_lines
from portal.patient.messages import count_unread
from portal.patient.viewer import Viewer
from portal.services import PortalServices
from vaguemestre.kernel.database import Transaction

SHOWN_DOCUMENTS = 3


@dataclass(frozen=True, slots=True)
class Board:
    """Number of unread messages, a few documents and a few lines of history, newest first."""

    unread: int
    documents: tuple[DocumentLine, ...]
    accesses: tuple[HistoryLine, ...]


async def read_board(services: PortalServices, viewer: Viewer) -> Board:
    """Return what the first page shows."""
    return await services.database.read(partial(_board, services=services, viewer=viewer))


def _board(tx: Transaction, services: PortalServices, viewer: Viewer) -> Board:
    return Board(
        count_unread(tx, services, viewer),
        tuple(visible_documents(tx, services, viewer)[:SHOWN_DOCUMENTS]),
        tuple(latest_lines(tx, services, viewer)),
    )
