"""DKIM key records from DNS, by dnspython; imported at the first look-up only, since most instances list their keys."""

import dns.asyncresolver
import dns.exception
import dns.resolver

from vaguemestre.kernel.errors import TemporaryFailure


class DnsRecords:
    """Looks TXT records up with the system's resolver."""

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s

    async def record(self, name: str) -> str | None:
        """Return the TXT record of NAME with its strings joined, None when there is none.

        Raises:
            TemporaryFailure: the resolver does not answer in time or fails.
        """
        try:
            answer = await dns.asyncresolver.resolve(name, "TXT", lifetime=self._timeout_s)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return None
        except (dns.exception.DNSException, OSError):
            raise TemporaryFailure("DKIM: the resolver does not answer") from None
        return b"".join(answer[0].strings).decode("ascii", "replace")
