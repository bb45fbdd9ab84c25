"""From what a form sent to files that may leave, or the sentences that say which may not and why."""

from collections.abc import Sequence
from dataclasses import dataclass

from dmp_bridge.pictures.pictures import ImageLimits, clean_image
from portal import words
from portal.attachments.kinds import ACCEPTED_WORDS, IMAGES, Kind, OutgoingFile, kind_of, safe_name

HEADERS_BYTES = 64_000
"""Of a message and of each of its parts, at most."""


@dataclass(frozen=True, slots=True)
class ReceivedFile:
    """A file as the form sent it."""

    name: str
    content: bytes


@dataclass(frozen=True, slots=True)
class FileLimits:
    """How many files one message may carry, their bytes in all, and the limits of images."""

    count: int
    total_bytes: int
    image: ImageLimits


def room_for_files(message_bytes: int, text_characters: int) -> int:
    """Return the bytes that the files of one message may have together, so that it is no larger than MESSAGE_BYTES.

    Base64 in lines of 76 characters makes 78 bytes of 57 (RFC 2045 §6.8). Room is kept for a text of TEXT_CHARACTERS,
    four bytes each, and for the headers.
    """
    rest = message_bytes - HEADERS_BYTES - text_characters * 4 * 78 // 57
    return max(0, rest * 57 // 78)


@dataclass(frozen=True, slots=True)
class CheckedFiles:
    """The outcome: every file accepted, or at least one sentence of refusal and nothing to send."""

    files: tuple[OutgoingFile, ...]
    errors: tuple[str, ...]


def check_files(received: Sequence[ReceivedFile], limits: FileLimits) -> CheckedFiles:
    """Check, clean and name the files of one message. Blocks (images): call it from a thread.

    Sentences name a file by its position, so that they can be kept and read aloud without its name.
    """
    if len(received) > limits.count:
        sentence = f"Vous pouvez joindre {limits.count} fichiers au plus ; vous en avez choisi {len(received)}."
        return CheckedFiles((), (sentence,))
    total = sum(len(file.content) for file in received)
    if total > limits.total_bytes:
        return CheckedFiles((), (too_large(total, limits),))
    outcomes = [_check(file, position, limits.image) for position, file in enumerate(received, start=1)]
    errors = tuple(outcome for outcome in outcomes if isinstance(outcome, str))
    if errors:
        return CheckedFiles((), errors)
    return CheckedFiles(tuple(outcome for outcome in outcomes if isinstance(outcome, OutgoingFile)), ())


def too_large(total_bytes: int, limits: FileLimits) -> str:
    """Say that the files together are over the limit, and by how much they may be."""
    return (
        f"Vos fichiers font {words.size(total_bytes)} ensemble. La limite est de {words.size(limits.total_bytes)} : "
        "retirez-en un ou réduisez vos photos."
    )


def _check(file: ReceivedFile, position: int, limits: ImageLimits) -> OutgoingFile | str:
    if not file.content:
        return f"Fichier {position} : il est vide. Choisissez-le de nouveau."
    kind = kind_of(file.content)
    if kind is None:
        return f"Fichier {position} : ce type de fichier n'est pas accepté. Types acceptés : {ACCEPTED_WORDS}."
    if kind not in IMAGES:
        return OutgoingFile(safe_name(file.name, kind, position), kind, file.content)
    cleaned = clean_image(file.content, limits)
    if cleaned is None:
        return f"Fichier {position} : cette image ne peut pas être lue. Reprenez la photo ou envoyez-la en JPEG."
    kind = Kind(cleaned.media_type)
    return OutgoingFile(safe_name(file.name, kind, position), kind, cleaned.content)
