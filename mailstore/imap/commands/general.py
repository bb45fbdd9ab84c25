"""CAPABILITY, NOOP, CHECK, LOGOUT, ID, NAMESPACE, IDLE: commands that need no message.

NOOP does not touch the database unless the bus said that the mailbox changed, or nobody looked for a while.

Source: RFC 9051 §6.1, RFC 2342, RFC 2971, RFC 2177.
"""

from mailstore.imap.capabilities import Stage, announced
from mailstore.imap.namespaces import OTHERS
from mailstore.imap.outcome import Outcome, bad, ok
from mailstore.imap.protocol.commands import Capability, Check, Identify, Idle, Logout, Namespace, Noop
from mailstore.imap.protocol.connection import BareLine
from mailstore.imap.protocol.responses import bye, continuation, untagged
from mailstore.imap.protocol.session import State, Step
from mailstore.imap.session import Continued, Session
from mailstore.model import SEPARATOR


def capabilities(session: Session) -> bytes:
    """Return what the server can do in this state; signing in only inside TLS."""
    mechanisms: tuple[str, ...] = ()
    if session.core.state is not State.NOT_AUTHENTICATED:
        stage = Stage.SIGNED_IN
    elif session.secure:
        stage, mechanisms = Stage.SIGNING_IN, session.parts.authenticator.mechanisms(session.channel)
    else:
        stage = Stage.CLEAR
    limit = session.parts.settings.message_bytes
    words = announced(Stage.ALWAYS, stage, append_limit=limit, mechanisms=mechanisms)
    return b"CAPABILITY " + words.encode("ascii")


def capability(session: Session, _command: Capability) -> Outcome:
    """CAPABILITY."""
    session.send(untagged(capabilities(session)))
    return ok()


def noop(session: Session, _command: Noop | Check) -> Outcome:
    """NOOP and CHECK; what changed is sent by the connection with every command that allows it."""
    view = session.view
    if view is not None and session.wire.seconds() - view.checked_at > session.parts.settings.recheck_s:
        view.dirty = True
    return ok()


def logout(session: Session, _command: Logout) -> Outcome:
    """LOGOUT; the connection closes after the tagged answer."""
    session.send(bye("Au revoir."))
    session.core.advance(Step.LOGGED_OUT)
    return ok()


def identify(session: Session, _command: Identify) -> Outcome:
    """ID."""
    session.send(untagged(b'ID ("name" "Vaguemestre")'))
    return ok()


def namespace(session: Session, _command: Namespace) -> Outcome:
    """NAMESPACE: the account's own folders, and those of the organisational mailboxes of which it is a member."""
    others = session.mailbox_name(f"{OTHERS}{SEPARATOR}")
    session.send(untagged(b'NAMESPACE (("" "/")) ((' + others + b' "/")) NIL'))
    return ok()


def idle(session: Session, _command: Idle) -> None:
    """IDLE: the connection sends changes as they come, until DONE; first those that a FETCH had to hold back."""
    view = session.view
    if view is not None and view.holds_expunges:
        view.dirty = True
    session.core.expect_line()
    session.idling = True
    session.continuation = lambda event: _end_idle(session, event)
    session.send(continuation(b"en attente"))


def _end_idle(session: Session, event: Continued) -> Outcome:
    session.idling = False
    if isinstance(event, BareLine) and event.data.strip().upper() == b"DONE":
        return ok()
    return bad("DONE expected")
