"""8-bit messages for peers that take 7 bits: every part keeps its content, what is signed is left alone."""

import email
import email.policy
from email.message import Message

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailstore.mime.indexer import Indexer
from mailstore.mime.scanner import Limits
from smtp_gateway.queue.seven_bit import NotConvertible, to_seven_bit

HEADER = b"From: a@b.fr\r\nSubject: Essai\r\nMIME-Version: 1.0\r\n"
TEXT = b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n"
FILE = b"Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: binary\r\n"
FRENCH = "Bonjour,\r\nl'été a été beau.   \r\n.\r\nFrom ici\r\n".encode()


def converted(message: bytes) -> bytes:
    indexer = Indexer(Limits(depth=32, parts=1_000))
    indexer.feed(message)
    return to_seven_bit(message, indexer.layout().parts)


def leaves(message: bytes) -> list[tuple[str, object]]:
    parsed: Message = email.message_from_bytes(message, policy=email.policy.compat32)
    return [
        (each.get_content_type(), each.get_payload(decode=True)) for each in parsed.walk() if not each.is_multipart()
    ]


def mixed(*parts: bytes, kind: bytes = b"mixed", fields: bytes = b"Content-Transfer-Encoding: 8bit\r\n") -> bytes:
    inside = b"".join(b"--limite\r\n" + each + b"\r\n" for each in parts)
    head = HEADER + b"Content-Type: multipart/" + kind + b'; boundary="limite"\r\n' + fields + b"\r\n"
    return head + b"preamble\r\n" + inside + b"--limite--\r\n"


def test_a_text_becomes_quoted_printable_and_its_header_says_so():
    made = converted(HEADER + TEXT + b"\r\n" + FRENCH)

    header, _, body = made.partition(b"\r\n\r\n")
    assert header.endswith(b"\r\nContent-Transfer-Encoding: quoted-printable")
    assert b"8bit" not in header
    assert b"l'=C3=A9t=C3=A9 a =C3=A9t=C3=A9 beau.  =20\r\n" in body
    assert leaves(made) == [("text/plain", FRENCH)]


def test_a_message_in_7_bits_is_left_alone():
    message = HEADER + TEXT + b"\r\nBonjour\r\n"

    assert converted(message) is message


@pytest.mark.parametrize("text", ["é" * 40 + "\r\n", "été\r\x00\r\n", "é" + "x" * 700])
def test_what_quoted_printable_would_not_suit_is_base64(text: str):
    made = converted(HEADER + TEXT + b"\r\n" + text.encode())

    assert b"Content-Transfer-Encoding: base64\r\n" in made
    assert leaves(made) == [("text/plain", text.encode())]


def test_each_part_is_converted_for_itself():
    inner = (
        b"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: 8bit\r\n\r\n" + HEADER + TEXT + b"\r\n" + FRENCH
    )
    plain = b"Content-Type: text/plain\r\n\r\nASCII \r\n"
    message = mixed(TEXT + b"\r\n" + FRENCH, FILE + b"\r\n" + bytes(range(256)), plain, inner)

    made = converted(message)

    assert made.isascii()
    assert leaves(made) == leaves(message)
    assert made.count(b"Content-Transfer-Encoding: 7bit\r\n") == 2
    assert b"\r\n--limite\r\nContent-Type: text/plain\r\n\r\nASCII \r\n\r\n--limite\r\n" in made
    assert max(map(len, made.split(b"\r\n"))) < 100


def test_a_message_that_is_no_mime_becomes_mime():
    made = converted(b"From: a@b.fr\r\n\r\n" + FRENCH)
    unknown = converted(b"From: a@b.fr\r\n\r\nl'\xe9t\xe9 est si beau ici\r\n")

    assert made.startswith(b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nFrom: a@b.fr\r\n")
    assert b"charset=unknown-8bit" in unknown
    assert leaves(unknown) == [("text/plain", b"l'\xe9t\xe9 est si beau ici\r\n")]


@pytest.mark.parametrize(
    "message",
    [
        b"DKIM-Signature: v=1; d=autre.fr\r\n" + HEADER + TEXT + b"\r\n" + FRENCH,
        mixed(TEXT + b"\r\n" + FRENCH, b"Content-Type: application/pkcs7-signature\r\n\r\nAAAA", kind=b"signed"),
        mixed(b'Content-Type: text/plain; name="\xc3\xa9"\r\n\r\nx'),
        mixed(b"Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\nw6k\xc3\xa9"),
        mixed(b"Content-Type: text/plain\r\nContent-Transfer-Encoding: x-uuencode\r\n\r\n\xc3\xa9"),
        mixed(b"Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; \xc3\xa9\r\n\r\n"),
        mixed(TEXT + b"\r\nx").replace(b"preamble", b"pr\xc3\xa9ambule"),
        b"Subject: \xc3\xa9\r\n" + HEADER + TEXT + b"\r\nx\r\n",
    ],
    ids=["DKIM", "signed", "part header", "base64", "unknown encoding", "report", "preamble", "header"],
)
def test_what_cannot_be_converted_is_refused(message: bytes):
    with pytest.raises(NotConvertible):
        converted(message)


def test_a_signed_part_in_7_bits_stays_to_the_byte_beside_one_that_is_converted():
    signed = (
        b'Content-Type: multipart/signed; boundary="s"\r\n\r\n--s\r\nContent-Type: text/plain\r\n\r\nx \r\n\r\n--s\r\n'
        b"Content-Type: application/pkcs7-signature\r\n\r\nAAAA\r\n--s--\r\n"
    )
    made = converted(mixed(signed, TEXT + b"\r\n" + FRENCH))

    assert signed in made
    assert made.isascii()


Bodies = st.lists(
    st.sampled_from(
        (b"x" * 75, b"=", b" ", b"\t", b"\r\n", b"--limite", b"\r\n--", b".", "é".encode(), b"\xff", b"=3D")
    ),
    max_size=30,
).map(b"".join)


@given(bodies=st.lists(Bodies, min_size=1, max_size=3))
def test_contents_are_kept_whatever_they_are(bodies: list[bytes]):
    kept = [each.replace(b"\r\n--limite", b"\r\n-limite").removeprefix(b"--limite") for each in bodies]
    message = mixed(*(TEXT + b"\r\n" + each for each in kept))

    made = converted(message)

    assert made.isascii()
    assert leaves(made) == leaves(message)
