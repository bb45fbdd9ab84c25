"""Who wrote a message: what mail programs and servers put into what they write by themselves."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtp_gateway.fin import Fin, ProfessionalMessage, State, Thread, follow_professional
from smtp_gateway.header import HeaderBlock
from smtp_gateway.receipts.automatic import Authorship, read_authorship

DOCTOR = "camille.martin@demo.mssante.fr"


def authorship(*lines: str) -> Authorship:
    return read_authorship(HeaderBlock.parse("".join(f"{line}\r\n" for line in lines).encode()))


@pytest.mark.requirement("VGM:AUTO-01")
@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("Subject: Bonjour", Authorship.PERSON),
        ("Auto-Submitted: no", Authorship.PERSON),
        ("Auto-Submitted: No (a person)", Authorship.PERSON),
        ("X-Autoreply: no", Authorship.PERSON),
        ("Subject: Re: votre absence du bureau", Authorship.PERSON),
        ("X-Auto-Response-Suppress: All", Authorship.PERSON),
        ("Auto-Submitted: auto-generated", Authorship.GENERATED),
        ("Auto-Submitted: auto-notified; owner-email=x", Authorship.GENERATED),
        ("Auto-Submitted: AUTO-REPLIED", Authorship.REPLY),
        ("Auto-Submitted: auto-replied (vacation)", Authorship.REPLY),
        ("X-Autoreply: yes", Authorship.REPLY),
        ("X-Autorespond: Absence", Authorship.REPLY),
        ("X-Vacation: 1", Authorship.REPLY),
        ("Precedence: auto_reply", Authorship.REPLY),
        ("Content-Type: multipart/report; report-type=delivery-status", Authorship.REPLY),
        ("Subject: Réponse automatique : Re: [FIN] suivi", Authorship.REPLY),
        ("Subject: =?utf-8?Q?R=C3=A9ponse_automatique=C2=A0:_suivi?=", Authorship.REPLY),
        ("Subject: =?iso-8859-1?Q?R=E9ponse_automatique_:_suivi?=", Authorship.REPLY),
        ("Subject: Absence du bureau : suivi", Authorship.REPLY),
        ("Subject: Automatic reply: suivi", Authorship.REPLY),
        ("Subject: Out of Office: suivi", Authorship.REPLY),
        ("Precedence: bulk", Authorship.BULK),
        ("Precedence: list", Authorship.BULK),
        ("Precedence: junk", Authorship.BULK),
        ("List-Id: <equipe.demo.mssante.fr>", Authorship.BULK),
        ("List-Unsubscribe: <mailto:x@y>", Authorship.BULK),
    ],
)
def test_programs_are_told_from_people(line: str, expected: Authorship) -> None:
    assert authorship("From: a@b.fr", line) is expected


def test_answer_of_a_program_is_one_even_to_a_list() -> None:
    assert authorship("Precedence: bulk", "Auto-Submitted: auto-replied") is Authorship.REPLY


@given(st.binary(max_size=300))
def test_any_header_has_one_authorship(block: bytes) -> None:
    assert read_authorship(HeaderBlock.parse(block)) in set(Authorship)


@pytest.mark.requirement("VGM:AUTO-01")
@pytest.mark.parametrize("state", list(State))
@pytest.mark.parametrize("answerable", [True, False])
@pytest.mark.parametrize("fin", list(Fin))
def test_answer_of_a_program_leaves_a_conversation_as_it_was(state: State, answerable: bool, fin: Fin) -> None:
    thread = Thread(id="1", professional=DOCTOR, correspondent="equipe@demo.fr", state=state, answerable=answerable)
    message = ProfessionalMessage(
        sender=DOCTOR, writer_addresses=frozenset({DOCTOR}), reply_to="autre@demo.fr", fin=fin, by_program=True
    )

    change = follow_professional(message, [thread], [thread])
    alone = follow_professional(message, [])

    assert (change.thread_id, change.state, change.answerable) == ("1", state, answerable)
    assert (change.correspondent, change.also_closed, change.closes) == ("equipe@demo.fr", (), False)
    assert (alone.thread_id, alone.answerable, alone.correspondent) == (None, False, DOCTOR)
