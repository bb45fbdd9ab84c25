"""The GS2 header: what the client knows of channel binding, and for whom it acts. Source: RFC 5801 §4, RFC 5802 §7."""

import re
from dataclasses import dataclass

from vaguemestre.kernel.errors import ProtocolError

_HEADER = re.compile(r"(?:(?P<flag>[ny])|p=(?P<binding>[A-Za-z0-9.-]+)),(?:a=(?P<identity>[^,\0]+))?,")
_ESCAPE = re.compile(r"=(2C|3D)?")


@dataclass(frozen=True, slots=True, repr=False)
class Gs2Header:
    """The header; `binding` is the type that the client binds to, None when it does not bind.

    `would_bind` is the `y` flag: the client can bind and believes that the server cannot.
    """

    binding: str | None
    would_bind: bool
    identity: str
    raw: str


def read_header(message: str) -> tuple[Gs2Header, str]:
    """Read the header of MESSAGE; returns it and what follows its second comma.

    Raises:
        ProtocolError: there is none.
    """
    match = _HEADER.match(message)
    if match is None:
        raise ProtocolError("SASL: no GS2 header")
    identity = read_saslname(match["identity"] or "")
    return Gs2Header(match["binding"], match["flag"] == "y", identity, match[0]), message[match.end() :]


def read_saslname(name: str) -> str:
    """Read a saslname: comma and equals sign are written =2C and =3D (RFC 5802 §5.1).

    Raises:
        ProtocolError: an equals sign that begins neither.
    """
    if any(match[1] is None for match in _ESCAPE.finditer(name)):
        raise ProtocolError("SASL: malformed name")
    return name.replace("=2C", ",").replace("=3D", "=")
