"""What a JWT says of itself, before anything is verified: only good for choosing who verifies it."""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from access_core.authentication.failures import TokenRefused

LONGEST = 16_384


@dataclass(frozen=True, slots=True, repr=False)
class TokenParts:
    """Header and claims, not verified."""

    header: Mapping[str, Any]
    claims: Mapping[str, Any]

    @classmethod
    def read(cls, token: str) -> Self:
        """Read `header.claims.signature`.

        Raises:
            TokenRefused: it is not three parts, the first two of them JSON objects in base64url.
        """
        parts = token.split(".")
        if len(token) > LONGEST or len(parts) != 3:
            raise TokenRefused("invalid_token")
        return cls(_read_object(parts[0]), _read_object(parts[1]))


def _read_object(part: str) -> dict[str, Any]:
    try:
        value = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (binascii.Error, ValueError, RecursionError):
        raise TokenRefused("invalid_token") from None
    if not isinstance(value, dict):
        raise TokenRefused("invalid_token")
    return value
