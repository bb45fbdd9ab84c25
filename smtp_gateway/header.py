"""The header part of a message, as bytes: split, read, filter, never re-serialised.

What a sender wrote is kept byte for byte; the gateway only drops whole fields (Bcc) or puts fields of its own
in front. A DKIM signature over the rest therefore still verifies, and one pass over the header is enough.
"""

import base64
import binascii
import re
from collections.abc import Callable, Iterable, Sequence
from email.utils import getaddresses
from typing import NamedTuple

FIELD_ENDS = re.compile(rb"\r\n(?![ \t])")  # a line that begins with a blank continues the field (RFC 5322 §2.2.3)
ENCODED_WORD = re.compile(r"=\?(?P<charset>[^?\s]+)\?(?P<encoding>[bBqQ])\?(?P<payload>[^?\s]*)\?=")
BETWEEN_WORDS = re.compile(r"(?<=\?=)\s+(?==\?[^?\s]+\?[bBqQ]\?)")
MAX_COMMENTS = 100
MESSAGE_ID = re.compile(r"<[^<>\s]+>")
ONE_ADDRESS = re.compile(
    r"""(?:(?:"[^"\\]*"|[^<>@,;:"()\\]*)\s*<(?P<angle>[^<>@\s,;:"()]+@[^<>@\s,;:"()]+)>|(?P<bare>[^<>@\s,;:"()]+@[^<>@\s,;:"()]+))""",
    re.ASCII,
)


class Field(NamedTuple):
    """One header field (a tuple, since a message has dozens)."""

    name: bytes
    """Lower-case name; empty for a line that is no header field."""
    raw: bytes
    """The whole field as sent, folding and final CRLF included."""

    @property
    def value(self) -> bytes:
        """What follows the colon, unfolded, without outer blanks."""
        return self.raw[self.raw.find(b":") + 1 :].replace(b"\r\n", b"").strip()

    @property
    def text(self) -> str:
        """The value as text: UTF-8, or Latin-1 when it is not UTF-8; encoded words are left as they are."""
        value = self.value
        try:
            return value.decode()
        except UnicodeDecodeError:
            return value.decode("latin-1")


class HeaderBlock:
    """The fields of a header part in their order."""

    __slots__ = ("fields",)

    def __init__(self, fields: Sequence[Field]) -> None:
        self.fields = tuple(fields)

    @classmethod
    def parse(cls, block: bytes) -> "HeaderBlock":
        """Split a header part (CRLF line ends, without the empty line that ends it)."""
        lines = FIELD_ENDS.split(block)
        if not lines[-1]:
            lines.pop()
        return cls([Field(_name(line), line + b"\r\n") for line in lines])

    def all(self, name: bytes) -> list[Field]:
        """Return the fields of that (lower-case) name, first first."""
        return [field for field in self.fields if field.name == name]

    def text(self, name: bytes) -> str | None:
        """Return the text of the first field of that name, None when there is none."""
        for field in self.fields:
            if field.name == name:
                return field.text
        return None

    def without(self, unwanted: Callable[[Field], bool]) -> "HeaderBlock":
        """Return the block without the fields that are unwanted."""
        return HeaderBlock([field for field in self.fields if not unwanted(field)])

    def with_fields(self, lines: Iterable[bytes]) -> "HeaderBlock":
        """Return the block with more fields at its end, each with its CRLF."""
        return HeaderBlock([*self.fields, *(Field(_name(line), line) for line in lines)])

    def to_bytes(self, first: Iterable[bytes] = ()) -> bytes:
        """Join the fields, after the ready-made ones of FIRST (each with its CRLF)."""
        return b"".join((*first, *(field.raw for field in self.fields)))


def _name(line: bytes) -> bytes:
    name, colon, _ = line.partition(b":")
    name = name.rstrip(b" \t").lower()
    return name if colon and b" " not in name and b"\t" not in name else b""


def decode_words(text: str) -> str:
    """Decode the encoded words of an unstructured value (RFC 2047); a word that does not decode stays as it is."""
    if "=?" not in text:
        return text
    # The blank between two encoded words is no blank (§6.2).
    return ENCODED_WORD.sub(_decode_word, BETWEEN_WORDS.sub("", text))


def _decode_word(match: re.Match[str]) -> str:
    charset, encoding, payload = match["charset"].partition("*")[0], match["encoding"].lower(), match["payload"]
    try:
        data = payload.encode("ascii")
        if encoding == "b":
            octets = base64.b64decode(data + b"=" * (-len(data) % 4), validate=True)
        else:
            octets = binascii.a2b_qp(data, header=True)
        return octets.decode(charset)
    except (ValueError, LookupError):
        return match[0]


def addresses(text: str) -> list[str]:
    """Return the addresses of a From, Reply-To or To value, in lower case, without names and groups.

    Something that cannot be read as an address counts as one that is empty, so that "exactly one" stays honest.
    """
    match = ONE_ADDRESS.fullmatch(text.strip())
    if match:
        return [(match["angle"] or match["bare"]).lower()]
    if text.count("(") > MAX_COMMENTS:
        return [""]  # the library reads a comment inside a comment by recursion
    return [address.lower() for _, address in getaddresses([text])]


def message_ids(text: str | None) -> list[str]:
    """Return the `<…>` of a Message-ID, In-Reply-To or References value in their order."""
    return MESSAGE_ID.findall(text) if text else []
