"""The only wiring: from settings to objects.

Everything is built on first use and imported there, so that a process loads what its role needs and nothing
else. No other module of the program knows which database, bus or blob store is in use.
"""

import asyncio
import ssl
from functools import cached_property
from typing import TYPE_CHECKING

from vaguemestre.app.roles import Role
from vaguemestre.app.settings import Settings
from vaguemestre.kernel.errors import ConfigurationError

if TYPE_CHECKING:
    from access_core.authentication.authenticator import Authenticator
    from mailstore.store import MailStore
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

        return Authenticator(
            self.database,
            self.clock,
            self.instance_key,
            self.settings.access.authentication,
            patient_domains=self.settings.instance.patient_domains,
        )

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


def build_services(instance: Instance, role: Role) -> "list[Service]":
    """Build what ROLE runs in its process.

    Raises:
        ConfigurationError: a key or certificate cannot be read.
    """
    match role:
        case Role.IMAP:
            return [_imap(instance)]
        case Role.PORTAL:
            return [_portal(instance)]
        case Role.WORKER:
            return [_worker(instance)]
        case Role.ALL:
            raise ConfigurationError("a process serves one role; the supervisor starts the others")


def _imap(instance: Instance) -> "Service":
    from mailstore.imap.parts import ImapParts
    from mailstore.imap.server import ImapService

    context = _server_tls(instance.settings)
    parts = ImapParts(
        store=instance.mail_store,
        database=instance.database,
        bus=instance.bus,
        clock=instance.clock,
        authenticator=instance.authenticator,
        tls=context,
        settings=instance.settings.imap,
        reload_tls=lambda: _reload_tls(instance.settings, context),
    )
    ports = instance.settings.instance.ports()
    return ImapService(parts, host=instance.settings.instance.host, port=ports["imap"], tls_port=ports["imaps"])


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
        patient_domains=frozenset(settings.instance.patient_domains),
    )
    port = settings.instance.ports()["portal"]
    listener = Listener(settings.instance.host, port, settings.pki.server_certificate, settings.pki.server_key)
    return PortalService(services, listener)


def _worker(instance: Instance) -> "Service":
    from vaguemestre.app.worker import WorkerService
    from vaguemestre.kernel.outbox import OutboxWorker

    handlers = {**instance.mail_store.handlers()}
    return WorkerService(OutboxWorker(instance.database, instance.bus, instance.clock, handlers))


def _server_tls(settings: Settings) -> ssl.SSLContext:
    from vaguemestre.kernel.tls import server_context

    return server_context(settings.pki.server_certificate, settings.pki.server_key)


def _reload_tls(settings: Settings, context: ssl.SSLContext) -> None:
    """Load the server certificate again into CONTEXT; what cannot be read leaves the old one in force."""
    from vaguemestre.kernel.log import get_logger

    try:
        _server_tls(settings)
        context.load_cert_chain(settings.pki.server_certificate, settings.pki.server_key)
    except (ConfigurationError, OSError) as error:
        get_logger(__name__).warning("certificate_not_reloaded", error=error)
