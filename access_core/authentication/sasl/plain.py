"""PLAIN: `[authzid] NUL authcid NUL passwd` in one response. Source: RFC 4616."""

from access_core.authentication.failures import NotAuthorized
from access_core.authentication.sasl.steps import CheckPassword, Dialogue, ask, challenge, text
from vaguemestre.kernel.errors import ProtocolError


def plain() -> Dialogue:
    """Take login and password; acting for somebody else is not offered."""
    response = text((yield from challenge(b"")))
    parts = response.split("\0")
    if len(parts) != 3 or not parts[1]:
        raise ProtocolError("PLAIN: not authorisation, login, password")
    other, login, password = parts
    if other not in ("", login):
        raise NotAuthorized("PLAIN: another identity")
    return (yield from ask(CheckPassword(login, password)))
