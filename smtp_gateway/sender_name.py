"""The display name of a sender: written into a From that has none, in the form of the référentiel.

`<Titre>_<Prénom>_<NOM>` for a person, as the name of the mailbox gives it; the name as it is for an organisation or an
application. A name that a mail program wrote is left alone. Source: MSS2:ECO.2.2.7.
"""

from email.header import Header

from access_core.professionals import MailboxType, Professional
from smtp_gateway.header import Field, HeaderBlock

SPECIALS = frozenset('()<>[]:;@\\,."')


def display_name(professional: Professional) -> str:
    """Return the name under which a mailbox writes; the family name of a person is taken to come last [inferred]."""
    words = professional.name.split()
    if professional.type is not MailboxType.PER or not words:
        return " ".join(words)
    if not any(word.isupper() and len(word) > 1 for word in words):
        words[-1] = words[-1].upper()
    return "_".join(words)


def lacks_name(header: HeaderBlock, author: str) -> bool:
    """Tell whether the From field holds nothing but the address of the author (lower case)."""
    text = (header.text(b"from") or "").strip().lower()
    return text.strip("<>").strip() == author


def with_name(header: HeaderBlock, name: str) -> HeaderBlock:
    """Return the header with NAME before the address of its From field."""
    return HeaderBlock([_named(field, name) if field.name == b"from" else field for field in header.fields])


def _named(field: Field, name: str) -> Field:
    address = field.value.strip(b"<> \t")
    return Field(b"from", b"From: " + _phrase(name).encode("ascii") + b"\r\n <" + address + b">\r\n")


def _phrase(name: str) -> str:
    if not name.isascii() or not name.isprintable():
        return Header(name, "utf-8", header_name="From").encode(linesep="\r\n")
    if SPECIALS.isdisjoint(name):
        return name
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
