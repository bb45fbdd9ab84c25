"""How a certificate stands, from what its list and its responder say: the judgement alone, as a pure function.

Source: domain note §4.1 step 2, MSS2:ECO.1.1.6, MSS2:ECO.1.1.7; what cannot be known is for the settings to say.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal


class Standing(StrEnum):
    """How a certificate stands."""

    GOOD = "good"
    REVOKED = "revoked"
    EXPIRED = "expired"
    UNKNOWN = "unknown"


class Source(StrEnum):
    """What a list or a responder gives to know."""

    ABSENT = "absent"
    """There is none, or it did not answer."""
    GOOD = "good"
    REVOKED = "revoked"
    OUTDATED = "outdated"
    """A list that has expired, and that does not name the certificate."""


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a certificate, before the settings judge.

    Attributes:
        by_list: what the list of its authority says.
        by_responder: what its responder says.
        names_list: whether it says where the list is published.
        names_responder: whether it names a responder.
    """

    by_list: Source
    by_responder: Source
    names_list: bool = False
    names_responder: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a certificate stands, why (French, for `trust show`), and until when that may be repeated."""

    standing: Standing
    why: str
    until: datetime


Expired = Literal["defer", "use"]
Responder = Literal["off", "soft", "hard"]


def judge(known: Known, *, expired_list: Expired, responder: Responder) -> tuple[Standing, str]:
    """Say how a certificate stands. Pure; revoked anywhere is revoked."""
    if known.by_list is Source.REVOKED:
        return Standing.REVOKED, "révoqué selon la liste de son autorité"
    if known.by_responder is Source.REVOKED:
        return Standing.REVOKED, "révoqué selon le répondeur OCSP"
    if responder == "hard" and known.names_responder and known.by_responder is not Source.GOOD:
        return Standing.UNKNOWN, "le répondeur OCSP qu'il nomme ne répond pas ([trust] ocsp)"
    if known.by_responder is Source.GOOD:
        return Standing.GOOD, "non révoqué selon le répondeur OCSP"
    if known.by_list is Source.GOOD:
        return Standing.GOOD, "absent de la liste de révocation en vigueur"
    if known.by_list is Source.OUTDATED:
        usable = expired_list == "use"
        why = "la liste de révocation a expiré ([trust] expired_crl)"
        return (Standing.GOOD if usable else Standing.UNKNOWN), why
    if known.names_list or (known.names_responder and responder != "off"):
        return Standing.UNKNOWN, "sa liste de révocation et son répondeur sont injoignables"
    return Standing.GOOD, "rien ne dit où vérifier sa révocation"
