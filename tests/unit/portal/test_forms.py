"""Posted forms: read as they arrive, counted, tied to their reader."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.security import FormTokens, same_origin
from portal.web.multipart import read_multipart, read_urlencoded
from vaguemestre.kernel.errors import ProtocolError

BOUNDARY = "----limite"
TYPE = f"multipart/form-data; boundary={BOUNDARY}"


def part(name: str, content: bytes, filename: str | None = None) -> bytes:
    file = "" if filename is None else f'; filename="{filename}"'
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'
    return head.encode() + content + b"\r\n"


END = f"--{BOUNDARY}--\r\n".encode()


async def stream(*chunks: bytes):
    for chunk in chunks:
        yield chunk


async def test_fields_and_files_are_read():
    body = part("texte", b"Bonjour,\r\nmerci") + part("fichiers", b"JJJ", "été.jpg") + END

    form = await read_multipart(TYPE, stream(body), 100)

    assert form.text("texte") == "Bonjour,\nmerci"
    assert [(file.name, file.content) for file in form.files] == [("été.jpg", b"JJJ")]
    assert form.files_bytes == 3


async def test_an_empty_file_input_is_no_file():
    form = await read_multipart(TYPE, stream(part("fichiers", b"", "") + END), 100)

    assert form.files == ()


async def test_what_is_over_the_limit_is_counted_and_dropped_and_the_text_stays():
    body = part("texte", b"mon texte") + part("f", b"a" * 60, "a") + part("f", b"b" * 60, "b") + END

    form = await read_multipart(TYPE, stream(body), 100)

    assert (form.files, form.files_bytes, form.text("texte")) == ((), 120, "mon texte")


@given(st.data())
async def test_the_cut_of_the_stream_does_not_matter(data):
    body = part("texte", b"corps\r\n--pas la limite") + part("f", bytes(range(256)), "a.bin") + END
    cuts = sorted(data.draw(st.lists(st.integers(0, len(body)), max_size=8)))
    chunks = [body[start:end] for start, end in zip([0, *cuts], [*cuts, len(body)], strict=True)]

    form = await read_multipart(TYPE, stream(*chunks), 1000)

    assert form.files[0].content == bytes(range(256))
    assert form.text("texte") == "corps\n--pas la limite"


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("multipart/form-data", END),
        (TYPE, part("texte", b"coup")[:-4]),
        (TYPE, b"garbage"),
        (TYPE, part("texte", b"x" * 200_001) + END),
        (TYPE, b"".join(part(f"n{number}", b"x") for number in range(40)) + END),
    ],
    ids=["no boundary", "cut short", "garbage", "long field", "many fields"],
)
async def test_malformed_forms_are_refused(content_type, body):
    with pytest.raises(ProtocolError):
        await read_multipart(content_type, stream(body), 100)


@given(st.binary(max_size=500))
async def test_any_body_is_a_form_or_a_protocol_error(body):
    with contextlib.suppress(ProtocolError):
        await read_multipart(TYPE, stream(body), 100)
    with contextlib.suppress(ProtocolError):
        await read_urlencoded(stream(body))


async def test_plain_forms_are_read():
    form = await read_urlencoded(stream(b"identifiant=2+79&mot_de_passe=%C3%A9t%C3%A9"))

    assert form.fields == {"identifiant": "2 79", "mot_de_passe": "été"}


def test_a_token_serves_one_reader_and_one_form():
    tokens = FormTokens(b"k" * 32)
    token = tokens.issue("cookie", "/messages/1/repondre")

    assert tokens.accept("cookie", "/messages/1/repondre", token)
    assert not tokens.accept("cookie", "/messages/2/repondre", token)
    assert not tokens.accept("autre", "/messages/1/repondre", token)
    assert not FormTokens(b"l" * 32).accept("cookie", "/messages/1/repondre", token)
    assert not tokens.accept("cookie", "/messages/1/repondre", "é")


@pytest.mark.parametrize(
    ("headers", "ours"),
    [
        ({}, True),
        ({"sec-fetch-site": "same-origin"}, True),
        ({"sec-fetch-site": "none"}, True),
        ({"sec-fetch-site": "same-site"}, False),
        ({"sec-fetch-site": "cross-site"}, False),
        ({"origin": "https://portail.test", "host": "portail.test"}, True),
        ({"origin": "https://ailleurs.test", "host": "portail.test"}, False),
        ({"origin": "null", "host": "portail.test"}, False),
    ],
)
def test_requests_of_other_sites_are_told_apart(headers, ours):
    assert same_origin(headers) is ours
