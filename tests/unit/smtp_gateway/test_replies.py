"""The table of replies: complete, ASCII, without anybody's data."""

import re

import pytest

from access_core.reasons import REGISTER, Reason
from smtp_gateway.replies import REPLIES, Refusal, refuse, to_ascii

LINE = re.compile(rb"[245]\d\d [245]\.\d{1,3}\.\d{1,3} [\x20-\x7e]+\. \[[A-Z0-9_]+\]\r\n")


@pytest.mark.parametrize("reason", [*Refusal, *(each for each in Reason if each is not Reason.OK)])
def test_every_reason_has_a_reply_with_matching_codes(reason: Refusal | Reason) -> None:
    reply = refuse(reason)

    assert LINE.fullmatch(reply.line), reply.line
    assert reply.line[0] == reply.line[4]
    assert len(reply.line) <= 512
    assert not reply.accepted


def test_contract_is_kept_to_the_letter() -> None:
    assert refuse(Reason.C_ECHANGE_CLOS).line == (
        b"550 5.7.1 Le professionnel a mis fin a cet echange. [C_ECHANGE_CLOS]\r\n"
    )


@pytest.mark.parametrize(
    "reason",
    [Reason.D_PROFIL_OPPOSE, Reason.D_PROFIL_CLOS, Reason.D_PROFIL_SUSPENDU, Reason.D_TITULAIRE_DECEDE],
)
def test_nothing_tells_which_of_the_mailboxes_takes_no_mail(reason: Reason) -> None:
    assert refuse(reason).line == refuse(Reason.D_PROFIL_INEXISTANT).line
    assert refuse(reason).line.startswith(b"550 5.1.1 ")
    assert refuse(reason).line.endswith(b" [D_PROFIL_INEXISTANT]\r\n")


def test_codes_do_not_collide() -> None:
    assert len(REPLIES) == len(Refusal) + len(REGISTER) - 1


def test_french_is_written_in_ascii() -> None:
    assert to_ascii("L’échange où « cœur » — prêt") == 'L\'echange ou " coeur " pret'
