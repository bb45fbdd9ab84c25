"""LOGIN and AUTHENTICATE PLAIN: the password check, the account's kind, the trace of both outcomes.

The client hears the outcome only after the trace has it.

Source: RFC 9051 §6.2.2, §6.2.3; RFC 4616 (PLAIN); RFC 4959 (SASL-IR); RFC 5530.
"""

from collections.abc import Awaitable

from access_core.accounts import Account, AccountKind
from access_core.authentication.failures import AuthenticationFailed
from mailstore.imap.commands.general import capabilities
from mailstore.imap.outcome import UNAVAILABLE, Outcome, bad, no, ok
from mailstore.imap.parts import SignIn, SignInOutcome
from mailstore.imap.protocol.commands import Authenticate, Login
from mailstore.imap.protocol.connection import BareLine
from mailstore.imap.protocol.grammar import decode_base64
from mailstore.imap.protocol.responses import continuation
from mailstore.imap.session import Continued, Reaction, Session
from vaguemestre.kernel.errors import ProtocolError, TemporaryFailure

_NOT_SECURE = no(b"PRIVACYREQUIRED", "Passez d'abord en TLS (STARTTLS).")
_WRONG = no(b"AUTHENTICATIONFAILED", "Identifiant ou mot de passe incorrect.")
_WRONG_KIND = no(b"AUTHORIZATIONFAILED", "Cet acces est reserve aux professionnels ; utilisez le portail.")
_TOO_MANY = no(b"LIMIT", "Trop de sessions ouvertes pour ce compte.")


def login(session: Session, command: Login) -> Reaction | Awaitable[Reaction]:
    """LOGIN."""
    if not session.secure:
        return _NOT_SECURE
    return _sign_in(session, command.login, command.password)


def authenticate(session: Session, command: Authenticate) -> Reaction | Awaitable[Reaction]:
    """AUTHENTICATE PLAIN, with or without an initial response."""
    if not session.secure:
        return _NOT_SECURE
    if command.mechanism != "PLAIN":
        return no(b"CANNOT", "Ce mecanisme n'est pas propose.")
    if command.initial is not None:
        return _plain(session, command.initial)
    session.core.expect_line()
    session.continuation = lambda event: _plain_line(session, event)
    session.send(continuation())
    return None


def _plain_line(session: Session, event: Continued) -> Reaction | Awaitable[Reaction]:
    assert isinstance(event, BareLine)
    if event.data == b"*":
        return bad("cancelled")
    try:
        return _plain(session, decode_base64(event.data))
    except ProtocolError as error:
        return bad(str(error))


def _plain(session: Session, response: bytes) -> Reaction | Awaitable[Reaction]:
    """Read `[authzid] NUL authcid NUL passwd`; acting for someone else is not offered."""
    try:
        other, login, password = response.decode().split("\0")
    except ValueError:
        return bad("PLAIN response expected")
    if other not in ("", login):
        return no(b"AUTHORIZATIONFAILED", "Vous ne pouvez agir au nom d'un autre compte.")
    return _sign_in(session, login, password)


async def _sign_in(session: Session, login: str, password: str) -> Outcome:
    try:
        account = await session.parts.authenticator.password(login, password, peer=session.peer)
    except AuthenticationFailed:
        await _trace(session, login, None, SignInOutcome.REFUSED)
        session.refused_sign_ins += 1
        return _WRONG
    except TemporaryFailure:
        await _trace(session, login, None, SignInOutcome.THROTTLED)
        session.refused_sign_ins += 1
        return UNAVAILABLE
    if account.kind is AccountKind.PATIENT and not session.parts.settings.patients:
        await _trace(session, login, account, SignInOutcome.NOT_FOR_THIS_KIND)
        session.refused_sign_ins += 1
        return _WRONG_KIND
    return await _admit(session, login, account)


async def _admit(session: Session, login: str, account: Account) -> Outcome:
    if not session.house.admit(account.id):
        return _TOO_MANY
    try:
        await _trace(session, login, account, SignInOutcome.ACCEPTED)
    except BaseException:
        session.house.release(account.id)
        raise
    session.sign_in(account)
    return ok("Bienvenue.", capabilities(session))


async def _trace(session: Session, login: str, account: Account | None, outcome: SignInOutcome) -> None:
    await session.parts.on_sign_in(SignIn(login=login, account=account, peer=session.peer, outcome=outcome))
