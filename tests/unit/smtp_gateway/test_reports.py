"""Reports as we write them: nothing of a hostile envelope begins a line, addresses in the form of RFC 6533."""

import email
from datetime import UTC, datetime, timedelta
from email import policy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtp_gateway.commands import ENVELOPE_ID, ORIGINAL_RECIPIENT
from smtp_gateway.queue.model import Answer, EntryState, Job, ReportRequest, Trouble, Waiting
from smtp_gateway.queue.reports import Reporter, Told, compose_report
from smtp_gateway.queue.schedule import Action, Ruling
from smtp_gateway.receipts.arriving import read_report
from smtp_gateway.receipts.notification import Recipient, compose_integration, compose_read
from smtp_gateway.receipts.outcome import Outcome
from smtp_gateway.receipts.rules import ReceiptWanted
from tests.unit.smtp_gateway.test_report_reading import Stored

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
PEER = "medecin@peer.mssante.fr"
ORIGINAL = b"From: a@demo.fr\r\nSubject: Secret\r\nMessage-ID: <1@demo>\r\n\r\nBonjour.\r\n"


def waiting(recipient: str = PEER, orcpt: str | None = None) -> Waiting:
    return Waiting(
        id="1",
        recipient=recipient,
        notify=None,
        orcpt=orcpt,
        attempts=1,
        expires_at=NOW + timedelta(days=5),
        delay_reported=False,
    )


def job(waits: Waiting, envid: str | None = None, header: str | None = "<1@demo>") -> Job:
    return Job(
        queue_id="1",
        message_id="2",
        destination="peer.mssante.fr",
        reverse_path="a@demo.fr",
        reporter_id="3",
        message_id_header=header,
        request=ReportRequest("FULL", envid),
        require_tls=False,
        accepted_at=NOW,
        size_bytes=1,
        lease="4",
        leased_at=NOW,
        waiting=(waits,),
    )


def report(
    waits: Waiting, envid: str | None = None, header: str | None = "<1@demo>", original: bytes = ORIGINAL
) -> bytes:
    told = Told(
        waiting=waits,
        answer=Answer(status="5.1.1", trouble=Trouble.UNKNOWN_RECIPIENT, reply_code=550),
        ruling=Ruling(EntryState.FAILED, NOW, "5.1.1", Action.FAILED),
    )
    return compose_report(job(waits, envid, header), Action.FAILED, [told], original, reporter=Reporter("mx.demo", NOW))


def field_names(content: bytes) -> set[str]:
    """Return the names of every field in the header and in the machine's part."""
    message = email.message_from_bytes(content, policy=policy.SMTP)
    machine = message.get_payload(1).get_payload()  # type: ignore[union-attr]
    return {*message.keys(), *(name for group in machine for name in group)}


EXPECTED = field_names(report(waiting(orcpt="rfc822;a@b"), "q"))


@given(st.from_regex(ENVELOPE_ID, fullmatch=True), st.from_regex(ORIGINAL_RECIPIENT, fullmatch=True))
def test_no_envelope_that_the_door_lets_in_adds_a_field(envid: str, orcpt: str) -> None:
    assert field_names(report(waiting(orcpt=orcpt), envid)) <= EXPECTED


@pytest.mark.parametrize(
    "header", ["<a@b>\r\nBcc: x@y>", "<a b@c>", "<é@b>", "<" + "a" * 2_000 + "@b>", None, "<a@b", "<a@b>\x00"]
)
def test_identifier_that_is_not_plain_is_left_out(header: str | None) -> None:
    content = report(waiting(), header=header)

    assert b"In-Reply-To" not in content
    assert max(map(len, content.split(b"\r\n"))) < 998


def test_address_that_is_not_ascii_is_written_as_utf8() -> None:
    content = report(waiting("rené@peer.mssante.fr", orcpt="utf-8;ren\\x{E9}@peer.mssante.fr"))

    assert b"Original-Recipient: utf-8; ren\\x{E9}@peer.mssante.fr" in content
    assert b"Final-Recipient: utf-8; ren\\x{E9}@peer.mssante.fr" in content


@pytest.mark.parametrize(
    ("subject", "kind"), [(b"Secret", b"message/rfc822"), ("Résultat".encode(), b"message/global")]
)
def test_message_comes_back_under_the_type_of_its_header(subject: bytes, kind: bytes) -> None:
    content = report(waiting(), original=ORIGINAL.replace(b"Secret", subject))

    assert b"Content-Type: " + kind + b"\r\n" in content


def test_what_we_write_we_read() -> None:
    wanted = ReceiptWanted(to="a@demo.fr", about="<1@demo>")
    recipient = Recipient(address=PEER, hostname="mx.demo", at=NOW)
    written = {
        report(waiting(), "q"): (Outcome.FAILED, Trouble.UNKNOWN_RECIPIENT),
        compose_read(wanted, recipient, ORIGINAL): (Outcome.READ, None),
        compose_integration(wanted, recipient, "", ORIGINAL): (Outcome.INTEGRATED, None),
        compose_integration(wanted, recipient, "903", ORIGINAL): (Outcome.NOT_INTEGRATED, "903"),
        compose_integration(wanted, recipient, "999", ORIGINAL): (Outcome.NOT_INTEGRATED, "906"),
    }

    for content, expected in written.items():
        found = read_report(Stored(content))  # type: ignore[arg-type]  # what is read of a reader
        assert found is not None
        (notice,) = found.notices
        assert found.message_id_header == "<1@demo>"
        assert (notice.state, notice.reason) == expected
        assert notice.recipients[0] == PEER


@given(st.text(max_size=60))
def test_subject_of_somebody_else_stays_one_field(subject: str) -> None:
    wanted = ReceiptWanted(to="a@demo.fr", about="<1@demo>")
    original = f"Subject: {subject}\r\n\r\n".encode("utf-8", "replace")

    content = compose_integration(wanted, Recipient(address=PEER, hostname="h", at=NOW), "902", original)

    message = email.message_from_bytes(content)
    assert set(message.keys()) == set(
        email.message_from_bytes(compose_read(wanted, Recipient(address=PEER, hostname="h", at=NOW), ORIGINAL)).keys()
    )


def test_large_message_comes_back_as_its_header() -> None:
    wanted, recipient = ReceiptWanted(to="a@demo.fr", about="<1@demo>"), Recipient(address=PEER, hostname="h", at=NOW)

    content = compose_integration(wanted, recipient, "902", ORIGINAL[: ORIGINAL.find(b"Bonjour")])

    assert b"text/rfc822-headers" in content
    assert b"message/rfc822" not in content
