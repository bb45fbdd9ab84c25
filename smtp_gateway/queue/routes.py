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


def parse_hop(text: str) -> Hop:
    """Read `host:port`, `[2001:db8::1]:25`; without port: 25."""
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdigit():
        return Hop(text.strip("[]"), 25)
    return Hop(host.strip("[]"), int(port))


async def find_hops(domain: str, settings: RelaySettings) -> list[Hop]:
    """Return the hosts to try, the preferred first, equals in any order.

    Raises:
        Unreached: the domain takes no mail (for ever), or DNS does not answer (for now).
    """
    route = settings.routes.get(domain)
    if route is not None:
        return [parse_hop(route)]
    try:
        found = await dns.asyncresolver.resolve(domain, "MX", lifetime=settings.dns_timeout_s)
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
