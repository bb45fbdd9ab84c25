"""Comparing the records to publish with what DNS answers, in bounded time.

Questions are asked side by side; each waits a few seconds at most, and all of them have one deadline.
"""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum

import dns.exception
import dns.rdata
import dns.rdatatype
import dns.resolver

from smtp_gateway.setup.dns_records import DnsRecord
from vaguemestre.kernel.errors import ConfigurationError

QUESTION_S = 3.0
TOGETHER_S = 20.0
AT_ONCE = 32
DNS_PORT = 53


class State(StrEnum):
    """How a record stands."""

    PUBLISHED = "publié"
    OTHER = "différent"
    ABSENT = "absent"
    NO_ANSWER = "sans réponse"


@dataclass(frozen=True, slots=True)
class Seen:
    """What DNS says where a record is wanted."""

    state: State
    values: tuple[str, ...] = ()

    @property
    def published(self) -> bool:
        """Whether the record is there."""
        return self.state is State.PUBLISHED


def compare(wanted: Sequence[DnsRecord], server: str | None = None) -> list[Seen]:
    """Return how each record stands, in the order of WANTED.

    Args:
        server: `ADDRESS` or `ADDRESS:PORT` to ask; None: the servers of the system.

    Raises:
        ConfigurationError: SERVER is no address, or the system names no server.
    """
    try:
        resolver = dns.resolver.Resolver(configure=server is None)
        if server is not None:
            address, _, port = server.rpartition(":") if server.count(":") == 1 else (server, "", "")
            resolver.nameservers = [address.strip("[]")]
            resolver.port = int(port or DNS_PORT)
    except (dns.exception.DNSException, ValueError, OSError):
        raise ConfigurationError("serveur DNS : donnez une adresse IP, avec :PORT au besoin") from None
    asking = _Asking(resolver, time.monotonic() + TOGETHER_S)
    with ThreadPoolExecutor(min(AT_ONCE, len(wanted) or 1)) as threads:
        return list(threads.map(lambda record: _look(asking, record), wanted))


@dataclass(frozen=True, slots=True)
class _Asking:
    resolver: dns.resolver.Resolver
    deadline_s: float

    def resolve(self, name: str, kind: str) -> dns.resolver.Answer:
        left = min(QUESTION_S, self.deadline_s - time.monotonic())
        if left <= 0:
            raise dns.exception.Timeout
        return self.resolver.resolve(name, kind, lifetime=left, search=False)


def _look(asking: _Asking, wanted: DnsRecord) -> Seen:
    try:
        answer = asking.resolve(wanted.name, wanted.type)
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        return _look_further(asking, wanted) if wanted.type == "CNAME" else Seen(State.ABSENT)
    except (dns.exception.DNSException, OSError):
        return Seen(State.NO_ANSWER)
    values = tuple(_text(each) for each in answer)
    if wanted.type == "TXT":
        values = tuple(each for each in values if _kind(each) == _kind(wanted.value))
        return _judge([each == wanted.value for each in values] == [True], values)
    return _judge(wanted.value.lower() in (each.lower() for each in values), values)


def _look_further(asking: _Asking, wanted: DnsRecord) -> Seen:
    """Accept addresses where an alias is proposed: what counts is that the name leads to the portal."""
    for kind in ("A", "AAAA"):
        try:
            answer = asking.resolve(wanted.name, kind)
        except (dns.exception.DNSException, OSError):
            continue
        return Seen(State.PUBLISHED, tuple(_text(each) for each in answer))
    return Seen(State.ABSENT)


def _judge(right: bool, values: tuple[str, ...]) -> Seen:
    if right:
        return Seen(State.PUBLISHED, values)
    return Seen(State.OTHER if values else State.ABSENT, values)


def _text(found: dns.rdata.Rdata) -> str:
    if found.rdtype == dns.rdatatype.TXT:
        return b"".join(found.strings).decode("utf-8", "replace")  # type: ignore[attr-defined]  # of TXT
    return found.to_text()


def _kind(text: str) -> str:
    """Return what a TXT record is of: `v=spf1`, `v=DMARC1`…; a domain has texts of others too."""
    return text.replace(";", " ").split(" ", 1)[0].lower()
