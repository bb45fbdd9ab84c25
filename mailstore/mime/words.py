"""Encoded words (RFC 2047) and text of unknown character set, for people to read; never an error."""

import binascii
import quopri
import re

_encoded_word = re.compile(rb"=\?([^?\s*]{1,40})(?:\*[^?\s]*)?\?([bBqQ])\?([^?\s]*)\?=")
_between = re.compile(rb"(\?=)[ \t\r\n]+(?==\?[^?\s]{1,40}\?[bBqQ]\?[^?\s]*\?=)")


def text_of(data: bytes, charset: str = "utf-8") -> str:
    """Decode DATA; what the character set does not explain is read as UTF-8, then as Windows-1252."""
    for name in (charset, "utf-8"):
        try:
            return data.decode(name)
        except (LookupError, ValueError):
            continue
    return data.decode("cp1252", "replace")


def decode_words(value: bytes) -> str:
    """Return a field's value as text, its encoded words decoded, blanks between adjacent ones dropped."""
    if b"=?" not in value:
        return text_of(value)
    joined = _between.sub(rb"\1", value)
    pieces: list[str] = []
    position = 0
    for match in _encoded_word.finditer(joined):
        pieces.append(text_of(joined[position : match.start()]))
        pieces.append(_decode_word(match))
        position = match.end()
    pieces.append(text_of(joined[position:]))
    return "".join(pieces)


def _decode_word(match: re.Match[bytes]) -> str:
    charset, kind, payload = match.groups()
    try:
        if kind in b"bB":
            data = binascii.a2b_base64(payload + b"=" * (-len(payload) % 4))
        else:
            data = quopri.decodestring(payload, header=True)
    except ValueError:
        return text_of(match[0])
    return text_of(data, text_of(charset))
