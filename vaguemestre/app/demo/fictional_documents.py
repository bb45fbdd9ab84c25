"""Fictional clinical documents: a PDF, a CDA level 1 around it, an IHE_XDM.zip around that.

Used by tests, by the demo and by people who try the program. Everything is built by the program's own writers, so
that what is sent here is what a real sender of ours would send.
"""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta, timezone

from dmp_bridge.cda.body import Body
from dmp_bridge.cda.header import InstanceId, Organization, PatientIdentity, Person
from dmp_bridge.cda.level_1 import Level1Request, compose_level_1
from dmp_bridge.packaging import package_documents
from dmp_bridge.xds.identifiers import INS_NIR_TEST, PROFESSIONALS, STRUCTURES
from dmp_bridge.xds.metadata import Code

WINTER_IN_PARIS = timezone(timedelta(hours=1))
WRITTEN_AT = datetime(2026, 1, 15, 10, 15, tzinfo=WINTER_IN_PARIS)
SOURCE_ID = "2.25.326455647509324498658414954543363588181"
GENERAL_PRACTICE = Code("G15_10/SM26", "1.2.250.1.213.1.1.4.5", "Médecin - Qualifié en Médecine Générale (SM)")


@dataclass(frozen=True, slots=True, kw_only=True)
class FictionalPatient:
    """A patient as her document names her; no such person exists."""

    ins: str = "279035121518989"
    oid: str = INS_NIR_TEST
    family: str = "PAT-TROIS"
    given: str = "DOMINIQUE"
    birth_date: date = date(1979, 3, 28)
    sex: str = "F"
    birth_place: str = "51215"

    @property
    def identity(self) -> PatientIdentity:
        """The patient as a CDA header says it."""
        return PatientIdentity(
            ids=(InstanceId(self.oid, self.ins),),
            birth_family=self.family,
            given=self.given,
            first_given=self.given.split()[0],
            sex=self.sex,
            birth_date=f"{self.birth_date:%Y%m%d}",
            birth_place=self.birth_place,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class FictionalAuthor:
    """A professional who writes documents, with her structure."""

    national_id: str = "810101234567"
    family: str = "MARTIN"
    given: str = "Camille"
    specialty: Code = GENERAL_PRACTICE
    structure_id: str = "10B0127189"
    structure_name: str = "CABINET DU DR MARTIN"

    @property
    def person(self) -> Person:
        """The author as a CDA header says it."""
        structure = Organization(identifier=InstanceId(STRUCTURES, self.structure_id), name=self.structure_name)
        return Person(
            identifier=InstanceId(PROFESSIONALS, self.national_id),
            family=self.family,
            given=self.given,
            specialty=self.specialty,
            organization=structure,
        )


DOMINIQUE = FictionalPatient()
CAMILLE_MARTIN = FictionalAuthor()


def fictional_pdf(*lines: str) -> bytes:
    """Return a one-page PDF 1.4 with LINES in Helvetica (Latin-1 characters)."""
    texts = " T* ".join(f"({_escaped(line)}) Tj" for line in lines or ("Document fictif",))
    stream = zlib.compress(f"BT /F1 12 Tf 16 TL 60 780 Td {texts} ET".encode("latin-1", "replace"))
    font = b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>"
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Count 1/Kids[3 0 R]>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Resources<</Font<</F1 4 0 R>>>>/Contents 5 0 R>>",
        font,
        b"<</Length %d/Filter/FlateDecode>>\nstream\n%b\nendstream" % (len(stream), stream),
    ]
    return _pdf_file(objects)


def _pdf_file(objects: Sequence[bytes]) -> bytes:
    content, offsets = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        offsets.append(len(content))
        content += b"%d 0 obj\n%b\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    trailer = b"trailer\n<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, len(content))
    return content + b"xref\n0 %d\n0000000000 65535 f \n%b%b" % (len(objects) + 1, table, trailer)


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")


def fictional_cda(
    patient: FictionalPatient = DOMINIQUE,
    author: FictionalAuthor = CAMILLE_MARTIN,
    *,
    title: str = "Compte rendu de consultation",
    pdf: bytes | None = None,
    **header: object,
) -> bytes:
    """Return a CDA R2 level 1 around a PDF, with a fresh id.

    Args:
        patient: whom it is about.
        author: who signs it.
        title: also the text of the PDF when none is given.
        pdf: the file to wrap.
        header: other fields of `Level1Request` (`type_code`, `written_at`, `replaces`…).
    """
    body = Body("application/pdf", pdf or fictional_pdf(title, f"{author.given} {author.family}"))
    request = Level1Request(
        patient=patient.identity, author=author.person, body=body, written_at=WRITTEN_AT, title=title
    )
    return compose_level_1(replace(request, **header))  # type: ignore[arg-type]


def fictional_archive(*documents: bytes, author: FictionalAuthor = CAMILLE_MARTIN) -> bytes:
    """Return an IHE_XDM.zip with these CDA documents, or with one fictional report."""
    return package_documents(
        documents or (fictional_cda(author=author),),
        sender=author.structure_name,
        source_id=SOURCE_ID,
        sent_at=WRITTEN_AT + timedelta(minutes=1),
    )
