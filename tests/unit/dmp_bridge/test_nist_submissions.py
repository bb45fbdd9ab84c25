"""The submissions and updates of the NIST kit get the answer that its plans state (`tests/spec/nist_submissions.csv`).

The kit's documents are plain texts; where a plan expects a success, our CDA takes the place of the text. Its patient
becomes ours. What is shown elsewhere, or not served by a French record, is in `tests/spec/nist_elsewhere.csv`.
"""

import csv
import hashlib
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
from lxml import etree

from dmp_bridge.transport.mtom import read_package
from dmp_bridge.transport.soap import read_request
from dmp_bridge.xds.identifiers import new_oid
from dmp_bridge.xds.metadata import DocumentEntry, Submission
from tests.fictional.fhir_client import unique_id_of
from tests.fictional.xds_client import PATIENT, Answered, read_answer
from tests.unit.dmp_bridge.nist_kit import submission_of_kit
from tests.unit.dmp_bridge.test_nist_queries import SECTIONS
from tests.unit.dmp_bridge.xds_house import House
from tests.unit.dmp_bridge.xds_vectors import PROVIDE, XDS, as_text, provide_body
from vaguemestre.app.demo.fictional_documents import fictional_cda

SPEC = Path(__file__).parents[2] / "spec"
ROWS = list(csv.DictReader((SPEC / "nist_submissions.csv").read_text().splitlines()))
UUID = "urn:uuid:47ab75ca-9e83-4abc-bc01-b342156b07e4"
KIT_PATIENT = "SELF-5^^^&amp;1.3.6.1.4.1.21367.2005.3.7&amp;ISO"
OTHER = "188102B17295264^^^&1.2.250.1.213.1.4.10&ISO^NH"


def described(entry: DocumentEntry, cda: bytes) -> DocumentEntry:
    """The metadata of the kit for one of our documents."""
    return replace(entry, unique_id=unique_id_of(cda), mime_type="text/xml", hash=None, size_bytes=None)


class Playing:
    """One row in front of one record."""

    def __init__(self, house: House, kit: Path, row: dict[str, str]) -> None:
        self.house, self.row, self.file = house, row, kit / row["file"]

    async def answer(self) -> Answered:
        if self.row["transaction"] == "ITI-57":
            return await self.update()
        submission = self.submission()
        if self.row["documents"] in ("text", "none", "extra"):
            return await self.as_sent(submission)
        cdas = [fictional_cda(title=f"Document {place}") for place, _ in enumerate(submission.entries)]
        claims = {"patient": OTHER} if "other patient" in self.row["transaction"] else {}
        if self.row["documents"] in ("same", "changed", "same id"):
            await self.provide(submission, cdas)
            submission = self.again(submission)
        if self.row["documents"] == "changed":
            cdas = [each.replace(b"Document 0", b"Document 9") for each in cdas]
        if self.row["documents"] == "same id":
            cdas = [fictional_cda()]
        if self.row["documents"] == "one flawed":
            return await self.provide(submission, [cdas[0], cdas[1] + b"<"])
        return await self.provide(submission, cdas, **claims)

    def submission(self, **values: str) -> Submission:
        patient = OTHER if "other patient" in self.row["transaction"] else PATIENT
        known = dict.fromkeys(("$patientid$", "$patient_id$"), patient)
        known |= {KIT_PATIENT: patient, "$altpatientid$": OTHER, "$deid$": UUID}
        known |= {"$doc_uid$": "1.2.3", "$repuid$": "1.2.4"}
        return submission_of_kit(self.file, {**known, **{f"${name}$": value for name, value in values.items()}})

    def again(self, submission: Submission) -> Submission:
        """The same again, in a set of its own."""
        return replace(submission, submission_set=replace(submission.submission_set, unique_id="2.25.77"))

    async def provide(self, submission: Submission, cdas: list[bytes], **claims: str) -> Answered:
        pairs = zip(submission.entries, cdas, strict=True)
        entries = tuple(described(entry, cda.removesuffix(b"<")) for entry, cda in pairs)
        if self.row["documents"] == "upper-case hash":
            digests = (hashlib.sha1(cda, usedforsecurity=False).hexdigest().upper() for cda in cdas)
            entries = tuple(replace(entry, hash=digest) for entry, digest in zip(entries, digests, strict=True))
        folders = tuple(replace(each, unique_id=new_oid()) for each in submission.folders)  # as the kit's tool does
        body = provide_body(replace(submission, entries=entries, folders=folders))
        return await self.house.client.call("repository", PROVIDE, body, cdas, **claims)

    async def as_sent(self, submission: Submission) -> Answered:
        texts = [(self.file.parent / name).read_bytes() for name in ("my_document.txt",)]
        names = {"text": None, "none": [], "extra": ["Document01"]}[self.row["documents"]]
        body = provide_body(submission, names)
        return await self.house.client.call("repository", PROVIDE, body, texts)

    async def update(self) -> Answered:
        await self.house.provide(fictional_cda())
        entry = self.house.document().entry
        values = {"orig_docentry_uuid": entry.entry_id, "lid": entry.logical_id or "", "uuid": entry.entry_id}
        return await self.house.update(as_text(self.submission(**values)))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['file']}-{row['documents']}".replace(" ", "_"))
@pytest.mark.requirement("ITI-41")
@pytest.mark.requirement("ITI-57")
async def test_a_submission_of_the_kit_gets_the_answer_of_its_plan(corpus, house, row):
    before = len(house.practice.documents())

    answer = await Playing(house, corpus / "xds-testkit", row).answer()

    assert (answer.status, answer.outcome) == (200, row["status"])
    assert [each for each in answer.codes if each != row["code"]] == []
    assert bool(answer.codes) is (row["status"] == "Failure")
    if row["status"] == "Failure" and row["transaction"] == "ITI-41" and not row["documents"].startswith(("s", "c")):
        assert len(house.practice.documents()) == before


def test_every_section_of_the_kit_is_shown_somewhere_or_left_out_for_a_reason(corpus):
    """Those of the tables, those of the stored queries, and those that another test shows."""
    kit = corpus / "xds-testkit"
    sections = {str(plan.parent.relative_to(kit)) for plan in kit.rglob("testplan.xml")}
    here = {row["file"].rpartition("/")[0] for row in ROWS} | set(SECTIONS)
    rows = list(csv.DictReader((SPEC / "nist_elsewhere.csv").read_text().splitlines()))
    patterns = [row["sections"] for row in rows]
    written = "".join(file.read_text() for file in Path(__file__).parent.glob("test_*.py"))

    assert {each for each in sections - here if not any(fnmatchcase(each, pattern) for pattern in patterns)} == set()
    assert [pattern for pattern in patterns if not any(fnmatchcase(each, pattern) for each in sections)] == []
    assert [row for row in rows if row["shown_by"] and f"def {row['shown_by']}(" not in written] == []


RAW = ("PnrXop/Xop", "PnrXop/NoXop", "PnrXop/encodedURL", "PnrXop/dicom", "PnrNoXop/submit")


@pytest.mark.parametrize("section", RAW)
@pytest.mark.requirement("ITI-41")
async def test_a_message_of_the_kit_is_read_as_it_was_sent(corpus, house, section):
    """MTOM of other stacks: XOP or not, escaped content ids, odd boundaries; without a VIHF, a fault."""
    folder = corpus / "xds-testkit" / section
    headers = etree.parse(folder / "testplan.xml").findtext(".//Headers") or ""
    content_type, body = headers.partition("Content-Type:")[2].strip(), (folder / "body.txt").read_bytes()

    request = read_request(read_package(content_type, body), max_bytes=len(body))
    documents = [request.content_of(each) for each in request.body.iter(f"{{{XDS}}}Document")]
    answer = read_answer(await house.endpoint.answer("repository", content_type, body))

    assert request.action == PROVIDE
    assert all(documents)
    assert documents
    assert (answer.status, answer.fault) == (400, ["Sender", "InvalidSecurity"])


def test_every_expected_failure_of_a_submission_is_in_the_table(corpus):
    known = {row["file"].rpartition("/")[0] for row in ROWS}
    elsewhere = {"40000b/no_orig_docentry", "40000d/update", "40000e/update", "15802b/approve_orig_docentry_2"}
    missing = []
    for plan in sorted((corpus / "xds-testkit").rglob("testplan.xml")):
        section = str(plan.parent.relative_to(corpus / "xds-testkit"))
        tree = etree.parse(plan)
        failing = "Failure" in [each.text for each in tree.iter("ExpectedStatus")]
        if failing and tree.find(".//StoredQueryTransaction") is None and section not in known | elsewhere:
            missing.append(section)

    assert missing == []
