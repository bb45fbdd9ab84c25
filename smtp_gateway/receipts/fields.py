"""The machine's part of a report: groups of header-like fields, read within bounds whatever a peer put there. Pure.

Both media types share this shape (RFC 3464 §2.1, RFC 8098 §3.1): lines `Name: value`, folded like a header, groups
separated by empty lines. What does not look like a field is skipped, never repeated.
"""

import re
from collections.abc import Mapping

LONGEST_BYTES = 65_536
MOST_GROUPS = 200
MOST_FIELDS = 50
LONGEST_VALUE = 1_000
FIELD = re.compile(r"([A-Za-z][A-Za-z0-9-]{0,63})[ \t]*:(.*)", re.DOTALL)
FOLD = re.compile(r"\n[ \t]+")
GROUPS = re.compile(r"\n[ \t]*(?:\n[ \t]*)+(?=\S|\Z)")
XTEXT_CODE = re.compile(r"\+([0-9A-F]{2})")
UNITEXT_CODE = re.compile(r"\\x\{([0-9A-F]{1,6})\}")
ADDRESS = re.compile(r"[^\s<>\x00-\x1f\x7f]{1,64}@[^\s<>@\x00-\x1f\x7f]{1,255}")

Fields = Mapping[str, str]


def read_groups(content: bytes) -> list[Fields]:
    """Return the groups of fields in their order, names in lower case; of a repeated field the first counts."""
    text = content[:LONGEST_BYTES].decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n")
    unfolded = FOLD.sub(" ", text.strip("\n"))
    groups = (_fields(group) for group in GROUPS.split(unfolded)[:MOST_GROUPS])
    return [group for group in groups if group]


def _fields(group: str) -> Fields:
    fields: dict[str, str] = {}
    for line in group.split("\n"):
        match = FIELD.fullmatch(line)
        if match is not None and len(fields) < MOST_FIELDS:
            fields.setdefault(match[1].lower(), match[2].strip()[:LONGEST_VALUE])
    return fields


def read_address(value: str | None) -> str | None:
    """Return the address of `rfc822; a@b` or `utf-8; a@b`, in lower case; None for another type or none at all."""
    kind, semicolon, rest = (value or "").partition(";")
    text = rest.strip() if semicolon else ""
    match kind.strip().lower():
        case "rfc822":
            text = decode_xtext(text)
        case "utf-8":
            text = UNITEXT_CODE.sub(_character, decode_xtext(text))
        case _:
            return None
    text = text.strip().removeprefix("<").removesuffix(">")
    return text.lower() if ADDRESS.fullmatch(text) else None


def decode_xtext(text: str) -> str:
    """Undo xtext (RFC 3461 §4): `+2B` stands for a plus sign."""
    return XTEXT_CODE.sub(lambda match: chr(int(match[1], 16)), text)


def encode_xtext(text: str) -> str:
    """Write ASCII text as xtext; what lies outside ASCII is written as `x{…}` after a backslash (RFC 6533 §3)."""
    plain = "".join(each if each.isascii() else f"\\x{{{ord(each):X}}}" for each in text)
    return "".join(each if "!" <= each <= "~" and each not in "+=" else f"+{ord(each):02X}" for each in plain)


def _character(match: re.Match[str]) -> str:
    code = int(match[1], 16)
    return chr(code) if code <= 0x10FFFF and not 0xD800 <= code <= 0xDFFF else "\N{REPLACEMENT CHARACTER}"
