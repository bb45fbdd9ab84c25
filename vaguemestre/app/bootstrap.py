"""The only wiring: from settings to objects.

Everything is built on first use and imported there, so that a process loads what its role needs and nothing
else. No other module of the program knows which database, bus or blob store is in use.
"""

import asyncio
from functools import cached_property
from typing import TYPE_CHECKING

from access_core.majority import MAJORITY
from access_core.matrix_in_force import IN_FORCE
from vaguemestre.app import mail_roles
from vaguemestre.app.chores import chores, follow_trust
from vaguemestre.app.roles import Role
from vaguemestre.app.settings import Settings
from vaguemestre.app.tls_files import ListenerTls
from vaguemestre.kernel.errors import ConfigurationError

if TYPE_CHECKING:
    from starlette.applications import Starlette

    from access_core.authentication.authenticator import Authenticator
    from access_core.trace.checkpointer import Checkpointer
    from access_core.trace.checkpoints import Signer
    from dmp_bridge.services.endpoint import XdsEndpoint
    from mailstore.store import MailStore
    from portal.services import MailSetup
    from smtp_gateway.acceptance import Acceptance
    from smtp_gateway.content import ContentRules
    from smtp_gateway.patient_reply import PatientReplies
    from smtp_gateway.receipts.posting import Postman
    from smtp_gateway.recipients import Mailboxes
    from smtp_gateway.trust.revocation import Revocation
    from smtp_gateway.trust.space import TrustSpace
    from vaguemestre.kernel.blobs import BlobStore
    from vaguemestre.kernel.bus import Bus
    from vaguemestre.kernel.clock import Clock
    from vaguemestre.kernel.database import Database
    from vaguemestre.kernel.keys import InstanceKey
    from vaguemestre.kernel.service import Service


class Instance:
    """The parts of one running instance, in one process."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        IN_FORCE.choose(settings.access.matrix_file, settings.access.matrix_mode)
        MAJORITY.choose(settings.access.majority_years)

    @cached_property
    def clock(self) -> "Clock":
        """The machine's clock."""
        from vaguemestre.kernel.clock import SystemClock

        return SystemClock()

    @cached_property
    def bus(self) -> "Bus":
        """The wake-ups between processes."""
        from vaguemestre.kernel.bus import build_bus

        return build_bus(self.settings.database_url(), self.settings.run_folder() / "bus")

    @cached_property
    def database(self) -> "Database":
        """The catalogue."""
        from vaguemestre.kernel.database import Database

        return Database(self.settings.database_url(), publish=self.bus.publish)

    @cached_property
    def blobs(self) -> "BlobStore":
        """The sealed bytes outside the catalogue."""
        from vaguemestre.kernel.blobs import build_blobs

        return build_blobs(self.settings.blobs_url())

    @cached_property
    def instance_key(self) -> "InstanceKey":
        """The root of every other key of the store."""
        from vaguemestre.kernel.keys import InstanceKey

        return InstanceKey.load(self.settings.keys.instance)

    @cached_property
    def mail_store(self) -> "MailStore":
        """The door of the store."""
        from mailstore.store import MailStore

        return MailStore(
            blobs=self.blobs, instance_key=self.instance_key, clock=self.clock, settings=self.settings.mailstore
        )

    @cached_property
    def authenticator(self) -> "Authenticator":
        """Passwords and one-time codes; built inside a running event loop."""
        from access_core.authentication.authenticator import Authenticator

        authenticator = Authenticator(
            self.database,
            self.clock,
            self.instance_key,
            self.settings.access.authentication,
            patient_domains=self.settings.instance.patient_domains,
        )
        authenticator.check_certificates(self._certificate_stands)
        if self.settings.oauth.issuers:
            from access_core.authentication.tokens.verifier import IssuedTokens

            authenticator.accept_tokens(IssuedTokens(self.settings.oauth.issuers, self.clock))
        return authenticator

    async def _certificate_stands(self, certificate: bytes) -> bool:
        """Tell whether a client certificate was not revoked since it was issued."""
        return self.revocation.lets_pass(await self.revocation.check(certificate))

    @cached_property
    def trust(self) -> "TrustSpace":
        """The whitelist in force."""
        from smtp_gateway.trust.space import TrustSpace

        return TrustSpace(self.settings.trust)

    @cached_property
    def revocation(self) -> "Revocation":
        """Who of the other operators lost his certificate."""
        from smtp_gateway.trust.revocation import Revocation

        pki = self.settings.pki
        return Revocation.build(pki.authority, pki.revocation, self.settings.trust, self.clock)

    @cached_property
    def operator_tls(self) -> "ListenerTls":
        """What other operators meet."""
        return ListenerTls.of_operator(self.settings.pki, shared=self.settings.processes(Role.MX) > 1)

    @cached_property
    def relay_tls(self) -> "ListenerTls":
        """What we meet other operators with."""
        return ListenerTls.of_relay(self.settings.pki)

    @cached_property
    def acceptance(self) -> "Acceptance":
        """The one transaction in which every message ends."""
        from smtp_gateway.acceptance import Acceptance

        return Acceptance(
            self.database,
            self.mail_store,
            self.settings.conversation,
            may_answer=self._may_answer,
            relay=self.settings.relay,
        )

    @cached_property
    def postman(self) -> "Postman":
        """What sends the gateway's own mail."""
        from smtp_gateway.receipts.posting import Postman

        own = (*self.settings.instance.domains, *self.settings.instance.patient_domains)
        return Postman(self.mail_store, self.settings.relay.lifetime_s, own=own, listed=self.trust.lists)

    @cached_property
    def mailboxes(self) -> "Mailboxes":
        """Whom mail may go to here."""
        from smtp_gateway.recipients import Mailboxes, room

        holds = room(self.mail_store.usage_bytes, self.settings.imap.quota_bytes)
        return Mailboxes(self.database, self.settings.smtp, self.clock, holds)

    @cached_property
    def content(self) -> "ContentRules":
        """What messages may carry; built inside a running event loop."""
        from smtp_gateway.clamd import Clamd
        from smtp_gateway.content import ContentRules
        from vaguemestre.app.claims import read_claims

        antivirus = self.settings.antivirus
        clamd = Clamd(antivirus.socket, antivirus.timeout_s) if antivirus.socket else None
        return ContentRules(self.settings.content, antivirus, clamd=clamd, read_claims=read_claims)

    @cached_property
    def replies(self) -> "PatientReplies":
        """What patients send from their space."""
        from smtp_gateway.patient_reply import PatientReplies, ReplyRules

        rules = ReplyRules(smtp=self.settings.smtp, conversations=self.settings.conversation, content=self.content)
        return PatientReplies(self.acceptance, self.mail_store, self.database, self.clock, rules=rules)

    @cached_property
    def signer(self) -> "Signer":
        """The key of the trace's checkpoints."""
        from access_core.trace.checkpoints import Signer

        return Signer(self.instance_key)

    @cached_property
    def checkpointer(self) -> "Checkpointer":
        """Who signs where the trace stands."""
        from access_core.trace.checkpointer import Checkpointer

        return Checkpointer(self.database, self.signer, self.settings.access.trace.checkpoint_file, self.clock)

    async def start(self) -> None:
        """Begin to receive wake-ups."""
        await self.bus.start()

    async def close(self) -> None:
        """Give back everything that was built."""
        if "authenticator" in self.__dict__:
            self.authenticator.close()
        if "bus" in self.__dict__:
            await self.bus.close()
        if "database" in self.__dict__:
            self.database.close()

    def close_now(self) -> None:
        """Do as `close` does, from a command."""
        asyncio.run(self.close())

    def _may_answer(self, address: str) -> bool:
        from smtp_gateway.rules.recipient import may_be_answered

        return may_be_answered(address, self.settings.smtp, self.trust.lists)


def build_services(instance: Instance, role: Role) -> "list[Service]":
    """Build what ROLE runs in its process.

    Raises:
        ConfigurationError: a key, a certificate or the habilitation matrix cannot be read.
    """
    IN_FORCE.current()
    match role:
        case Role.MX:
            return [mail_roles.mx(instance), follow_trust(instance)]
        case Role.SUBMISSION:
            return [mail_roles.submission(instance), follow_trust(instance)]
        case Role.IMAP:
            return [_imap(instance)]
        case Role.PORTAL:
            return [_portal(instance), follow_trust(instance)]
        case Role.WORKER:
            from vaguemestre.app.elsewhere import elsewhere
            from vaguemestre.app.outgoing import relay

            others = [relay(instance), *elsewhere(instance), follow_trust(instance)]
            return [_worker(instance), *others, *chores(instance)]
        case Role.ALL:
            raise ConfigurationError("a process serves one role; the supervisor starts the others")


def _imap(instance: Instance) -> "Service":
    from mailstore.imap.parts import ImapParts
    from mailstore.imap.server import ImapService

    settings = instance.settings
    tls = ListenerTls.of_server(settings.pki, ask_clients=settings.access.authentication.client_certificates)
    parts = ImapParts(
        store=instance.mail_store,
        database=instance.database,
        bus=instance.bus,
        clock=instance.clock,
        authenticator=instance.authenticator,
        tls=tls.context,
        settings=settings.imap,
        reload_tls=tls.reload,
        end_point=lambda: tls.end_point,
    )
    ports = settings.instance.ports()
    return ImapService(parts, host=settings.instance.host, port=ports["imap"], tls_port=ports["imaps"])


def _portal(instance: Instance) -> "Service":
    from portal.service import Listener, PortalService
    from portal.services import PortalServices

    settings = instance.settings
    services = PortalServices(
        database=instance.database,
        store=instance.mail_store,
        authenticator=instance.authenticator,
        replies=instance.replies,
        instance_key=instance.instance_key,
        clock=instance.clock,
        bus=instance.bus,
        settings=settings.portal,
        message_bytes=settings.smtp.max_message_bytes,
        patient_domains=frozenset(settings.instance.patient_domains),
        dmp=settings.dmp,
        xds=_xds(instance),
        fhir=_fhir(instance),
        mail_setup=_mail_setup(settings),
    )
    port = settings.instance.ports()["portal"]
    listener = Listener(settings.instance.host, port, settings.pki.server_certificate, settings.pki.server_key)
    return PortalService(services, listener)


def _mail_setup(settings: Settings) -> "MailSetup":
    """Build what mail programs are told."""
    from functools import partial

    from portal.services import MailSetup
    from vaguemestre.app.mail_programs import mail_servers, sign_profile

    sign = partial(sign_profile, settings.pki.server_certificate, settings.pki.server_key)
    return MailSetup(servers=mail_servers(settings), sign_profile=sign)


def _xds(instance: Instance) -> "XdsEndpoint":
    """Build the XDS.b services of the embedded record."""
    from dmp_bridge.services.endpoint import XdsParts, build_xds
    from dmp_bridge.services.trusted import TrustedSigners

    settings = instance.settings
    parts = XdsParts(
        database=instance.database,
        store=instance.mail_store,
        clock=instance.clock,
        settings=settings.dmp,
        signers=TrustedSigners.load(settings.pki.authority, settings.pki.revocation),
        presume_care=settings.access.filing_care == "presumed",
    )
    return build_xds(parts)


def _fhir(instance: Instance) -> "Starlette":
    """Build the FHIR service of the embedded record."""
    from portal.fhir.app import build_fhir
    from portal.fhir.parts import FhirParts
    from portal.patient.reply import image_limits

    settings = instance.settings
    parts = FhirParts(
        database=instance.database,
        store=instance.mail_store,
        clock=instance.clock,
        settings=settings.dmp,
        tokens=instance.authenticator,
        images=image_limits(settings.portal),
        presume_care=settings.access.filing_care == "presumed",
    )
    return build_fhir(parts)


def _worker(instance: Instance) -> "Service":
    from access_core.schedule import Schedule
    from dmp_bridge.intake import INTAKE_TASK, Intake
    from vaguemestre.app.erasure import space_eraser
    from vaguemestre.app.outgoing import notice_handlers, receipt_handlers
    from vaguemestre.app.worker import WorkerService
    from vaguemestre.kernel.outbox import Handler, OutboxWorker, Patience

    settings = instance.settings
    intake = Intake(
        database=instance.database,
        store=instance.mail_store,
        clock=instance.clock,
        settings=settings.dmp,
        presume_care=settings.access.filing_care == "presumed",
    )
    schedule = Schedule(instance.clock, settings.access.life, space_eraser(instance.mail_store))
    handlers: dict[str, Handler] = {
        **instance.mail_store.handlers(instance.database),
        **schedule.handlers(),
        **receipt_handlers(instance),
        INTAKE_TASK: intake,
        **notice_handlers(instance),
    }
    patience = Patience(endless=frozenset(schedule.handlers()))
    return WorkerService("worker", OutboxWorker(instance.database, instance.bus, instance.clock, handlers, patience))
