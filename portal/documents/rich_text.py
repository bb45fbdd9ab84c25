"""The words of an RTF file, its paragraphs kept, everything else dropped.

Pictures, objects, fields' instructions, tables of fonts and colours are skipped by group; nothing is interpreted that
could act. Any bytes give some text. Source: Rich Text Format Specification 1.9.1, « Contents of an RTF file ».
"""

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

MAX_CHARACTERS = 500_000
MAX_GROUPS = 500
_TOKEN = re.compile(
    rb"\\([a-z]{1,32})(-?\d{1,10})? ?|\\'([0-9a-fA-F]{2})|\\(.)|([{}])|[\r\n]+|([^\\{}\r\n]+)", re.DOTALL
)
_SKIPPED = frozenset(
    b"fonttbl colortbl stylesheet info pict object fldinst themedata colorschememapping listtable listoverridetable "
    b"rsidtbl generator xmlnstbl header headerl headerr headerf footer footerl footerr footerf bin datastore".split()
)
_CHARACTERS = {
    b"par": "\n",
    b"line": "\n",
    b"sect": "\n",
    b"page": "\n",
    b"row": "\n",
    b"cell": "\t",
    b"tab": "\t",
    b"emdash": "—",
    b"endash": "–",
    b"lquote": "‘",
    b"rquote": "’",
    b"ldblquote": "“",
    b"rdblquote": "”",
    b"bullet": "•",
    b"emspace": " ",
    b"enspace": " ",
}
_SYMBOLS = {b"~": "\u00a0", b"_": "-", b"\\": "\\", b"{": "{", b"}": "}", b"\n": "\n", b"\r": "\n"}


@dataclass(frozen=True, slots=True)
class _Group:
    """What holds inside a pair of braces: skipped or shown, characters that follow a Unicode one."""

    skipped: bool = False
    fallback: int = 1


@dataclass(slots=True)
class _Reader:
    """One pass over the tokens."""

    charset: str = "cp1252"
    group: _Group = field(default_factory=_Group)
    outer: list[_Group] = field(default_factory=list)
    to_skip: int = 0

    def read(self, data: bytes) -> Iterator[str]:
        for token in _TOKEN.finditer(data):
            word, number, code, symbol, brace, plain = token.groups()
            if brace:
                self._brace(brace)
            elif word:
                yield self._word(word, int(number) if number else None)
            elif code:
                yield self._shown(bytes.fromhex(code.decode()).decode(self.charset, "replace"))
            elif symbol == b"*":
                self.group = replace(self.group, skipped=True)
            elif symbol:
                yield self._shown(_SYMBOLS.get(symbol, ""))
            elif plain:
                yield self._shown(plain.decode(self.charset, "replace"))

    def _brace(self, brace: bytes) -> None:
        self.to_skip = 0
        if brace == b"{" and len(self.outer) < MAX_GROUPS:
            self.outer.append(self.group)
        elif brace == b"}" and self.outer:
            self.group = self.outer.pop()

    def _word(self, word: bytes, number: int | None) -> str:
        if word in _SKIPPED:
            self.group = replace(self.group, skipped=True)
        elif word == b"ansicpg" and number is not None:
            self.charset = _charset(number)
        elif word == b"uc" and number is not None:
            self.group = replace(self.group, fallback=min(max(number, 0), 10))
        elif word == b"u" and number is not None:
            return self._unicode(number)
        return self._shown(_CHARACTERS.get(word, ""))

    def _unicode(self, number: int) -> str:
        """A Unicode character, followed by what older readers show instead."""
        point = number % 0x10000
        shown = "" if 0xD800 <= point <= 0xDFFF or self.group.skipped else chr(point)
        self.to_skip = self.group.fallback
        return shown

    def _shown(self, text: str) -> str:
        if self.group.skipped:
            return ""
        dropped = min(self.to_skip, len(text))
        self.to_skip -= dropped
        return text[dropped:]


def _charset(number: int) -> str:
    try:
        return codecs.lookup(f"cp{number}").name
    except LookupError:
        return "cp1252"


def text_of_rtf(data: bytes) -> str:
    """Return the text of an RTF file, at most MAX_CHARACTERS of it."""
    found: list[str] = []
    length = 0
    for piece in _Reader().read(data):
        found.append(piece)
        length += len(piece)
        if length > MAX_CHARACTERS:
            break
    return "".join(found)[:MAX_CHARACTERS]
