"""What a sign-in is for, and what is known of the connection that it comes by."""

from dataclasses import dataclass
from enum import StrEnum


class Use(StrEnum):
    """What the sign-in opens."""

    PORTAL = "portal"
    IMAP = "imap"
    SMTP = "smtp"


class Scope(StrEnum):
    """What an application password opens."""

    IMAP = "imap"
    SMTP = "smtp"
    ALL = "all"

    def allows(self, use: Use) -> bool:
        """Tell whether this scope opens USE; no scope opens the portal."""
        return use is not Use.PORTAL and (self is Scope.ALL or self == str(use))


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Channel:
    """One connection of a mail program, inside TLS.

    Attributes:
        peer: network address that it comes from.
        certificate: what the TLS client showed and TLS verified, DER; None when it showed none.
        end_point: hash of the certificate that we showed (RFC 5929 §4.1), None when it has none.
    """

    peer: str
    use: Use
    certificate: bytes | None = None
    end_point: bytes | None = None
