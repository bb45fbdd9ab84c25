"""The DNS records that an instance needs, for each of its domains.

Source: RFC 5321 §5.1 (MX), RFC 6186 and RFC 8314 §5.1 (SRV of mail programs, MSS2:ECO.1.1.9), RFC 7208 (SPF), RFC 6376
§3.6.2.1 (DKIM), RFC 7489 §6.3 (DMARC), RFC 8461 §3.1 (MTA-STS), RFC 8460 §3 (TLS-RPT).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from smtp_gateway.setup.mta_sts import announcement
from smtp_gateway.setup.servers import MailServers

TXT_BYTES = 255
_WEIGHTS = {"imaps": 0, "imap": 10, "submissions": 0, "submission": 10}


@dataclass(frozen=True, slots=True)
class DnsRecord:
    """One record; `name` and names in `value` are absolute, a text is not quoted."""

    name: str
    type: str
    value: str

    def zone_line(self) -> str:
        """Write it as a zone file does; a long text in several strings (RFC 1035 §3.3.14)."""
        value = self.value
        if self.type == "TXT":
            parts = (value[start : start + TXT_BYTES] for start in range(0, len(value), TXT_BYTES))
            value = " ".join('"' + part.replace("\\", "\\\\").replace('"', '\\"') + '"' for part in parts)
        return f"{self.name} IN {self.type} {value}"


def records(servers: MailServers, dkim: Mapping[str, str]) -> list[DnsRecord]:
    """List the records of every domain.

    Args:
        dkim: selector to the TXT record of its public key.
    """
    found: list[DnsRecord] = []
    for domain in servers.domains:
        found += (*_exchange(servers, domain), *_programs(servers, domain), *_policies(servers, domain, dkim))
    for domain in servers.patient_domains:
        found += (*_exchange(servers, domain), *_policies(servers, domain, dkim))
    return found


def _exchange(servers: MailServers, domain: str) -> Iterator[DnsRecord]:
    for place, host in enumerate(servers.mx_hosts, start=1):
        yield DnsRecord(f"{domain}.", "MX", f"{10 * place} {host}.")


def _programs(servers: MailServers, domain: str) -> Iterator[DnsRecord]:
    for server in servers.servers:
        value = f"{_WEIGHTS[server.service]} 1 {server.port} {server.host}."
        yield DnsRecord(f"_{server.service}._tcp.{domain}.", "SRV", value)
    yield DnsRecord(f"_pop3._tcp.{domain}.", "SRV", "0 0 0 .")
    yield DnsRecord(f"_pop3s._tcp.{domain}.", "SRV", "0 0 0 .")
    portal = f"0 1 {servers.ports['portal']} {servers.portal_host}."
    yield DnsRecord(f"_autodiscover._tcp.{domain}.", "SRV", portal)
    for name in ("autoconfig", "autodiscover"):
        yield DnsRecord(f"{name}.{domain}.", "CNAME", f"{servers.portal_host}.")


def _policies(servers: MailServers, domain: str, dkim: Mapping[str, str]) -> Iterator[DnsRecord]:
    settings = servers.settings
    yield DnsRecord(f"{domain}.", "TXT", " ".join(("v=spf1", "mx", *settings.spf_also, "-all")))
    for selector, record in dkim.items():
        yield DnsRecord(f"{selector}._domainkey.{domain}.", "TXT", record)
    reports = f"; rua=mailto:{settings.reports_to}" if settings.reports_to else ""
    dmarc = f"v=DMARC1; p={settings.dmarc_policy}; adkim=s; aspf=s{reports}"
    yield DnsRecord(f"_dmarc.{domain}.", "TXT", dmarc)
    if settings.mta_sts_mode != "none":
        yield DnsRecord(f"_mta-sts.{domain}.", "TXT", announcement(servers))
        yield DnsRecord(f"mta-sts.{domain}.", "CNAME", f"{servers.portal_host}.")
    if settings.reports_to:
        yield DnsRecord(f"_smtp._tls.{domain}.", "TXT", f"v=TLSRPTv1; rua=mailto:{settings.reports_to}")
