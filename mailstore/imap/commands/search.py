"""SEARCH: numbers alone need no store; what else a key needs is `examination.py`.

Source: RFC 3501 §6.4.4, RFC 5530 (LIMIT), RFC 9051 §6.4.4.
"""

from collections.abc import Sequence
from itertools import compress, count

from mailstore.imap.commands.condstore import become_aware
from mailstore.imap.commands.esearch import answer_extended, keep_result
from mailstore.imap.commands.examination import matching_entries, narrowed, numbers_only
from mailstore.imap.outcome import Outcome, no, ok
from mailstore.imap.protocol.commands import Search
from mailstore.imap.protocol.criteria import Both, Either, ModseqIs, Not, SearchKey
from mailstore.imap.protocol.responses import numbers, untagged
from mailstore.imap.session import Session
from mailstore.imap.view import View

BAD_CHARSET = no(b"BADCHARSET (UTF-8 US-ASCII)", "Ce jeu de caracteres n'est pas lu.")
TOO_LONG = no(b"LIMIT", "Recherche trop longue ; precisez-la.")


async def search(session: Session, command: Search) -> Outcome:
    """SEARCH and UID SEARCH, plain or with RETURN (RFC 4731)."""
    found, modseq = None, None
    if not command.unknown_charset:
        found, modseq = await _found(session, command.key)
    if found is None:
        keep_result(session, command.returns, ())
        return BAD_CHARSET if command.unknown_charset else TOO_LONG
    if command.returns is not None or "IMAP4REV2" in session.enabled:
        answer_extended(session, command, found, modseq)
        return ok()
    limit = b" (MODSEQ %d)" % modseq if modseq and found else b""
    session.send(untagged(b"SEARCH" + numbers(numbers_of(session.selected, found, uid=command.uid)) + limit))
    return ok()


def numbers_of(view: View, uids: Sequence[int], *, uid: bool) -> Sequence[int]:
    """Return UIDs, which ascend, as they are, or as sequence numbers."""
    if uid:
        return uids
    if len(uids) * 8 < len(view.uids):
        return [number for each in uids if (number := view.sequence(each)) is not None]
    return list(compress(count(1), map(set(uids).__contains__, view.uids)))


def asks_modseq(key: SearchKey) -> bool:
    """Say whether MODSEQ is among the keys."""
    if isinstance(key, Both):
        return any(map(asks_modseq, key.keys))
    if isinstance(key, Either):
        return asks_modseq(key.first) or asks_modseq(key.second)
    return asks_modseq(key.key) if isinstance(key, Not) else isinstance(key, ModseqIs)


async def _found(session: Session, key: SearchKey) -> tuple[Sequence[int] | None, int | None]:
    """Return the UIDs that match, None when that takes too long, and their highest modseq when it is asked for."""
    if numbers_only(key):
        return narrowed(key, session.selected), None
    entries = await matching_entries(session, key)
    if entries is None:
        return None, None
    modseq = None
    if asks_modseq(key):
        become_aware(session)
        modseq = max((entry.modseq for entry in entries), default=None)
    return [entry.uid for entry in entries], modseq
