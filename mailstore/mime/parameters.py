r"""Content-Type and Content-Disposition: a value and its parameters (RFC 2045 §5.1, RFC 2183, RFC 2231).

The raw parameters go into BODYSTRUCTURE as they came; the decoded ones are what people read.
"""

import re
from functools import lru_cache
from urllib.parse import unquote_to_bytes

from mailstore.mime.words import decode_words, text_of

Parameters = tuple[tuple[bytes, bytes], ...]
MAX_PARAMETERS = 64
MAX_FIELD_BYTES = 8_192
_parameter = re.compile(rb';\s*([^\s=;"]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"?|([^;]*))', re.DOTALL)
_escape = re.compile(rb"\\(.)", re.DOTALL)
_comment = re.compile(rb"\((?:[^()\\]|\\.)*\)", re.DOTALL)
_token = re.compile(rb"[!#-'*+\-.0-9A-Z^-~]+")
_continued = re.compile(r"(.+?)(?:\*(\d{1,3}))?(\*)?")


def parse_value(field: bytes) -> tuple[bytes, Parameters]:
    """Split a field into its value in lower case and its parameters: names in lower case, values unquoted."""
    return _parse_value(field[:MAX_FIELD_BYTES])


@lru_cache(maxsize=256)
def _parse_value(field: bytes) -> tuple[bytes, Parameters]:
    head, semicolon, _ = field.partition(b";")
    if b"(" in head:
        head = _comment.sub(b"", head)
    if not semicolon:
        return head.strip().lower(), ()
    found = []
    for match in _parameter.finditer(field):
        name, quoted, plain = match.groups()
        value = _escape.sub(rb"\1", quoted) if quoted is not None else _without_comment(plain)
        found.append((name.lower(), value))
        if len(found) == MAX_PARAMETERS:
            break
    return head.strip().lower(), tuple(found)


def media_type(value: bytes) -> tuple[bytes, bytes] | None:
    """Split `text/plain` in its two tokens; None when it is not of that form."""
    kind, _, subtype = value.partition(b"/")
    kind, subtype = kind.strip(), subtype.strip()
    return (kind, subtype) if is_token(kind) and is_token(subtype) else None


def is_token(value: bytes) -> bool:
    """Tell whether VALUE is a token of RFC 2045 §5.1."""
    return _token.fullmatch(value) is not None


def decoded(parameters: Parameters) -> dict[str, str]:
    """Return the parameters as text: continuations joined and percent-encoding undone (RFC 2231).

    The first of a name counts; an extended one (`name*`) wins over the plain one.
    """
    plain: dict[str, str] = {}
    pieces: dict[str, dict[int, tuple[bytes, bool]]] = {}
    for raw_name, value in parameters:
        name = text_of(raw_name)
        if "*" not in name:
            plain.setdefault(name, decode_words(value))
            continue
        match = _continued.fullmatch(name)
        if match:
            number = int(match[2] or 0)
            pieces.setdefault(match[1], {}).setdefault(number, (value, match[3] is not None))
    return plain | {name: _join(each) for name, each in pieces.items() if 0 in each}


def _join(pieces: dict[int, tuple[bytes, bool]]) -> str:
    """Join the pieces 0, 1, 2… up to the first that is missing; the first names the character set."""
    charset, collected = b"", b""
    for number in range(len(pieces)):
        if number not in pieces:
            break
        value, encoded = pieces[number]
        if encoded and number == 0 and value.count(b"'") >= 2:
            charset, _, value = value.split(b"'", 2)
        collected += unquote_to_bytes(value) if encoded else value
    return text_of(collected, text_of(charset) or "utf-8")


def _without_comment(value: bytes) -> bytes:
    return (_comment.sub(b"", value) if b"(" in value else value).strip()
