"""Whether a receipt may be written, and to whom: the loop rules of RFC 8098 §2.1 and of the ANS guide. Pure.

A patient cannot refuse the receipt of a message that she opened in her space (ENS §6), but no receipt ever leaves
that could begin a loop or reach anybody but the sender: each rule that keeps it silent has a code of its own.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from smtp_gateway.header import HeaderBlock, addresses, message_ids
from smtp_gateway.receipts.automatic import Authorship, read_authorship
from smtp_gateway.receipts.fields import ADDRESS


class Silence(StrEnum):
    """Why no receipt is written; codes are stable once released."""

    NOT_ASKED = "S_ACCUSE_NON_DEMANDE"
    NO_RETURN = "S_ACCUSE_SANS_RETOUR"
    AUTOMATIC = "S_ACCUSE_AUTOMATIQUE"
    SEVERAL = "S_ACCUSE_PLUSIEURS"
    OTHER_ADDRESS = "S_ACCUSE_AUTRE_ADRESSE"
    OPTION = "S_ACCUSE_OPTION"
    OUTSIDE = "S_ACCUSE_HORS_ESPACE"


SENTENCES = {
    Silence.NOT_ASKED: "L'expéditeur n'a pas demandé d'accusé.",
    Silence.NO_RETURN: "Ce message ne dit pas où lui répondre.",
    Silence.AUTOMATIC: "Ce message a été écrit par un automate ou pour une liste.",
    Silence.SEVERAL: "L'accusé est demandé pour plusieurs adresses.",
    Silence.OTHER_ADDRESS: "L'accusé est demandé pour une autre adresse que celle de l'expéditeur.",
    Silence.OPTION: "L'accusé est demandé avec une option inconnue.",
    Silence.OUTSIDE: "L'accusé est demandé pour une adresse hors de l'espace de confiance.",
}


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class ReceiptWanted:
    """A receipt that may be written; ABOUT is the Message-ID of the message, if it has one."""

    to: str
    about: str | None


def judge_receipt(
    header: HeaderBlock, may_write: Callable[[str], bool], *, of_programs: bool = False
) -> ReceiptWanted | Silence:
    """Say whether a message may be answered with a receipt.

    Args:
        header: as stored, our Return-Path first.
        may_write: tells whether an address lies in the trust space.
        of_programs: what programs send by themselves is acknowledged too (integration receipts, which programs want).
    """
    asked = header.all(b"disposition-notification-to")
    if not asked:
        return Silence.NOT_ASKED
    authorship = read_authorship(header)
    if authorship is not Authorship.PERSON and not (of_programs and authorship is Authorship.GENERATED):
        return Silence.AUTOMATIC
    back = (header.text(b"return-path") or "").strip().removeprefix("<").removesuffix(">").lower()
    if not back:
        return Silence.NO_RETURN
    wanted = [each for field in asked for each in addresses(field.text)]
    if len(wanted) != 1 or not ADDRESS.fullmatch(wanted[0]):
        return Silence.SEVERAL
    return _judge_address(header, wanted[0], back, may_write)


def _judge_address(
    header: HeaderBlock, wanted: str, back: str, may_write: Callable[[str], bool]
) -> ReceiptWanted | Silence:
    if wanted != back:
        return Silence.OTHER_ADDRESS
    options = [option for field in header.all(b"disposition-notification-options") for option in field.text.split(";")]
    if any(option.partition("=")[2].strip().lower().startswith("required") for option in options):
        return Silence.OPTION
    if not may_write(wanted):
        return Silence.OUTSIDE
    own = message_ids(header.text(b"message-id"))
    return ReceiptWanted(to=wanted, about=own[0] if own else None)
