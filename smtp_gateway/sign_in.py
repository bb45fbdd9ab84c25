"""How SMTP carries a SASL exchange (RFC 4954 §4): lines of base64 to responses, outcomes to values.

The mechanisms are those of `access_core.authentication.sasl`; the authenticator decides and traces.
"""

import base64
import binascii

from access_core.accounts import Account
from access_core.authentication.exchange import Exchange
from access_core.authentication.failures import AuthenticationFailed, Throttled
from access_core.authentication.sasl.steps import Challenge
from smtp_gateway.replies import Refusal
from vaguemestre.kernel.errors import ProtocolError


def challenge_line(challenge: Challenge) -> bytes:
    """Write a challenge."""
    return b"334 " + base64.b64encode(challenge.data) + b"\r\n"


async def take(exchange: Exchange, line: str) -> Challenge | Account | Refusal:
    """Take one line of the client, `=` for an empty initial response.

    Raises:
        TemporaryFailure: the catalogue, or an issuer of tokens, is away.
    """
    try:
        return await exchange.respond(_decode(line))
    except ProtocolError:
        return Refusal.AUTH_RESPONSE
    except AuthenticationFailed:
        return Refusal.AUTH_FAILED
    except Throttled:
        return Refusal.AUTH_THROTTLED


def _decode(line: str) -> bytes:
    try:
        return base64.b64decode("" if line == "=" else line, validate=True)
    except (binascii.Error, ValueError):
        raise ProtocolError("AUTH: not base64") from None
