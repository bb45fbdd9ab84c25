"""What a mail carries: the archive, and copies in PDF under the names of the norm."""

from dataclasses import replace

import pytest
from lxml import etree

from dmp_bridge.cda.body import Body
from dmp_bridge.cda.level_1 import Level1Request, compose_level_1
from dmp_bridge.cda.reader import read_cda
from dmp_bridge.packaging import copy_name, package_documents, pdf_copies
from dmp_bridge.refusals import ExchangeError, Refusal
from tests.unit.dmp_bridge.archives import entries_of
from vaguemestre.app.demo.fictional_documents import (
    CAMILLE_MARTIN,
    DOMINIQUE,
    SOURCE_ID,
    WRITTEN_AT,
    fictional_cda,
    fictional_pdf,
)


@pytest.mark.requirement("MSS2:ECO.2.1.5")
def test_the_copy_of_a_level_1_document_is_the_pdf_that_it_holds():
    pdf = fictional_pdf("Bonjour")

    (copy,) = pdf_copies([fictional_cda(pdf=pdf)])

    assert copy.content == pdf
    assert copy.name == "20260115_CR-ou-fiche-de-consultation-ou-de-visite_PAT-TROIS_Dominique.pdf"


@pytest.mark.requirement("MSS2:ECO.2.1.5")
def test_the_copy_of_a_structured_document_is_the_one_that_it_carries(corpus):
    folder = corpus / "cda" / "ans-testcontenu"
    with_copy = (folder / "BIO-CR-BIO_2024.01_TSH_1.xml").read_bytes()
    without = (folder / "VSM_1.4_2022.01.xml").read_bytes()

    (copy,) = pdf_copies([with_copy, without])

    assert copy.content.startswith(b"%PDF-")
    assert copy.name == "20210104_CR-d-examens-biologiques_PAT-TROIS_Dominique.pdf"


def test_a_text_has_no_copy():
    request = Level1Request(
        patient=DOMINIQUE.identity, author=CAMILLE_MARTIN.person, body=Body("text/plain", b"a"), written_at=WRITTEN_AT
    )

    assert pdf_copies([compose_level_1(request)]) == ()


@pytest.mark.requirement("MSS2:ECO.2.1.6")
@pytest.mark.parametrize(
    ("family", "given", "label", "name"),
    [
        (
            "D'ÉON DE L'ÎLE",
            "Jean-Gaël Marie",
            "Lettre d'adressage",
            "20260115_Lettre-d-adressage_D-EON-DE-L-ILE_Jean-gael.pdf",
        ),
        ("MÜLLER", "", "", "20260115_MULLER.pdf"),
        ("../..", "a/b\0", "a" * 90, f"20260115_{'a' * 40}_A-b.pdf"),
    ],
)
def test_names_of_copies_are_plain(family, given, label, name):
    header = read_cda(fictional_cda())
    patient = replace(header.patient, birth_family=family, first_given=given.split()[0] if given else None, given=None)

    assert copy_name(replace(header, patient=patient, code=replace(header.code, display=label))) == name


def test_documents_of_two_patients_make_no_archive():
    other = fictional_cda(replace(DOMINIQUE, ins="277076322082910"))

    with pytest.raises(ExchangeError, match=Refusal.PATIENT_AMBIGUOUS):
        package_documents([fictional_cda(), other], sender="x", source_id=SOURCE_ID, sent_at=WRITTEN_AT)


def test_metadata_are_valid_by_the_published_schema(corpus):
    schema = etree.XMLSchema(etree.parse(corpus / "xsd" / "xds-v3" / "lcm.xsd"))
    documents = [
        path.read_bytes()
        for path in sorted((corpus / "cda" / "ans-testcontenu").glob("*.xml"))
        if b"2790351215189" in path.read_bytes()
    ]

    entries = entries_of(package_documents(documents, sender="x", source_id=SOURCE_ID, sent_at=WRITTEN_AT))

    schema.assertValid(etree.fromstring(entries["IHE_XDM/SUBSET01/METADATA.XML"]))
    assert len(documents) > 30
    assert [name for name in entries if name.endswith(".XML")][1:] == [
        f"IHE_XDM/SUBSET01/DOC{number:05d}.XML" for number in range(1, len(documents) + 1)
    ]
