"""What OAUTHBEARER and XOAUTH2 share: `key=value` pairs between 0x01, and the refusal that the client reads first.

Source: RFC 7628 §3.1, §3.2.2, §3.2.3.
"""

import json
import re
from collections.abc import Generator
from typing import Any

from access_core.accounts import Account
from access_core.authentication.failures import TokenRefused
from access_core.authentication.sasl.steps import CheckToken, Dialogue, Step, ask, challenge
from vaguemestre.kernel.errors import ProtocolError

SEPARATOR = "\x01"
_BEARER = re.compile(r"bearer +([A-Za-z0-9\-._~+/]+=*)", re.IGNORECASE)  # RFC 6750 §2.1
_PAIR = re.compile(r"([A-Za-z]+)=([\x20-\x7e\t\r\n]*)")


def read_pairs(pairs: list[str]) -> dict[str, str]:
    """Read the pairs of a response.

    Raises:
        ProtocolError: one is malformed or repeated.
    """
    found: dict[str, str] = {}
    for each in pairs:
        pair = _PAIR.fullmatch(each)
        if pair is None or pair[1].lower() in found:
            raise ProtocolError("SASL bearer: malformed pair")
        found[pair[1].lower()] = pair[2]
    return found


def read_bearer(value: str) -> str:
    """Read `Bearer TOKEN`.

    Raises:
        ProtocolError: it is something else.
    """
    match = _BEARER.fullmatch(value)
    if match is None:
        raise ProtocolError("SASL bearer: no bearer token")
    return match[1]


def check(login: str, token: str) -> Dialogue:
    """Ask whether TOKEN opens the mailbox; a refusal goes to the client as JSON, and fails once it answered."""
    try:
        return (yield from ask(CheckToken(login, token)))
    except TokenRefused as refused:
        yield from _explain(refused)
        raise


def _explain(refused: TokenRefused) -> Generator[Step, Any, Account | None]:
    facts = {"status": refused.status, "scope": refused.scope, "openid-configuration": refused.configuration}
    yield from challenge(json.dumps({name: value for name, value in facts.items() if value}).encode())
    return None
