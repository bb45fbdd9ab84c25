r"""Line ends and "From " quoting of messages on disk, on pieces of any size; no input or output.

The store keeps what was sent, nearly always with CRLF; files have LF. A message whose every line ends with CRLF is
written with LF and comes back as it was; any other is written as it is, and marked (`mbox.py`, `maildir.py`).
Quoting is that of mboxrd, which is undone without loss: `From `, `>From `, `>>From `… at the start of a line get one
more `>`.
"""

import re
from collections.abc import Iterable, Iterator

_TO_QUOTE = re.compile(rb"\n(?=>*From )")
_QUOTED = re.compile(rb"\n>(?=>*From )")
_UNDECIDED = re.compile(rb"\n>*(?:F(?:r(?:om?)?)?)?")


def quoted(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Quote the lines that a reader of the file would take for the start of a message."""
    return _changed(pieces, _TO_QUOTE, b"\n>")


def unquoted(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Undo `quoted`."""
    return _changed(pieces, _QUOTED, b"\n")


def to_lf(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Turn CRLF into LF."""
    for data in _never_between_cr_and_lf(pieces):
        yield data.replace(b"\r\n", b"\n")


def to_crlf(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Turn each LF that follows no CR into CRLF."""
    for data in _never_between_cr_and_lf(pieces):
        yield data.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def without_last_lf(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Leave out the LF at the end."""
    held = b""
    for piece in pieces:
        if piece:
            yield held + piece[:-1]
            held = piece[-1:]
    if held != b"\n":
        yield held


def measure(pieces: Iterable[bytes]) -> tuple[bool, bool]:
    """Tell whether CR and LF only come together, as CRLF, and whether the last line has its end."""
    only_crlf, last = True, b""
    for data in _never_between_cr_and_lf(pieces):
        pairs = data.count(b"\r\n")
        only_crlf = only_crlf and data.count(b"\n") == pairs == data.count(b"\r")
        last = data[-1:] or last
    return only_crlf, last == b"\n"


def _changed(pieces: Iterable[bytes], pattern: re.Pattern[bytes], replacement: bytes) -> Iterator[bytes]:
    """Replace at the starts of lines; the end of a piece waits for the next one as long as it may be such a start."""
    held, surplus = b"\n", 1  # the message begins a line
    for piece in pieces:
        data = held + piece
        last = data.rfind(b"\n")
        cut = last if last >= 0 and _UNDECIDED.fullmatch(data, last) else len(data)
        held = data[cut:]
        if cut:
            yield pattern.sub(replacement, data[:cut])[surplus:]
            surplus = 0
    yield pattern.sub(replacement, held)[surplus:]


def _never_between_cr_and_lf(pieces: Iterable[bytes]) -> Iterator[bytes]:
    held = b""
    for piece in pieces:
        data = held + piece
        held = b"\r" if data.endswith(b"\r") else b""
        yield data[:-1] if held else data
    if held:
        yield held
