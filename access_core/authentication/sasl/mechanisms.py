"""Which mechanisms there are, which a connection is offered, and how each begins.

The order is the one in which they are announced, the strongest proof first.
"""

import base64
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from access_core.authentication.sasl.external import external
from access_core.authentication.sasl.login import login
from access_core.authentication.sasl.oauthbearer import oauthbearer
from access_core.authentication.sasl.plain import plain
from access_core.authentication.sasl.scram import ScramSide, scram
from access_core.authentication.sasl.steps import Dialogue
from access_core.authentication.sasl.xoauth2 import xoauth2

NONCE_BYTES = 18
EXTERNAL, SCRAM, SCRAM_PLUS = "EXTERNAL", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"
OAUTHBEARER, XOAUTH2, PLAIN, LOGIN = "OAUTHBEARER", "XOAUTH2", "PLAIN", "LOGIN"


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What one connection can prove with.

    Attributes:
        certificate: whether the client showed a certificate that TLS verified.
        tokens: whether an issuer of access tokens is known.
        end_point: hash of our certificate in this connection, None when it cannot be bound to.
    """

    certificate: bool
    tokens: bool
    end_point: bytes | None

    @property
    def words(self) -> tuple[str, ...]:
        """The mechanisms, as CAPABILITY and EHLO name them."""
        wanted = {
            EXTERNAL: self.certificate,
            SCRAM_PLUS: self.end_point is not None,
            SCRAM: True,
            OAUTHBEARER: self.tokens,
            XOAUTH2: self.tokens,
            PLAIN: True,
            LOGIN: True,
        }
        return tuple(word for word, offered in wanted.items() if offered)


def begin(word: str, offer: Offer) -> Dialogue | None:
    """Begin the exchange of a mechanism, named in any case; None when the connection is not offered it."""
    word = word.upper()
    if word not in offer.words:
        return None
    return _scram(offer, plus=word == SCRAM_PLUS) if word in (SCRAM, SCRAM_PLUS) else _SIMPLE[word]()


def _scram(offer: Offer, *, plus: bool) -> Dialogue:
    nonce = base64.b64encode(os.urandom(NONCE_BYTES)).decode()
    bindable = offer.end_point is not None
    return scram(ScramSide(nonce=nonce, end_point=offer.end_point, plus=plus, plus_offered=bindable))


_SIMPLE: Mapping[str, Callable[[], Dialogue]] = {
    EXTERNAL: external,
    OAUTHBEARER: oauthbearer,
    XOAUTH2: xoauth2,
    PLAIN: plain,
    LOGIN: login,
}
