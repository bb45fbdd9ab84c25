"""The stored-query tests of NIST (11897, 11898, 11901, 11903, 11904) over the metadata that they prescribe (12346).

One section is left out: `no_matching_classcode`, whose plan expects an error and whose text expects an empty answer.
"""

import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from lxml import etree

from dmp_bridge.record.holdings import Holdings
from dmp_bridge.record.model import Availability, Filing, RecordedDocument
from dmp_bridge.record.registry import new_entry_uuid
from dmp_bridge.record.search import search
from dmp_bridge.xds.errors import XdsRefusal
from dmp_bridge.xds.identifiers import new_oid
from dmp_bridge.xds.metadata import (
    APPROVED,
    DEPRECATED,
    REPLACES,
    Association,
    DocumentEntry,
    Submission,
    SubmissionSet,
)
from dmp_bridge.xds.queries import read_query
from tests.conftest import NOON
from tests.unit.dmp_bridge.nist_kit import submission_of_kit

PATIENT = "76cc^^^&1.3.6.1.4.1.21367.2005.3.7&ISO"
STEPS = ("single_doc", "doc_w_fol", "two_doc_w_fol", "doc_for_rplc", "rplc")
TESTS = {
    "11897": (
        "and approved author classcode_one classcode_practicesetting classcode_scheme_2 classcode_scheme_mismatch "
        "classcode_two confcode creationtime_between creationtime_between_long creationtime_left_edge "
        "creationtime_practicesetting creationtime_right_edge deprecated eventcode eventcode_multi_select formatcode "
        "hcftc hcftc_scheme leafclass objectref old_scheme practicesetting "
        "practicesetting_scheme refid servicestarttime servicestoptime typecode"
    ),
    "11898": (
        "author_all author_none contenttype_all contenttype_none other_sourceid simple submissiontime_in "
        "submissiontime_no_end submissiontime_no_start submissiontime_out"
    ),
    "11901": "uniqueid uniqueid2 uuid uuid2 uuid_multiple_slot_values",
    "11903": "multiple_assoc_from_doc multiple_assoc_from_ss multiple_doc single_from_doc",
    "11904": "uniqueid uniqueids uuid uuids",
}
SECTIONS = [f"{test}/{section}" for test, sections in TESTS.items() for section in sections.split()]
NAMES = {DocumentEntry: "Documents", SubmissionSet: "SubmissionSets", Association: "Associations"}


def submission_in(folder: Path, values: dict[str, str]) -> Submission:
    """Read the metadata of a step."""
    return submission_of_kit(next(each for each in folder.glob("*.xml") if each.name != "testplan.xml"), values)


class Kit:
    """The registry of the kit: its objects under ids of their own, and the names by which its tests call them."""

    def __init__(self, folder: Path) -> None:
        self.uuids: dict[tuple[str, str], str] = {}
        self.unique_ids: dict[tuple[str, str], str] = {}
        self.entries: list[DocumentEntry] = []
        self.sets: list[SubmissionSet] = []
        self.associations: list[Association] = []
        for step in STEPS:
            values = {"$patientid$": PATIENT, "$rplc_doc_uuid$": self.uuids.get(("doc_for_rplc", "Document01"), "")}
            self._submit(step, submission_in(folder / "12346" / step, values))

    def _submit(self, step: str, submission: Submission) -> None:
        ids = {
            each.entry_id: (new_entry_uuid(), new_oid()) for each in (submission.submission_set, *submission.entries)
        }
        for name, (uuid, unique_id) in ids.items():
            self.uuids[step, name], self.unique_ids[step, name] = uuid, unique_id
        self.sets.append(self._named(submission.submission_set, ids))
        replaced = {each.target for each in submission.associations if each.kind == REPLACES}
        self.entries = [
            replace(each, status=DEPRECATED if each.entry_id in replaced else each.status) for each in self.entries
        ]
        self.entries += [replace(self._named(each, ids), status=APPROVED) for each in submission.entries]
        for each in submission.associations:
            ends = [ids[name][0] if name in ids else name for name in (each.source, each.target)]
            self.associations.append(replace(each, association_id=new_entry_uuid(), source=ends[0], target=ends[1]))

    @staticmethod
    def _named(item, ids):
        uuid, unique_id = ids[item.entry_id]
        return replace(item, entry_id=uuid, unique_id=unique_id)

    def holdings(self) -> Holdings:
        """What the kit's registry holds."""
        return Holdings(
            documents=tuple(self._recorded(each) for each in self.entries),
            sets=tuple(self.sets),
            associations=tuple(self.associations),
        )

    @staticmethod
    def _recorded(entry: DocumentEntry) -> RecordedDocument:
        return RecordedDocument(
            id=entry.entry_id,
            profile_id="",
            mailbox_id="",
            content_id="",
            submission_set_id="",
            entry=entry,
            availability=Availability.APPROVED,
            filing=Filing(filed_at=NOON, label=""),
        )

    def query(self, section: Path) -> etree._Element:
        """Return the query of a section, with the ids that its plan names."""
        text = next(each for each in section.glob("*.xml") if "query" in each.name.lower()).read_text()
        for use in etree.parse(section / "testplan.xml").iter("UseId"):
            step = use.get("testdir", "").rpartition("/")[2]
            ids = self.unique_ids if use.get("section") == "AssignedUids" else self.uuids
            if use.get("section") != "AssignedPatientId":
                text = text.replace(use.get("symbol", ""), ids[step, use.get("id", "")])
        text = re.sub(r"\$patient_?id\$", PATIENT.replace("&", "&amp;"), text)
        return etree.fromstring(text.strip().encode())


@pytest.mark.parametrize("name", SECTIONS)
@pytest.mark.requirement("ITI-18")
def test_a_stored_query_finds_what_the_kit_expects(corpus, name: str):
    section = corpus / "xds-testkit" / name
    plan = etree.parse(section / "testplan.xml")
    kit = Kit(corpus / "xds-testkit")
    request = kit.query(section)

    try:
        found = search(kit.holdings(), read_query(request))
        status = "Success"
    except XdsRefusal:
        found, status = [], "Failure"

    assert status == plan.findtext(".//ExpectedStatus")
    counted = Counter(NAMES[type(each)] for each in found)
    counted["ObjectRefs"] = len(found)
    if plan.find(".//ExpectedContents/None") is not None:
        assert found == []
    for expected in plan.iterfind(".//ExpectedContents/*[@count]"):
        assert counted[expected.tag] == int(expected.get("count", "")), expected.tag
