"""From a failure to the end of the command that met it; the session lives."""

from mailstore.imap.outcome import CORRUPTED, SERVER_BUG, UNAVAILABLE, Outcome, Refused, bad, no
from mailstore.imap.protocol.commands import Command
from mailstore.imap.session import Session
from mailstore.model import FolderProblem, FolderRefused
from vaguemestre.kernel.errors import IntegrityError, PermanentFailure, ProtocolError, TemporaryFailure
from vaguemestre.kernel.log import get_logger

_FOLDER = {
    FolderProblem.NONEXISTENT: no(b"NONEXISTENT", "Ce dossier n'existe pas."),
    FolderProblem.ALREADY_EXISTS: no(b"ALREADYEXISTS", "Ce dossier existe deja."),
    FolderProblem.HAS_CHILDREN: no(b"HASCHILDREN", "Ce dossier en contient d'autres."),
    FolderProblem.CANNOT: no(b"CANNOT", "Ce dossier ne peut etre nomme, renomme ou supprime ainsi."),
}
_IMPOSSIBLE = no(b"CANNOT", "Cette demande ne peut etre satisfaite.")
log = get_logger(__name__)


def outcome_of(error: Exception, command: Command | None, session: Session) -> Outcome:
    """Return what the client hears; what the operator must see is logged, without any data of the client."""
    if isinstance(error, Refused):
        return error.outcome
    if isinstance(error, FolderRefused):
        return _FOLDER[error.problem]
    if isinstance(error, TemporaryFailure):
        return UNAVAILABLE
    if isinstance(error, PermanentFailure):
        return _IMPOSSIBLE
    if isinstance(error, ProtocolError):
        return bad("malformed argument")
    damaged = isinstance(error, IntegrityError)
    event = "imap_message_damaged" if damaged else "imap_command_failed"
    log.error(event, account_id=session.account_id, error=error, kind=type(command).__name__)
    return CORRUPTED if damaged else SERVER_BUG
