"""Every reason code has its sentence, its SMTP reply and its sources: no refusal is mute."""

import re

import pytest

from access_core.reasons import REGISTER, Reason


@pytest.mark.parametrize("reason", list(Reason))
def test_a_reason_has_a_sentence_a_reply_and_a_source(reason: Reason) -> None:
    entry = REGISTER[reason]

    assert entry.sentence.strip()
    assert entry.shown in REGISTER
    if reason is not Reason.OK:
        assert entry.sources
        assert re.fullmatch(r"[45]\d\d [45]\.\d{1,3}\.\d{1,3}", entry.smtp)


def test_a_code_that_borrows_a_sentence_shows_it_to_the_byte() -> None:
    borrowed = [(REGISTER[reason].sentence, REGISTER[REGISTER[reason].shown].sentence) for reason in Reason]

    assert all(own == shown for own, shown in borrowed)
