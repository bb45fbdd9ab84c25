"""CONDSTORE: a client that asks once for a modseq is told modseqs from then on.

`UNCHANGEDSINCE` is a condition of the store (`mailstore/flagging.py`); what a session is told of modseqs is
written by its view.

Source: RFC 7162 §3.1.
"""

from array import array
from collections.abc import Sequence

from mailstore.imap.outcome import Outcome, ok
from mailstore.imap.protocol.commands import Fetch, Store
from mailstore.imap.protocol.items import Attribute
from mailstore.imap.protocol.responses import untagged
from mailstore.imap.protocol.sequence import format_set
from mailstore.imap.session import Session

WORD = "CONDSTORE"


def become_aware(session: Session) -> None:
    """Begin to tell modseqs; a folder that was selected before says its own now (RFC 7162 §3.1)."""
    if WORD in session.enabled:
        return
    session.enable(WORD)
    if session.view is not None:
        session.send(untagged(b"OK [HIGHESTMODSEQ %d] ." % session.view.modseq))


def asks_for_modseqs(command: Fetch | Store) -> bool:
    """Say whether a command is one of those that make a session aware."""
    if isinstance(command, Store):
        return command.unchanged_since is not None
    return command.changed_since is not None or Attribute.MODSEQ in command.attributes


def conditional_end(session: Session, command: Store, modified: Sequence[int], *, missing: bool) -> Outcome:
    """End a STORE with UNCHANGEDSINCE: MODIFIED names the messages that were left as they were."""
    view = session.selected
    if not modified:
        return ok()
    numbers = modified if command.target.uid else array("I", filter(None, map(view.sequence, modified)))
    text = "Des messages ont change ou n'existent plus." if missing else "Des messages ont change."
    return ok(text, b"MODIFIED " + format_set(numbers)) if numbers else ok(text)
