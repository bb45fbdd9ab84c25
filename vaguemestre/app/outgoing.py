"""Building what sends: the relay of the queue, the receipts that are written, the reports that arrive and are read."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vaguemestre.app.bootstrap import Instance
    from vaguemestre.kernel.outbox import Handler
    from vaguemestre.kernel.service import Service


def receipt_handlers(instance: "Instance") -> "dict[str, Handler]":
    """Build what writes receipts and what reads the reports that arrive."""
    from smtp_gateway.receipts.arriving import REPORT_TASK, ReportReader, speakers
    from smtp_gateway.receipts.sending import ReceiptSender

    settings, parts = instance.settings, (instance.database, instance.mail_store, instance.clock)
    own = frozenset((*settings.instance.domains, *settings.instance.patient_domains))
    sender = ReceiptSender(*parts, instance.postman, settings.smtp)
    return {**sender.handlers(), REPORT_TASK: ReportReader(*parts, speakers(instance.trust, own))}


def notice_handlers(instance: "Instance") -> "dict[str, Handler]":
    """Build what tells people of what waits for them.

    Raises:
        ConfigurationError: the authorities of the smarthost cannot be read.
    """
    from smtp_gateway.dkim_keyring import SigningKeyring
    from smtp_gateway.notice_links import NoticeLinks
    from smtp_gateway.notices import NoticeSender
    from smtp_gateway.smarthost import Smarthost

    settings = instance.settings
    smarthost = Smarthost(settings.notices, instance.clock, SigningKeyring(settings.dkim))
    links = NoticeLinks(instance.instance_key)
    return NoticeSender(instance.database, instance.mail_store, links, settings.notices, smarthost).handlers()


def relay(instance: "Instance") -> "Service":
    """Build what empties the queue towards other operators."""
    from smtp_gateway.dkim_keyring import SigningKeyring
    from smtp_gateway.queue.runner import QueueRunner, RunnerParts
    from vaguemestre.app.worker import WorkerService

    settings = instance.settings
    tls = instance.relay_tls
    parts = RunnerParts(
        database=instance.database,
        bus=instance.bus,
        clock=instance.clock,
        store=instance.mail_store,
        trust=instance.trust,
        tls=tls.context,
        revocation=instance.revocation,
        settings=settings.relay,
        smtp=settings.smtp,
        keys=SigningKeyring(settings.dkim),
    )
    return WorkerService(
        "relay", QueueRunner(parts), reload_parts=(tls.reload, instance.trust.reload, instance.revocation.reload)
    )
