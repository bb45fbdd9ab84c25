"""The roles that move mail, as services: the MX, submission, the relay. Part of the wiring of `bootstrap.py`."""

from typing import TYPE_CHECKING

from vaguemestre.app.roles import Role
from vaguemestre.app.settings import Settings
from vaguemestre.app.tls_files import ListenerTls

if TYPE_CHECKING:
    from smtp_gateway.dkim import KeyRecords
    from vaguemestre.app.bootstrap import Instance
    from vaguemestre.kernel.service import Service


def mx(instance: "Instance") -> "Service":
    """Build the MX."""
    from smtp_gateway.dkim import KeyCache
    from smtp_gateway.mx import MxParts, MxSteps
    from smtp_gateway.service import Listener, SmtpService

    settings = instance.settings
    parts = MxParts(
        store=instance.mail_store,
        acceptance=instance.acceptance,
        mailboxes=instance.mailboxes,
        trust=instance.trust,
        keys=KeyCache(settings.dkim.public_keys, _dns_records(settings), instance.clock),
        clock=instance.clock,
        smtp=settings.smtp,
        dkim=settings.dkim,
        content=instance.content,
        revocation=instance.revocation,
    )
    tls = instance.operator_tls
    listener = Listener(
        name="mx",
        host=settings.instance.host,
        port=settings.instance.ports()["mx"],
        tls=tls.context,
        shared=settings.processes(Role.MX) > 1,
    )
    reload_parts = (tls.reload, instance.trust.reload, instance.revocation.reload)
    return SmtpService("mx", [listener], MxSteps(parts), settings.smtp, reload_parts=reload_parts)


def submission(instance: "Instance") -> "Service":
    """Build the submission ports."""
    from smtp_gateway.service import Listener, SmtpService
    from smtp_gateway.submission import SubmissionParts, SubmissionSteps

    settings = instance.settings
    parts = SubmissionParts(
        database=instance.database,
        store=instance.mail_store,
        acceptance=instance.acceptance,
        mailboxes=instance.mailboxes,
        authenticator=instance.authenticator,
        clock=instance.clock,
        trust=instance.trust,
        smtp=settings.smtp,
        content=instance.content,
        rates=settings.rates,
    )
    tls = ListenerTls.of_server(settings.pki, ask_clients=settings.access.authentication.client_certificates)
    listeners = [
        Listener(
            name=name,
            host=settings.instance.host,
            port=settings.instance.ports()[name],
            tls=tls.context,
            implicit_tls=name == "submissions",
            end_point=lambda: tls.end_point,
        )
        for name in ("submission", "submissions")
    ]
    reload_parts = (tls.reload, instance.trust.reload)
    return SmtpService("submission", listeners, SubmissionSteps(parts), settings.smtp, reload_parts=reload_parts)


def _dns_records(settings: Settings) -> "KeyRecords | None":
    """Return the way to keys in DNS, None when the settings list all that may be used."""
    if not settings.dkim.dns:
        return None
    from smtp_gateway.dkim_dns import DnsRecords

    return DnsRecords(settings.dkim.dns_timeout_s)
