"""Where a domain takes its mail: the static routes of the settings, then DNS MX (RFC 5321 §5.1, RFC 7505)."""

import random
from dataclasses import dataclass

import dns.asyncresolver
import dns.exception
import dns.resolver

from smtp_gateway.config import RelaySettings
from smtp_gateway.queue.model import Answer, Trouble


@dataclass(frozen=True, slots=True)
class Hop:
    """A host and port to try."""

    host: str
    port: int


class Unreached(Exception):
    """No recipient of the destination can be tried now; ANSWER is what each of them gets."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


def parse_hop(text: str, port: int = 25) -> Hop:
    """Read `host:port`, `[2001:db8::1]:25`; PORT stands for one that is not given."""
    host, colon, given = text.rpartition(":")
    if not colon or not given.isdigit():
        return Hop(text.strip("[]"), port)
    return Hop(host.strip("[]"), int(given))


async def find_hops(domain: str, settings: RelaySettings) -> list[Hop]:
    """Return the hosts to try, the preferred first, equals in any order.

    Raises:
        Unreached: the domain takes no mail (for ever), or DNS does not answer (for now).
    """
    route = settings.routes.get(domain)
    if route is not None:
        return [parse_hop(route)]
    try:
        found = await _resolver(settings).resolve(domain, "MX", lifetime=settings.dns_timeout_s)
    except dns.resolver.NXDOMAIN:
        raise Unreached(Answer(status="5.1.2", trouble=Trouble.NO_ROUTE)) from None
    except dns.resolver.NoAnswer:
        return [Hop(domain, settings.port)]  # the implicit MX
    except (dns.exception.DNSException, OSError):
        raise Unreached(Answer(status="4.4.3", trouble=Trouble.NO_ROUTE)) from None
    ordered = sorted(found, key=lambda record: (record.preference, random.random()))  # noqa: S311 - spreads load
    hosts = [str(record.exchange).rstrip(".") for record in ordered]
    if hosts == [""]:
        raise Unreached(Answer(status="5.1.10", trouble=Trouble.NO_ROUTE))  # null MX
    return [Hop(host, settings.port) for host in hosts if host]


def _resolver(settings: RelaySettings) -> dns.asyncresolver.Resolver:
    """Return what asks the servers of the settings, the system's when these name none."""
    if not settings.dns_servers:
        return dns.asyncresolver.get_default_resolver()
    resolver = dns.asyncresolver.Resolver(configure=False)
    asked = [parse_hop(each, port=53) for each in settings.dns_servers]
    resolver.nameservers = [each.host for each in asked]
    resolver.nameserver_ports = {each.host: each.port for each in asked}
    return resolver
