"""Base subjects and conversations, by the examples and the rules of RFC 5256."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailstore.imap.commands.base_subject import base_subject
from mailstore.imap.commands.references import Letter, by_references, by_subject, message_ids, write


@pytest.mark.parametrize(
    ("subject", "base", "replied"),
    [
        ("Bilan", "bilan", False),
        ("Re: Bilan", "bilan", True),
        ("RE[2] :  fwd: \t Bilan", "bilan", True),
        ("[liste] Re: [autre] Bilan (fwd) (FWD) ", "bilan", True),
        ("[Fwd: Re: Bilan]", "bilan", True),
        ("[liste]", "[liste]", False),
        ("Re:", "", True),
        ("Reponse: non", "reponse: non", False),
        ("", "", False),
    ],
)
def test_the_base_subject(subject, base, replied):
    assert base_subject(subject) == (base, replied)


def letter(uid: int, name: str, references: str = "", subject: str = "") -> Letter:
    ids = tuple(each.encode() for each in references.split())
    return Letter(uid=uid, sent_us=uid, subject=subject or f"sujet {uid}", message_id=name.encode(), references=ids)


def written(letters: list[Letter]) -> bytes:
    return b"".join(write(root, int) for root in by_references(letters))


@pytest.mark.parametrize(
    ("letters", "threads"),
    [
        ([letter(1, "a"), letter(2, "b", "a"), letter(3, "c", "a b")], b"(1 2 3)"),
        ([letter(1, "b", "absent"), letter(2, "c", "absent")], b"((1)(2))"),
        ([letter(1, "b", "absent")], b"(1)"),
        ([letter(1, "c", "a b"), letter(2, "a")], b"(2 1)"),
        ([letter(1, "a", "b"), letter(2, "b", "a")], b"(2 1)"),
        ([letter(1, "a", "a")], b"(1)"),
        ([letter(1, "a"), letter(2, "a"), letter(3, "b", "a")], b"(1 3)(2)"),
        ([letter(1, "", "", "Bilan"), letter(2, "", "", "Re: Bilan"), letter(3, "", "", "Re: Bilan")], b"(1 (2)(3))"),
        ([letter(1, "", "", "Re: Bilan"), letter(2, "", "", "Bilan")], b"(2 1)"),
        ([letter(1, "", "", "Bilan"), letter(2, "", "", "bilan")], b"((1)(2))"),
        ([letter(1, "", "", "Re:"), letter(2, "", "", "Re:")], b"(1)(2)"),
        (
            [
                letter(1, "b", "x", "Bilan"),
                letter(2, "c", "x", "Bilan"),
                letter(3, "d", "y", "Bilan"),
                letter(4, "e", "y", "Bilan"),
            ],
            b"((1)(2)(3)(4))",
        ),
    ],
)
def test_threads_by_references(letters, threads):
    assert written(letters) == threads


LETTERS = st.lists(
    st.tuples(st.sampled_from("abcdef "), st.lists(st.sampled_from("abcdefgh"), max_size=4), st.sampled_from("xyz ")),
    max_size=12,
)


@given(LETTERS)
def test_each_message_comes_once_whatever_the_references(rows):
    letters = [
        Letter(uid=uid, sent_us=-uid, subject="Re: " * (uid % 2) + subject.strip(), message_id=name.strip().encode(),
               references=tuple(each.encode() for each in references))
        for uid, (name, references, subject) in enumerate(rows, 1)
    ]  # fmt: skip

    told = [written(letters), b"".join(write(root, int) for root in by_subject(letters))]

    for answer in told:
        digits = answer.replace(b"(", b" ").replace(b")", b" ").split()
        assert sorted(map(int, digits)) == [each.uid for each in letters]


def test_a_conversation_of_any_depth_is_written():
    chain = [letter(uid, f"m{uid}", f"m{uid - 1}" if uid > 1 else "") for uid in range(1, 3_001)]

    assert written(chain) == b"(" + b" ".join(b"%d" % uid for uid in range(1, 3_001)) + b")"


def test_message_ids_are_found_among_anything():
    assert message_ids(b"References: <a@x>\r\n <b@x> texte <pas un id> <c@x>") == [b"a@x", b"b@x", b"c@x"]
