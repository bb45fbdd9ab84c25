"""XOAUTH2: `user=ADDRESS 0x01 auth=Bearer TOKEN 0x01 0x01`, as Pro Santé Connect clients send it.

Source: MSS2:ECO.1.2.1; the form that Google published and everybody copied.
"""

from access_core.authentication.sasl.bearer import SEPARATOR, check, read_bearer, read_pairs
from access_core.authentication.sasl.steps import Dialogue, challenge, text
from vaguemestre.kernel.errors import ProtocolError


def xoauth2() -> Dialogue:
    """Take a token for the mailbox that `user` names."""
    response = text((yield from challenge(b"")))
    if not response.endswith(SEPARATOR * 2):
        raise ProtocolError("XOAUTH2: not pairs between separators")
    pairs = read_pairs(response[:-2].split(SEPARATOR))
    if not pairs.get("user"):
        raise ProtocolError("XOAUTH2: no user")
    return (yield from check(pairs["user"], read_bearer(pairs.get("auth", ""))))
