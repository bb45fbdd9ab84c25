"""UTF-8 text files that somebody else wrote: read whole, or refused with the place of the first wrong byte."""

from pathlib import Path

from vaguemestre.kernel.errors import ConfigurationError


def read_utf8(path: Path) -> str:
    """Return the text of a file, its byte order mark left out, its line ends as they are.

    Raises:
        ConfigurationError: it cannot be opened, or is not UTF-8; names line and character.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{path.name}: cannot be read: {type(error).__name__}") from None
    return decode_utf8(path.name, data)


def decode_utf8(name: str, data: bytes) -> str:
    """Return the text of the bytes of a file that errors call NAME. Raises ConfigurationError as `read_utf8` does."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start]
        line = before.count(b"\n") + 1
        character = len(before.rpartition(b"\n")[2].decode("utf-8", "replace")) + 1
        raise ConfigurationError(f"{name}: line {line}, character {character}: not UTF-8 text") from None


def check_utf8(path: Path) -> None:
    """Check a file line by line, in constant memory. Raises ConfigurationError as `read_utf8` does."""
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                try:
                    line.decode("utf-8")
                except UnicodeDecodeError as error:
                    character = len(line[: error.start].decode("utf-8", "replace")) + 1
                    place = f"{path.name}: line {number}, character {character}"
                    raise ConfigurationError(f"{place}: not UTF-8 text") from None
    except OSError as error:
        raise ConfigurationError(f"{path.name}: cannot be read: {type(error).__name__}") from None
