"""LOGIN and AUTHENTICATE: what the client proves goes to the authenticator, which decides and traces.

The mechanisms are those of `access_core.authentication.sasl`; here is only how IMAP carries them.

Source: RFC 9051 §6.2.2, §6.2.3; RFC 4959 (SASL-IR); RFC 5530.
"""

import base64
from collections.abc import Awaitable

from access_core.accounts import Account, AccountKind
from access_core.authentication.channel import Use
from access_core.authentication.exchange import Exchange
from access_core.authentication.failures import AuthenticationFailed, NotAuthorized
from access_core.authentication.sasl.steps import Challenge
from mailstore.imap.commands.general import capabilities
from mailstore.imap.outcome import UNAVAILABLE, Outcome, bad, no, ok
from mailstore.imap.protocol.commands import Authenticate, Login
from mailstore.imap.protocol.connection import BareLine
from mailstore.imap.protocol.grammar import decode_base64
from mailstore.imap.protocol.responses import continuation
from mailstore.imap.session import Continued, Reaction, Session
from vaguemestre.kernel.errors import ProtocolError, TemporaryFailure

_NOT_SECURE = no(b"PRIVACYREQUIRED", "Passez d'abord en TLS (STARTTLS).")
_WRONG = no(b"AUTHENTICATIONFAILED", "Identifiant ou mot de passe incorrect.")
_NOT_ANOTHER = no(b"AUTHORIZATIONFAILED", "Vous ne pouvez agir au nom d'un autre compte.")
_WRONG_KIND = no(b"AUTHORIZATIONFAILED", "Cet acces est reserve aux professionnels ; utilisez le portail.")
_TOO_MANY = no(b"LIMIT", "Trop de sessions ouvertes pour ce compte.")


def login(session: Session, command: Login) -> Reaction | Awaitable[Reaction]:
    """LOGIN."""
    if not session.secure:
        return _NOT_SECURE
    check = session.parts.authenticator.password(command.login, command.password, peer=session.peer, use=Use.IMAP)
    return _conclude(session, check)


def authenticate(session: Session, command: Authenticate) -> Reaction | Awaitable[Reaction]:
    """AUTHENTICATE, with or without an initial response."""
    if not session.secure:
        return _NOT_SECURE
    exchange = session.parts.authenticator.begin(command.mechanism, session.channel)
    if exchange is None:
        return no(b"CANNOT", "Ce mecanisme n'est pas propose.")
    if command.initial is not None:
        return _conclude(session, exchange.respond(command.initial), exchange)
    _challenge(session, exchange, exchange.start())
    return None


def _challenge(session: Session, exchange: Exchange, challenge: Challenge) -> None:
    session.core.expect_line()
    session.continuation = lambda event: _response(session, exchange, event)
    session.send(continuation(base64.b64encode(challenge.data)))


def _response(session: Session, exchange: Exchange, event: Continued) -> Reaction | Awaitable[Reaction]:
    assert isinstance(event, BareLine)
    if event.data == b"*":
        return bad("cancelled")
    try:
        response = decode_base64(event.data)
    except ProtocolError as error:
        return bad(str(error))
    return _conclude(session, exchange.respond(response), exchange)


async def _conclude(
    session: Session, step: Awaitable[Challenge | Account], exchange: Exchange | None = None
) -> Reaction:
    """Wait for the outcome of a step; a refusal counts towards the end of the connection."""
    try:
        found = await step
    except NotAuthorized:
        outcome = _NOT_ANOTHER
    except AuthenticationFailed:
        outcome = _WRONG
    except TemporaryFailure:
        outcome = UNAVAILABLE
    except ProtocolError as error:
        outcome = bad(str(error))
    else:
        if isinstance(found, Account):
            return _admit(session, found)
        assert exchange is not None
        _challenge(session, exchange, found)
        return None
    session.refused_sign_ins += 1
    return outcome


def _admit(session: Session, account: Account) -> Outcome:
    if account.kind is AccountKind.PATIENT and not session.parts.settings.patients:
        session.refused_sign_ins += 1
        return _WRONG_KIND
    if not session.house.admit(account.id):
        return _TOO_MANY
    session.sign_in(account)
    return ok("Bienvenue.", capabilities(session))
