"""SEARCH … RETURN: only what the client asks of the result, as ranges, and the result kept under the name `$`.

A result that is kept is a list of UIDs of the view: it shrinks by itself when messages are expunged, and goes
with the view when another folder is selected.

Source: RFC 4731 (ESEARCH), RFC 5182 (SEARCHRES), RFC 9394 §3.1 (PARTIAL), RFC 9051 §6.4.4.
"""

from array import array
from collections.abc import Iterator, Sequence

from mailstore.imap.commands.partial import slice_of
from mailstore.imap.protocol.commands import Returns, Search
from mailstore.imap.protocol.responses import untagged
from mailstore.imap.protocol.sequence import format_set
from mailstore.imap.session import Session

PLAIN = Returns(frozenset({"ALL"}))


def answer_extended(session: Session, command: Search, found: Sequence[int], modseq: int | None) -> None:
    """Send ESEARCH for the UIDs FOUND, in their order, and keep them when SAVE asks so."""
    returns = command.returns or PLAIN
    keep_result(session, returns, found)
    if returns.options == {"SAVE"}:
        return
    view = session.selected
    numbers = found if command.uid else [number for uid in found if (number := view.sequence(uid)) is not None]
    words = [b'ESEARCH (TAG "' + session.tag + b'")']
    if command.uid:
        words.append(b"UID")
    words += _results(returns, numbers)
    if modseq and numbers:
        words.append(b"MODSEQ %d" % modseq)
    session.send(untagged(b" ".join(words)))


def keep_result(session: Session, returns: Returns | None, found: Sequence[int]) -> None:
    """Keep the result as `$`; with MIN or MAX alone, only those (RFC 5182 §2.4)."""
    if returns is None or "SAVE" not in returns.options:
        return
    kept = found
    if found and returns.partial is None and returns.options <= {"SAVE", "MIN", "MAX"} and len(returns.options) > 1:
        kept = [each for name, each in (("MIN", min(found)), ("MAX", max(found))) if name in returns.options]
    elif returns.partial is not None and not returns.options & {"ALL", "COUNT"}:
        kept = slice_of(found, returns.partial)
    session.selected.saved = array("I", sorted(set(kept)))


def _results(returns: Returns, numbers: Sequence[int]) -> Iterator[bytes]:
    options = returns.options
    if numbers and "MIN" in options:
        yield b"MIN %d" % min(numbers)
    if numbers and "MAX" in options:
        yield b"MAX %d" % max(numbers)
    if numbers and "ALL" in options:
        yield b"ALL " + format_set(numbers)
    if "COUNT" in options:
        yield b"COUNT %d" % len(numbers)
    if returns.partial is not None:
        chosen = slice_of(numbers, returns.partial)
        yield b"PARTIAL (%d:%d %s)" % (*returns.partial, format_set(chosen) if chosen else b"NIL")
