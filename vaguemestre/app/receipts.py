"""Building the worker's handlers of receipts: those that are written, and the reports that arrive."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vaguemestre.app.bootstrap import Instance
    from vaguemestre.kernel.outbox import Handler


def receipt_handlers(instance: "Instance") -> "dict[str, Handler]":
    """Build what writes receipts and what reads the reports that arrive."""
    from smtp_gateway.receipts.arriving import REPORT_TASK, ReportReader, speakers
    from smtp_gateway.receipts.sending import ReceiptSender

    settings, parts = instance.settings, (instance.database, instance.mail_store, instance.clock)
    own = frozenset((*settings.instance.domains, *settings.instance.patient_domains))
    sender = ReceiptSender(*parts, instance.postman, settings.smtp)
    return {**sender.handlers(), REPORT_TASK: ReportReader(*parts, speakers(instance.trust, own))}
