"""How a command ends, as a value; the connection writes it with the tag."""

from dataclasses import dataclass

from mailstore.imap.protocol.responses import Result
from vaguemestre.kernel.errors import VaguemestreError


@dataclass(frozen=True, slots=True)
class Outcome:
    """The tagged answer to a command; `code` is a response code without its brackets (RFC 9051 §7.1, RFC 5530)."""

    result: Result
    text: str
    code: bytes = b""


class Refused(VaguemestreError):
    """Ends a command from inside its unit of work, which is rolled back."""

    def __init__(self, code: bytes, text: str) -> None:
        super().__init__(text)
        self.outcome = no(code, text)


def ok(text: str = "Fait.", code: bytes = b"") -> Outcome:
    """Say that the command was done."""
    return Outcome(Result.OK, text, code)


def no(code: bytes, text: str) -> Outcome:
    """Say that the command was not done, and why."""
    return Outcome(Result.NO, text, code)


def bad(text: str) -> Outcome:
    """Say that the command makes no sense here."""
    return Outcome(Result.BAD, text)


UNAVAILABLE = no(b"UNAVAILABLE", "Service momentanement indisponible, reessayez plus tard.")
CORRUPTED = no(b"CORRUPTION", "Un message est endommage et ne peut etre lu.")
SERVER_BUG = no(b"SERVERBUG", "Erreur interne, signalee a l'exploitant.")
READ_ONLY = no(b"CANNOT", "Le dossier est ouvert en lecture seule.")
EXPUNGE_ISSUED = b"EXPUNGEISSUED"
