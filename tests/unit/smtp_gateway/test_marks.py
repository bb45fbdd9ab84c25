"""What the rules read in a header, what the gateway adds to it and drops."""

from datetime import UTC, datetime

import pytest

from mailstore.mime.index import MessageIndex, Part
from smtp_gateway import trace_fields
from smtp_gateway.arrival import read_marks
from smtp_gateway.effects import has_attachments
from smtp_gateway.header import HeaderBlock
from smtp_gateway.replies import Refusal
from smtp_gateway.rules.loops import check_loop
from smtp_gateway.rules.one_author import find_author
from smtp_gateway.rules.one_patient import check_one_patient
from smtp_gateway.rules.size import check_declared_size

AT = datetime(2026, 11, 23, 10, tzinfo=UTC)


def test_marks_are_read_nearest_reference_first() -> None:
    header = HeaderBlock.parse(
        b"Message-ID: <3@x>\r\nIn-Reply-To: <2@x>\r\nReferences: <0@x>\r\n <1@x> <2@x>\r\nSubject: =?utf-8?q?a?=\r\n"
        b"X-MSS-MES: FIN\r\nReply-To: Secr <S@x.fr>, t@x.fr\r\nAuto-Submitted: auto-generated; owner=x\r\n"
    )

    marks = read_marks(header)

    assert marks.message_id == "<3@x>"
    assert marks.references == ("<2@x>", "<1@x>", "<0@x>")
    assert (marks.subject, marks.mes, marks.reply_to, marks.automatic) == ("=?utf-8?q?a?=", "FIN", "s@x.fr", True)


def test_marks_of_a_bare_header() -> None:
    marks = read_marks(HeaderBlock.parse(b"From: a@b.fr\r\nReply-To: nobody\r\nAuto-Submitted: no\r\n"))

    assert (marks.message_id, marks.references, marks.subject) == (None, (), None)
    assert (marks.reply_to, marks.automatic) == (None, False)


def test_own_fields() -> None:
    assert trace_fields.return_path("a@b.fr") == b"Return-Path: <a@b.fr>\r\n"
    received = trace_fields.received("mx.fr", "ESMTPS", AT, "peer (192.0.2.1)")
    assert received.startswith(b"Received: from peer (192.0.2.1)\r\n\tby mx.fr with ESMTPS id ")
    assert received.endswith(b";\r\n\tMon, 23 Nov 2026 10:00:00 +0000\r\n")
    assert b"from" not in trace_fields.received("mx.fr", "ESMTPSA", AT)


def test_missing_fields_are_those_that_are_missing() -> None:
    both = trace_fields.missing_fields(HeaderBlock.parse(b"From: a@b.fr\r\n"), AT, "b.fr")
    none = trace_fields.missing_fields(HeaderBlock.parse(b"Date: x\r\nMessage-ID: <y>\r\n"), AT, "b.fr")

    assert [field.partition(b":")[0] for field in both] == [b"Date", b"Message-ID"]
    assert none == []


def test_dropped_fields() -> None:
    header = HeaderBlock.parse(
        b"Bcc: x@y.fr\r\nResent-Bcc: x@y.fr\r\nReturn-Path: <z>\r\nAuthentication-Results: MX.fr; dkim=pass\r\n"
        b"Authentication-Results: other.fr;\r\n dkim=none\r\nAuthentication-Results: \r\nSubject: s\r\n"
    )

    kept = trace_fields.without_dropped(header, "mx.fr").to_bytes()

    assert kept == b"Authentication-Results: other.fr;\r\n dkim=none\r\nSubject: s\r\n"


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ("mx.fr; dkim=pass", False),
        ("MX.FR", False),
        ("mx.fr. 1; none", False),
        ('"mx.fr"; dkim=pass', False),
        ("(of us) mx.fr; dkim=pass", False),
        ("(a (b) \\) c)mx.fr(d); dkim=pass", False),
        ("\r\n\tmx.fr;\r\n\tdkim=pass", False),
        ("mx.fr/1; dkim=pass", False),
        ("(" * 100 + "mx.fr" + ")" * 100, False),
        ("(never closed mx.fr; dkim=pass", False),
        ("; dkim=pass", False),
        ("mx.fr.other.fr; dkim=pass", True),
        ("other.fr (mx.fr); dkim=pass", True),
    ],
)
def test_results_that_claim_to_be_ours_are_known_however_they_are_written(value: str, kept: bool) -> None:
    header = HeaderBlock.parse(f"Authentication-Results: {value}\r\nSubject: s\r\n".encode())

    left = trace_fields.without_dropped(header, "mx.fr").fields

    assert (len(left) == 2) == kept


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (b"Message-ID: <a@b>\r\nDate: Mon, 23 Nov 2026 10:00:00 +0100\r\n", 2),
        (b"Message-ID: \r\nDate: hier\r\n", 0),
        (b"Message-ID: a@b\r\nDate:\r\n", 0),
        (b"Message-ID: <a@b> <c@d>\r\n", 0),
        (b"Message-ID: <a@b>\r\nMessage-ID: <c@d>\r\n", 1),
        (b"Date: hier\r\nDate: Mon, 23 Nov 2026 10:00:00 +0100 (CET)\r\nSubject: s\r\n", 2),
    ],
)
def test_one_date_and_one_message_id_that_can_be_read_are_kept(given: bytes, kept: int) -> None:
    assert len(trace_fields.without_unreadable(HeaderBlock.parse(given)).fields) == kept


@pytest.mark.parametrize(
    ("block", "author"),
    [
        (b"From: Dr <A@b.fr>\r\n", "a@b.fr"),
        (b"From: a@b.fr\r\nFrom: a@b.fr\r\n", Refusal.FROM_COUNT),
        (b"From: a@b.fr, c@d.fr\r\n", Refusal.FROM_COUNT),
        (b"From: nobody\r\n", Refusal.FROM_COUNT),
        (b"From:\r\n", Refusal.FROM_COUNT),
        (b"Sender: a@b.fr\r\n", Refusal.FROM_COUNT),
        (b"From: undisclosed:;\r\n", Refusal.FROM_COUNT),
    ],
)
def test_author_is_one_address_in_one_field(block: bytes, author: str | Refusal) -> None:
    assert find_author(HeaderBlock.parse(block)) == author


def test_small_rules() -> None:
    looping = HeaderBlock.parse(b"Received: x\r\n" * 3)

    assert check_loop(looping, 3) is None
    assert check_loop(looping, 2) is Refusal.LOOP
    assert check_one_patient("p@a", []) is check_one_patient("p@a", ["P@b"]) is None
    assert check_one_patient("p@a", ["q@a"]) is Refusal.MANY_PATIENTS
    assert check_declared_size("10", 10) is check_declared_size("0", 10) is None
    assert check_declared_size("11", 10) is check_declared_size("9" * 20, 10) is Refusal.TOO_LARGE
    assert check_declared_size("9" * 21, 10) is check_declared_size("x", 10) is Refusal.SYNTAX


def _part(media_type: str, disposition: str | None = None, filename: str | None = None) -> Part:
    return Part(
        section="1", media_type=media_type, parameters={}, encoding="7bit", disposition=disposition,
        filename=filename, content_id=None, header_start=0, body_start=0, body_end=0, lines=0,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("parts", "attached"),
    [
        ([_part("text/plain")], False),
        ([_part("multipart/alternative"), _part("text/plain"), _part("text/html", "inline")], False),
        ([_part("multipart/mixed"), _part("text/plain"), _part("application/zip")], True),
        ([_part("text/plain", "attachment")], True),
        ([_part("text/plain", None, "notes.txt")], True),
        ([_part("image/jpeg", "inline")], True),
    ],
)
def test_attachment_is_anything_but_the_text(parts: list[Part], attached: bool) -> None:
    index = MessageIndex(envelope=b"", body=b"", bodystructure=b"", header_bytes=0, size_bytes=0, parts=tuple(parts))

    assert has_attachments(index) is attached
