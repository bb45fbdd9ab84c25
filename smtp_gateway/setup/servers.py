"""Where mail programs find the instance: the one source of every form in which they are told.

The account is always named by its whole address, whatever a form calls the login.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from smtp_gateway.config import SetupSettings


@dataclass(frozen=True, slots=True)
class Server:
    """One door for mail programs; `implicit_tls` or STARTTLS."""

    service: str
    """As in SRV records: imaps, imap, submissions, submission."""
    host: str
    port: int
    implicit_tls: bool

    @property
    def incoming(self) -> bool:
        """Whether mail is read there."""
        return self.service.startswith("imap")


@dataclass(frozen=True, slots=True, kw_only=True)
class MailServers:
    """The names and ports of an instance.

    Attributes:
        host: of IMAP and submission.
        portal_host: of the portal, without its port.
        mx_hosts: preferred first.
        ports: of imap, imaps, submission, submissions, portal.
        domains: of professional mailboxes; those of patients are not for mail programs.
        patient_domains: domains that only receive mail.
    """

    host: str
    portal_host: str
    mx_hosts: tuple[str, ...]
    ports: Mapping[str, int]
    domains: tuple[str, ...]
    patient_domains: tuple[str, ...]
    settings: SetupSettings

    @classmethod
    def of(
        cls,
        settings: SetupSettings,
        hostname: str,
        ports: Mapping[str, int],
        *,
        domains: tuple[str, ...],
        patient_domains: tuple[str, ...],
    ) -> "MailServers":
        """Fill in what the settings leave to HOSTNAME."""
        host = settings.host or hostname
        return cls(
            host=host,
            portal_host=settings.portal_host or host,
            mx_hosts=settings.mx_hosts or (hostname,),
            ports=ports,
            domains=domains,
            patient_domains=patient_domains,
            settings=settings,
        )

    @property
    def servers(self) -> tuple[Server, ...]:
        """Return the doors, for each use the one with implicit TLS first (RFC 8314 §3)."""
        return tuple(
            Server(service, self.host, self.ports[service], service.endswith("s"))
            for service in ("imaps", "imap", "submissions", "submission")
        )

    def serves(self, address: str) -> bool:
        """Tell whether an address is of a domain whose mailboxes are read with mail programs."""
        local, _, domain = address.rpartition("@")
        return bool(local) and domain.lower() in self.domains
