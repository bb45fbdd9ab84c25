"""ENABLE: extensions that change what the server says on its own begin when the client asks for them.

Source: RFC 5161; RFC 7162 §3.2.3 (QRESYNC brings CONDSTORE with it); RFC 5464 §4.4 (METADATA).
"""

from mailstore.imap.capabilities import ENABLES
from mailstore.imap.commands.metadata import WORD as METADATA
from mailstore.imap.commands.notify import begin_watch
from mailstore.imap.outcome import Outcome, ok
from mailstore.imap.protocol.commands import Enable
from mailstore.imap.protocol.responses import untagged
from mailstore.imap.session import Session


async def enable(session: Session, command: Enable) -> Outcome:
    """ENABLE; what is not known, or was enabled before, is passed over."""
    fresh = [name for name in dict.fromkeys(command.names) if name in ENABLES and name not in session.enabled]
    session.enable(*fresh)
    session.send(untagged(b" ".join([b"ENABLED", *(name.encode("ascii") for name in fresh)])))
    if METADATA in fresh:
        await begin_watch(session, session.watch.groups if session.watch is not None else None)
    return ok()
