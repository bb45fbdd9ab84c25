"""What of a patient's record one caller may know of: each document decided as a reading, the rest is absent.

All versions of a document follow the decision on its latest: what is masked today was not always. A structure's
certificate reads nothing, but may find references to what it could delete, which the engine decides as that deletion
(dmp.md §1.3, TD3.1).
"""

from dataclasses import dataclass, replace
from datetime import datetime

from access_core.acts import Act
from access_core.case_facts import reading_facts
from access_core.case_inputs import CaseFacts, ReadingRequest
from access_core.profiles import Profile
from dmp_bridge.record.facts import facts_of
from dmp_bridge.record.holdings import Holdings, logical_id
from dmp_bridge.record.model import RecordedDocument
from dmp_bridge.services.callers import Caller
from dmp_bridge.xds.metadata import HAS_MEMBER
from vaguemestre.kernel.database import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """A caller in front of one patient's record, at an instant."""

    caller: Caller
    profile: Profile
    now: datetime

    def case(self, tx: Transaction, found: RecordedDocument) -> CaseFacts:
        """Load the facts of reading a document."""
        request = ReadingRequest(
            reader=self.caller.sender,
            profile=self.profile,
            document=facts_of(found, reader_id=self.caller.sender.id),
            session=self.caller.session,
            now=self.now,
        )
        return self.caller.in_emergency(reading_facts(tx, request))

    def sees(self, tx: Transaction, found: RecordedDocument, *, references: bool) -> bool:
        """Tell whether a document is there for the caller; REFERENCES: only its id would be shown."""
        case = self.case(tx, found)
        return case.decide().allowed or (references and replace(case, act=Act.DELETE_DOCUMENT).decide().allowed)

    def visible(self, tx: Transaction, holdings: Holdings, *, references: bool) -> Holdings:
        """Return the part of HOLDINGS that the caller may know of, without a dangling link."""
        seen = {logical_id(each) for each in holdings.latest() if self.sees(tx, each, references=references)}
        documents = tuple(each for each in holdings.documents if logical_id(each) in seen)
        entries = {each.entry.entry_id for each in documents}
        holders = {each.source for each in holdings.associations if each.kind == HAS_MEMBER and each.target in entries}
        ids = entries | holders
        return replace(
            holdings,
            documents=documents,
            sets=tuple(each for each in holdings.sets if each.entry_id in holders),
            associations=tuple(each for each in holdings.associations if {each.source, each.target} <= ids),
        )
