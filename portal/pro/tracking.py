"""What became of the messages that a professional's mailbox sent: the latest, each recipient in her one state.

Reading it is reading one's own acts: the engine decides, the reading is traced.
"""

from dataclasses import dataclass
from datetime import datetime
from functools import partial

from access_core.decision import Decision
from access_core.trace.history import ProfessionalReader, decide_own_acts
from portal.delivery import RecipientLine, recipient_lines
from portal.pro.viewer import ProfessionalViewer
from portal.services import PortalServices
from smtp_gateway.receipts.states import RecipientState, states_sent_by
from vaguemestre.kernel.database import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class SentMessage:
    """A message and its recipients; MESSAGE_ID is its Message-ID, with angle brackets."""

    message_id: str
    sent_at: datetime
    recipients: tuple[RecipientLine, ...]


@dataclass(frozen=True, slots=True)
class SentPage:
    """The decision, and the latest messages, newest first."""

    decision: Decision
    messages: tuple[SentMessage, ...] = ()


async def read_sent(services: PortalServices, viewer: ProfessionalViewer) -> SentPage:
    """Return what this mailbox sent last, and where it stands; decided and traced."""
    return await services.database.write(partial(_read, reader=viewer.reader(services.clock.now())))


def _read(tx: Transaction, reader: ProfessionalReader) -> SentPage:
    decision = decide_own_acts(tx, reader)
    if not decision.allowed or reader.sender.id is None:
        return SentPage(decision)
    grouped: dict[str, list[RecipientState]] = {}
    for each in states_sent_by(tx, reader.sender.id):
        grouped.setdefault(each.message_id, []).append(each)
    return SentPage(decision, tuple(_message(each) for each in grouped.values()))


def _message(states: list[RecipientState]) -> SentMessage:
    first = states[0]
    return SentMessage(
        message_id=first.message_id_header or "",
        sent_at=first.sent_at,
        recipients=recipient_lines(states),
    )
