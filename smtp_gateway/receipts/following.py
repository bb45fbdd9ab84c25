"""What acceptance leaves behind for receipts, in its one transaction: who is followed, which reports are to be read."""

from smtp_gateway.arrival import Arrival
from smtp_gateway.receipts.arriving import is_report, note_report
from smtp_gateway.receipts.outcome import Outcome
from smtp_gateway.receipts.states import Sent, note_sent
from vaguemestre.kernel.database import Transaction


def follow(tx: Transaction, arrival: Arrival) -> None:
    """Follow each recipient of a message that a mailbox of ours sent; have a report read that was delivered here."""
    message_id = arrival.message.message_id
    if is_report(arrival.message.index):
        for each in arrival.recipients:
            note_report(tx, message_id, each.mailbox_id, now=arrival.at)
    elif arrival.reporter_id is not None and arrival.reverse_path:
        sent = Sent(
            message_id=message_id,
            message_id_header=arrival.marks.message_id,
            mailbox_id=arrival.reporter_id,
            at=arrival.at,
        )
        here = {each.address.lower() for each in arrival.recipients}
        note_sent(tx, sent, here, Outcome.DELIVERED)
        elsewhere = [each.address.lower() for each in arrival.queued if each.destination]
        note_sent(tx, sent, [each for each in elsewhere if each not in here], Outcome.WAITING)
