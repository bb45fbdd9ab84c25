"""Whether a PDF says that it is PDF/A-1, and what is made of one that does not."""

import base64
from pathlib import Path

import pytest

from dmp_bridge.packaging import pdf_copies
from dmp_bridge.pdf_a import is_pdf_a_1, pdf_a_claim
from dmp_bridge.preparation import Tolerance, prepare_document
from vaguemestre.app.demo.fictional_documents import fictional_cda, fictional_pdf

NAMESPACE = "http://www.aiim.org/pdfa/ns/id/"
PLAIN = fictional_pdf("Courrier")


def claiming(part: str, conformance: str, *, prefix: str = "pdfaid", attributes: bool = False) -> bytes:
    """A PDF whose XMP claims a part of PDF/A."""
    if attributes:
        written = f'{prefix}:part="{part}" {prefix}:conformance="{conformance}"'
        said = f'<rdf:Description xmlns:{prefix}="{NAMESPACE}" {written}/>'
    else:
        said = (
            f'<rdf:Description rdf:about="" xmlns:{prefix}="{NAMESPACE}"><{prefix}:part>{part}</{prefix}:part>'
            f"<{prefix}:conformance>{conformance}</{prefix}:conformance></rdf:Description>"
        )
    packet = f'<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><rdf:RDF>{said}</rdf:RDF><?xpacket end="w"?>'
    return PLAIN + b"9 0 obj\n<</Type/Metadata/Subtype/XML>>stream\n" + packet.encode() + b"\nendstream\nendobj\n"


@pytest.mark.parametrize(
    ("pdf", "claim", "is_first"),
    [
        (claiming("1", "B"), "1B", True),
        (claiming("1", "a"), "1A", True),
        (claiming("1", "B", prefix="x-id", attributes=True), "1B", True),
        (claiming("3", "A"), "3A", False),
        (claiming("3", "A") + claiming("1", "B"), "1B", True),
        (claiming("1", "B") + claiming("2", "U"), "2U", False),
        (claiming("1", "B").replace(b"pdfaid:part", b"other:part"), "B", False),
        (PLAIN, "", False),
        (b"<pdfaid:part>1</pdfaid:part>", "", False),
        (b"", "", False),
    ],
)
@pytest.mark.requirement("VGM:CDA-06")
def test_the_claim_is_read_where_pdf_a_writes_it(pdf, claim, is_first):
    assert (pdf_a_claim(pdf), is_pdf_a_1(pdf)) == (claim, is_first)


@pytest.mark.parametrize("denied", ["/Encrypt 4 0 R", "/Type/ObjStm", "/Type /XRef", "/S/JavaScript", "/EmbeddedFiles"])
def test_what_pdf_a_1_forbids_denies_the_claim(denied):
    assert not is_pdf_a_1(claiming("1", "B") + denied.encode())
    assert is_pdf_a_1(claiming("1", "B") + b"/EncryptedNothing")


@pytest.mark.parametrize(
    ("pdf", "noted"),
    [(claiming("1", "B"), ()), (PLAIN, (Tolerance.NOT_PDF_A,)), (claiming("3", "B"), (Tolerance.NOT_PDF_A,))],
)
def test_a_body_that_does_not_claim_it_is_noted_and_filed(pdf, noted):
    prepared = prepare_document(fictional_cda(pdf=pdf), source_id="1.2.3", submission_time="20261123120000")

    assert prepared.warnings == noted
    assert prepared.header_refusal is None


def test_a_body_that_cannot_be_read_is_not_noted():
    cda = fictional_cda(pdf=PLAIN)
    broken = cda.replace(base64.b64encode(PLAIN)[:20], b"*" * 20)

    prepared = prepare_document(broken, source_id="1.2.3", submission_time="20261123120000")

    assert broken != cda
    assert prepared.warnings == ()


def test_a_copy_says_whether_it_is_one():
    (right,) = pdf_copies([fictional_cda(pdf=claiming("1", "B"))])
    (wrong,) = pdf_copies([fictional_cda(pdf=PLAIN)])

    assert (right.is_pdf_a, wrong.is_pdf_a) == (True, False)


def test_the_examples_of_ans_are_read(corpus: Path):
    """Their level 1 PDF bodies: some claim PDF/A-1, none breaks the reading."""
    read = 0
    for file in sorted((corpus / "cda").rglob("*.[xX][mM][lL]")):
        prepared = prepare_document(file.read_bytes(), source_id="1.2.3", submission_time="20261123120000")
        read += prepared.header is not None and prepared.header.body_media_type == "application/pdf"

    assert read > 3
