"""Flags in the catalogue and back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailstore.flags import MAX_KEYWORDS, add_flags, decode_flags, encode_flags, remove_flags
from vaguemestre.kernel.errors import ProtocolError

FLAGS = st.frozensets(
    st.sampled_from(["\\Seen", "\\Answered", "\\Flagged", "\\Deleted", "\\Draft", "$Junk", "a", "b-1"])
)


@given(FLAGS)
def test_what_is_encoded_is_decoded(flags: frozenset[str]) -> None:
    assert decode_flags(*encode_flags(flags)) == flags


@given(FLAGS, FLAGS)
def test_adding_is_union_and_removing_is_difference(before: frozenset[str], other: frozenset[str]) -> None:
    stored, change = encode_flags(before), encode_flags(other)

    assert decode_flags(*add_flags(stored, change)) == before | other
    assert decode_flags(*remove_flags(stored, change)) == before - other


def test_letter_case_does_not_count_and_the_first_form_stays() -> None:
    stored = add_flags(encode_flags(frozenset({"\\SEEN", "Rappel"})), encode_flags(frozenset({"RAPPEL"})))

    assert decode_flags(*stored) == {"\\Seen", "Rappel"}


def test_recent_is_not_kept() -> None:
    assert encode_flags(frozenset({"\\Recent", "\\Seen"})) == (1, "")


@pytest.mark.parametrize("flag", ["\\Autre", "a b", "a(", "a]", 'a"', "\\", "", "x" * 61, "é", "a\x7f"])
def test_what_is_no_flag_is_refused(flag: str) -> None:
    with pytest.raises(ProtocolError):
        encode_flags(frozenset({flag}))


def test_keywords_have_a_limit_on_each_message() -> None:
    full = encode_flags(frozenset(f"k{number}" for number in range(MAX_KEYWORDS)))

    with pytest.raises(ProtocolError):
        add_flags(full, encode_flags(frozenset({"un-de-trop"})))
    with pytest.raises(ProtocolError):
        encode_flags(frozenset(f"k{number}" for number in range(MAX_KEYWORDS + 1)))
