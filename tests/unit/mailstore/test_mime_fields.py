"""Header fields, parameters, addresses, words and transfer encodings: what the norm says and what people send."""

import pytest

from mailstore.mime.addresses import MAX_ADDRESSES, address_list
from mailstore.mime.decoding import decode_text, decode_transfer
from mailstore.mime.fields import blank_line_end, parse_fields
from mailstore.mime.parameters import decoded, media_type, parse_value
from mailstore.mime.strings import nstring
from mailstore.mime.words import decode_words, text_of


def test_the_first_field_counts_and_address_lists_are_joined() -> None:
    block = b"Subject: un\r\nSUBJECT: deux\r\nTo: a@x\r\nto : b@x\r\nX-Other: 1\r\nsans deux points\r\n\r\n"

    fields = parse_fields(block)

    assert fields == {b"subject": b"un", b"to": b"a@x, b@x"}


@pytest.mark.parametrize(
    ("block", "end"),
    [
        (b"\r\nx", 2),
        (b"\nx", 1),
        (b"a: 1\r\n\r\nx", 8),
        (b"a: 1\n\nx", 6),
        (b"a: 1\n\r\n\nx", 7),
        (b"a: 1\r\n", -1),
        (b"\r", -1),
        (b"", -1),
    ],
)
def test_the_blank_line_that_ends_a_header(block: bytes, end: int) -> None:
    assert blank_line_end(block, 0) == end


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"a@x.org", b'((NIL NIL "a" "x.org"))'),
        (b"Dr A. Martin <a.m@x.org>", b'(("Dr A. Martin" NIL "a.m" "x.org"))'),
        (b'"Martin, A" <a@x>', b'(("Martin, A" NIL "a" "x"))'),
        (b'"" <a@x>', b'((NIL NIL "a" "x"))'),
        (b"a@x (Nom (bis))", b'(("Nom (bis)" NIL "a" "x"))'),
        (b"<a@x>, b@y", b'((NIL NIL "a" "x")(NIL NIL "b" "y"))'),
        (b"Groupe: a@x, b@y;", b'((NIL NIL "Groupe" NIL)(NIL NIL "a" "x")(NIL NIL "b" "y")(NIL NIL NIL NIL))'),
        (b"Groupe: a@x", b'((NIL NIL "Groupe" NIL)(NIL NIL "a" "x")(NIL NIL NIL NIL))'),
        (b"undisclosed-recipients:;", b'((NIL NIL "undisclosed-recipients" NIL)(NIL NIL NIL NIL))'),
        (b"seul", b'((NIL NIL "seul" "MISSING_DOMAIN"))'),
        (b"<@x>", b'((NIL NIL "MISSING_MAILBOX" "x"))'),
        (b"<>", b'((NIL NIL "MISSING_MAILBOX" "MISSING_DOMAIN"))'),
        ("É <é@x>".encode(), b'(({2}\r\n\xc3\x89 NIL {2}\r\n\xc3\xa9 "x"))'),
        (b"", b"NIL"),
        (b" , ;,", b"NIL"),
        (b"(seul)", b"NIL"),
        (None, b"NIL"),
    ],
)
def test_addresses_become_imap_structures(value: bytes | None, expected: bytes) -> None:
    assert address_list(value) == expected


def test_a_list_without_end_is_cut() -> None:
    assert address_list(b"a@x," * (MAX_ADDRESSES + 50)).count(b"(NIL") == MAX_ADDRESSES


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, b"NIL"),
        (b"", b'""'),
        (b"simple", b'"simple"'),
        (b'a"b\\c', b'"a\\"b\\\\c"'),
        (b"a\rb", b"{3}\r\na\rb"),
        (b"\xe9", b"{1}\r\n\xe9"),
        (b"a\0b", b"{3}\r\na\x80b"),
    ],
)
def test_imap_strings(value: bytes | None, expected: bytes) -> None:
    assert nstring(value) == expected


@pytest.mark.parametrize(
    ("field", "value", "parameters"),
    [
        (b"Text/HTML; Charset=UTF-8", b"text/html", ((b"charset", b"UTF-8"),)),
        (b'text/plain; name="a;b\\"c"; x=1', b"text/plain", ((b"name", b'a;b"c'), (b"x", b"1"))),
        (b"text/plain (en clair); charset=a (b)", b"text/plain", ((b"charset", b"a"),)),
        (b"application/pdf; name=mon fichier.pdf", b"application/pdf", ((b"name", b"mon fichier.pdf"),)),
        (b'text/plain; name="sans fin', b"text/plain", ((b"name", b"sans fin"),)),
        (b";;;", b"", ()),
    ],
)
def test_values_and_parameters(field: bytes, value: bytes, parameters: tuple[tuple[bytes, bytes], ...]) -> None:
    assert parse_value(field) == (value, parameters)


@pytest.mark.parametrize(
    ("value", "expected"),
    [(b"text/plain", (b"text", b"plain")), (b"text", None), (b"a/b/c", None), (b"a b/c", None), (b"", None)],
)
def test_media_types(value: bytes, expected: tuple[bytes, bytes] | None) -> None:
    assert media_type(value) == expected


@pytest.mark.parametrize(
    ("field", "filename"),
    [
        (b"a; filename=x.pdf", "x.pdf"),
        (b"a; filename*=utf-8''%C3%A9.pdf", "é.pdf"),
        (b"a; filename=e.pdf; filename*=iso-8859-1'fr'%E9.pdf", "é.pdf"),
        (b"a; filename*0*=utf-8''r%C3%A9; filename*1=sultat; filename*2*=%20s.pdf", "résultat s.pdf"),
        (b"a; filename*0=un; filename*2=trois", "un"),
        (b"a; filename*1=deux", None),
        (b"a; filename*=inconnu''%E9", "é"),
        (b'a; filename="=?utf-8?B?w6kucGRm?="', "é.pdf"),
        ("a; filename=é.pdf".encode(), "é.pdf"),
    ],
)
def test_names_of_files_are_decoded(field: bytes, filename: str | None) -> None:
    assert decoded(parse_value(field)[1]).get("filename") == filename


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"simple", "simple"),
        (b"=?utf-8?q?r=C3=A9sum=C3=A9?=", "résumé"),
        (b"=?iso-8859-1?Q?a_b?= =?utf-8?B?w6k=?= fin", "a bé fin"),
        (b"=?utf-8*fr?Q?x?=", "x"),
        (b"=?utf-8?B?w?=", "=?utf-8?B?w?="),
        (b"=?inconnu?Q?=E9?=", "é"),
        (b"=?utf-8?Q?pas fini", "=?utf-8?Q?pas fini"),
        (b"\xe9", "é"),
    ],
)
def test_encoded_words(value: bytes, expected: str) -> None:
    assert decode_words(value) == expected


@pytest.mark.parametrize(
    ("data", "encoding", "expected"),
    [
        (b"w6k=\r\n", "base64", "é".encode()),
        (b"w6k", "base64", "é".encode()),
        (b"YWJj!!ZGVm=", "base64", b"abcdef"),
        (b"Y", "base64", b""),
        (b"l=E9ger=\r\nte", "quoted-printable", b"l\xe9gerte"),
        (b"=ZZ", "quoted-printable", b"=ZZ"),
        (b"\x00\xff", "8bit", b"\x00\xff"),
        (b"abc", "x-inconnu", b"abc"),
    ],
)
def test_transfer_encodings(data: bytes, encoding: str, expected: bytes) -> None:
    assert decode_transfer(data, encoding) == expected


def test_text_is_read_whatever_its_character_set() -> None:
    assert decode_text(b"l\xe9ger\r\n", "iso-8859-1") == "léger\n"
    assert decode_text("é".encode(), None) == "é"
    assert text_of(b"\x81\xe9", "utf-8") == "\ufffdé"
