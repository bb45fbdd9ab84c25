"""Reports as others write them: delivery status, dispositions in both layouts, and hostile ones."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailstore.mime.indexer import Indexer
from smtp_gateway.receipts.arriving import Notice, Report, read_report
from smtp_gateway.receipts.delivery_status import read_delivery_status
from smtp_gateway.receipts.disposition import read_disposition
from smtp_gateway.receipts.fields import (
    MOST_FIELDS,
    MOST_GROUPS,
    decode_xtext,
    encode_xtext,
    read_address,
    read_groups,
)
from smtp_gateway.receipts.outcome import Outcome

PATIENT = "279035121518989@patient.mssante.fr"
PATIENT_MAIL = "<20260105080000.0001@medecin.mssante.fr>"
DOCUMENT_MAIL = "<20260119230000.0007@cha.mssante.fr>"
DELIVERY = b"""Original-Envelope-Id: q1
Reporting-MTA: dns; mx.peer.test

Original-Recipient: rfc822;m+2Bx@peer.mssante.fr
Final-Recipient: rfc822; autre@peer.mssante.fr
Action: failed (permanent)
Status: 5.2.2 (full)
Diagnostic-Code: smtp; 552 5.2.2 DUPONT Marie
 suite

Final-Recipient: RFC822;<Deux@Peer.mssante.fr>
Action: delivered
Status: 2.0.0

Final-Recipient: rfc822; trois@peer.mssante.fr
Action: delayed
Status: 4.4.1
"""


class Stored:
    """A message as the store gives it back, without a store."""

    def __init__(self, content: bytes) -> None:
        self._content = content.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        indexer = Indexer()
        indexer.feed(self._content)
        self.index = indexer.finish()

    @property
    def header(self) -> bytes:
        return self._content[: self.index.header_bytes]

    def read(self, offset: int, length: int) -> bytes:
        return self._content[offset : offset + length]

    def decoded(self, section: str) -> bytes:
        part = self.index.part(section)
        assert part is not None
        return self.read(part.body_start, part.size_bytes)


def reading(content: bytes) -> Report | None:
    return read_report(Stored(content))  # type: ignore[arg-type]  # what is read of a reader


def test_a_delivery_report_says_how_far_each_recipient_is_reached() -> None:
    full, delivered = read_delivery_status(DELIVERY)

    assert (full.original, full.final) == ("m+x@peer.mssante.fr", "autre@peer.mssante.fr")
    assert (full.state, full.status) == (Outcome.FAILED, "5.2.2")
    assert (delivered.final, delivered.state) == ("deux@peer.mssante.fr", Outcome.DELIVERED)


@pytest.mark.parametrize("notation", ["utf-8; rené@peer.mssante.fr", "utf-8;ren\\x{E9}@peer.mssante.fr"])
def test_an_internationalised_address_is_read_in_both_notations(notation: str) -> None:
    assert read_address(notation) == "rené@peer.mssante.fr"


@pytest.mark.parametrize("value", [None, "", "x400; c=fr", "rfc822;", "rfc822; a b@c", "rfc822; a@b\x00c", "a@b"])
def test_what_is_no_address_is_none(value: str | None) -> None:
    assert read_address(value) is None


@given(st.text(max_size=40))
def test_xtext_can_be_undone_and_stays_on_one_line(text: str) -> None:
    written = encode_xtext(text)

    assert all("!" <= each <= "~" and each != "=" for each in written)
    assert not text.isascii() or decode_xtext(written) == text


@pytest.mark.requirement("MSS2:ECO.2.3.2")
@pytest.mark.parametrize(
    ("disposition", "more", "state", "code"),
    [
        ("manual-action/MDN-sent-automatically; displayed", "", Outcome.READ, ""),
        ("Manual-Action / MDN-sent-manually;Displayed", "", Outcome.READ, ""),
        ("automatic-action/MDN-sent-automatically; deleted", "", Outcome.DELETED, ""),
        ("automatic-action/MDN-sent-automatically; processed", "", Outcome.INTEGRATED, ""),
        ("automatic-action/MDN-sent-automatically; processed/error", "", Outcome.NOT_INTEGRATED, ""),
        (
            "automatic-action/MDN-sent-automatically; processed/error",
            "Error: 902^Identifiant patient inconnu",
            Outcome.NOT_INTEGRATED,
            "902",
        ),
        (
            "automatic-action/MDN-sent-automatically; processed/Error: 904^INS^applicationErrorCondition",
            "",
            Outcome.NOT_INTEGRATED,
            "904",
        ),
        ("automatic-action/MDN-sent-automatically; processed/error", "Error: 42^Autre", Outcome.NOT_INTEGRATED, "906"),
    ],
)
def test_dispositions_are_read_in_both_layouts(disposition: str, more: str, state: Outcome, code: str) -> None:
    content = f"Final-Recipient: rfc822; {PATIENT}\nOriginal-Message-ID: <1@demo>\nDisposition: {disposition}\n{more}\n"

    said = read_disposition(content.encode())

    assert said is not None
    assert (said.state, said.code, said.final, said.message_id_header) == (state, code, PATIENT, "<1@demo>")


@pytest.mark.parametrize("content", [b"", b"Disposition: lu", b"Disposition: manual-action/MDN-sent-manually; eaten"])
def test_what_says_nothing_is_none(content: bytes) -> None:
    assert read_disposition(content) is None


@pytest.mark.parametrize(
    ("name", "about", "said"),
    [
        ("dsn-failed-unknown-patient", PATIENT_MAIL, (Outcome.FAILED, "S_PAIR_DESTINATAIRE")),
        ("dsn-delivered-requested", PATIENT_MAIL, (Outcome.DELIVERED, None)),
        ("mdn-displayed-by-patient", PATIENT_MAIL, (Outcome.READ, None)),
        ("mdn-integration-error-ans-layout", DOCUMENT_MAIL, (Outcome.NOT_INTEGRATED, "902")),
        ("mdn-integration-error-rfc8098-layout", DOCUMENT_MAIL, (Outcome.NOT_INTEGRATED, "902")),
    ],
)
def test_the_samples_of_the_trust_space_are_read(
    corpus: Path, name: str, about: str, said: tuple[Outcome, str | None]
) -> None:
    report = reading((corpus / "mssante" / "mail" / f"{name}.eml").read_bytes())

    assert report is not None
    (notice,) = report.notices
    assert report.message_id_header == about
    assert (notice.state, notice.reason) == said
    assert notice.recipients[0].endswith("@patient.mssante.fr" if about == PATIENT_MAIL else "@chb.mssante.fr")


def test_a_report_without_the_message_is_tied_to_what_it_answers() -> None:
    content = (
        b'From: a@b.fr\nIn-Reply-To: <1@demo>\nContent-Type: multipart/report; boundary="x"\n\n--x\n\n'
        b"texte\n--x\nContent-Type: message/delivery-status\n\n" + DELIVERY + b"\n--x--\n"
    )

    report = reading(content)

    assert report is not None
    assert report.message_id_header == "<1@demo>"
    assert [each.state for each in report.notices] == [Outcome.FAILED, Outcome.DELIVERED]
    assert isinstance(report.notices[0], Notice)
    assert report.notices[0].reason == "S_PAIR_BOITE_PLEINE"


def test_a_report_inside_another_message_is_not_this_one() -> None:
    inner = b'Content-Type: multipart/report; boundary="y"\n\n--y\nContent-Type: message/delivery-status\n\n' + DELIVERY
    content = (
        b'From: a@b.fr\nIn-Reply-To: <1@demo>\nContent-Type: multipart/report; boundary="x"\n\n--x\n\nt\n--x\n'
        b"Content-Type: message/rfc822\n\n" + inner + b"\n--y--\n--x--\n"
    )

    assert reading(content) is None


def test_a_report_without_end_costs_a_bounded_reading() -> None:
    groups = read_groups(b"A: 1\nB: 2\n\n" * 100_000)
    fields = read_groups(b"".join(b"F%d: x\n" % number for number in range(1_000)))

    assert len(groups) == MOST_GROUPS
    assert len(fields[0]) == MOST_FIELDS
    assert read_groups(b"A: " + b"x" * 1_000_000) == [{"a": "x" * 1_000}]


@given(st.binary(max_size=400))
def test_any_bytes_are_read_without_an_error(content: bytes) -> None:
    read_delivery_status(content)
    read_disposition(content)
    whole = b'From: a@b\nContent-Type: multipart/report; boundary="x"\n\n--x\nContent-Type: message/'

    reading(whole + b"delivery-status\n\n" + content + b"\n--x--\n")
    reading(whole + b"disposition-notification\n\n" + content + b"\n--x--\n")
