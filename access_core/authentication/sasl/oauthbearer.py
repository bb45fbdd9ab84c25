"""OAUTHBEARER: a GS2 header, then pairs, one of them `auth=Bearer TOKEN`. Source: RFC 7628 §3.1."""

from access_core.authentication.sasl.bearer import SEPARATOR, check, read_bearer, read_pairs
from access_core.authentication.sasl.gs2 import read_header
from access_core.authentication.sasl.steps import Dialogue, challenge, text
from vaguemestre.kernel.errors import ProtocolError


def oauthbearer() -> Dialogue:
    """Take a token; the authorisation identity of the header says which mailbox it is to open."""
    response = text((yield from challenge(b"")))
    header, rest = read_header(response)
    if header.binding is not None:
        raise ProtocolError("OAUTHBEARER: no channel binding here")
    if not (rest.startswith(SEPARATOR) and rest.endswith(SEPARATOR * 2)):
        raise ProtocolError("OAUTHBEARER: not pairs between separators")
    pairs = read_pairs(rest[1:-2].split(SEPARATOR))
    return (yield from check(header.identity, read_bearer(pairs.get("auth", ""))))
