"""The header splitter, its decoding of words and its reading of addresses."""

import pytest

from smtp_gateway.header import HeaderBlock, addresses, decode_words, message_ids

BLOCK = (
    b"From: Dr Martin <a@x.fr>\r\nSubject: un\r\n  deux\r\n\ttrois\r\nX-Empty:\r\nto : b@x.fr\r\n"
    b"no header field\r\nReceived: one\r\nReceived: two\r\n"
)


def test_fields_keep_their_bytes_and_their_order() -> None:
    header = HeaderBlock.parse(BLOCK)

    assert header.to_bytes() == BLOCK
    assert [field.name for field in header.fields] == [
        b"from", b"subject", b"x-empty", b"to", b"", b"received", b"received",
    ]  # fmt: skip
    assert header.text(b"subject") == "un  deux\ttrois"
    assert header.text(b"to") == "b@x.fr"
    assert header.text(b"x-empty") == ""
    assert header.text(b"cc") is None
    assert [field.text for field in header.all(b"received")] == ["one", "two"]


def test_dropped_fields_leave_the_others_as_they_were() -> None:
    header = HeaderBlock.parse(BLOCK).without(lambda field: field.name in (b"received", b""))

    assert header.to_bytes([b"New: 1\r\n"]) == (
        b"New: 1\r\nFrom: Dr Martin <a@x.fr>\r\nSubject: un\r\n  deux\r\n\ttrois\r\nX-Empty:\r\nto : b@x.fr\r\n"
    )


def test_empty_header_has_no_field() -> None:
    assert HeaderBlock.parse(b"").fields == ()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a@x.fr", ["a@x.fr"]),
        ("<A@X.fr>", ["a@x.fr"]),
        ("Dr Martin <a@x.fr>", ["a@x.fr"]),
        ('"Martin, Anne" <a@x.fr>', ["a@x.fr"]),
        ("=?utf-8?Q?Dr=5FAnne?= <a@x.fr>", ["a@x.fr"]),
        ("a@x.fr, b@x.fr", ["a@x.fr", "b@x.fr"]),
        ("A <a@x.fr>, B <b@x.fr>", ["a@x.fr", "b@x.fr"]),
        ('"a@x.fr" <b@x.fr>', ["b@x.fr"]),
    ],
)
def test_addresses_are_read_without_names(text: str, found: list[str]) -> None:
    assert addresses(text) == found


@pytest.mark.parametrize("text", ["", "Dr Martin", "a@x.fr <b@x.fr>", "<a@x.fr> <b@x.fr>", "a@x.fr b@x.fr"])
def test_what_is_not_one_address_does_not_pass_for_one(text: str) -> None:
    found = addresses(text)

    assert len(found) != 1 or found[0].count("@") != 1 or found == ["b@x.fr"]


def test_words_are_decoded_and_broken_ones_left() -> None:
    assert decode_words("=?utf-8?Q?R=C3=A9sultats?=") == "Résultats"
    assert decode_words("=?iso-8859-1?q?caf=E9?= noir") == "café noir"
    assert decode_words("plain") == "plain"
    assert decode_words("=?utf-8?b?####?= reste") == "=?utf-8?b?####?= reste"
    assert decode_words("=?utf-8?q?a?=  =?utf-8?q?b?= c") == "ab c"
    assert decode_words("=?utf-8?b?w6k?=") == "é"


def test_message_ids_are_read_in_order() -> None:
    assert message_ids("<a@x> junk <b@y>\t<c@z>") == ["<a@x>", "<b@y>", "<c@z>"]
    assert message_ids(None) == []
