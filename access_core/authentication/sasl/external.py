"""EXTERNAL: the TLS client certificate proves; the response says for which mailbox. Source: RFC 4422 appendix A."""

from access_core.authentication.sasl.steps import CheckCertificate, Dialogue, ask, challenge, text
from vaguemestre.kernel.errors import ProtocolError


def external() -> Dialogue:
    """Take the authorisation identity: an address, or nothing when the certificate opens one mailbox only."""
    identity = text((yield from challenge(b"")))
    if "\0" in identity:
        raise ProtocolError("EXTERNAL: NUL in the identity")
    return (yield from ask(CheckCertificate(identity)))
