"""What of a patient's record one caller may know of: each document decided as a reading, the rest is absent.

All versions of a document follow the decision on its latest: what is masked today was not always. A structure's
certificate reads nothing, but may find references to what it could delete, which the engine decides as that deletion
(dmp.md §1.3, TD3.1).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from access_core.acts import Act
from access_core.case_facts import readings
from access_core.case_inputs import NO_DOCUMENT, CaseFacts, ReadingRequest
from access_core.profiles import Profile
from dmp_bridge.record.facts import facts_of
from dmp_bridge.record.holdings import Holdings, logical_id
from dmp_bridge.record.model import RecordedDocument
from dmp_bridge.services.callers import Caller
from dmp_bridge.xds.metadata import HAS_MEMBER
from vaguemestre.kernel.database import Transaction

Cases = Callable[[RecordedDocument], CaseFacts]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """A caller in front of one patient's record, at an instant."""

    caller: Caller
    profile: Profile
    now: datetime

    def cases(self, tx: Transaction) -> Cases:
        """Load what is known of the caller and the patient; returns the facts of reading each of her documents."""
        sender = self.caller.sender
        request = ReadingRequest(
            reader=sender, profile=self.profile, document=NO_DOCUMENT, session=self.caller.session, now=self.now
        )
        of_document = readings(tx, request)
        return lambda found: self.caller.in_emergency(of_document(facts_of(found, reader_id=sender.id)))

    def case(self, tx: Transaction, found: RecordedDocument) -> CaseFacts:
        """Load the facts of reading a document."""
        return self.cases(tx)(found)

    def sees(self, tx: Transaction, found: RecordedDocument, *, references: bool) -> bool:
        """Tell whether a document is there for the caller; REFERENCES: only its id would be shown."""
        return _is_seen(self.case(tx, found), references=references)

    def visible(self, tx: Transaction, holdings: Holdings, *, references: bool) -> Holdings:
        """Return the part of HOLDINGS that the caller may know of, without a dangling link."""
        case = self.cases(tx)
        seen = {logical_id(each) for each in holdings.latest() if _is_seen(case(each), references=references)}
        documents = tuple(each for each in holdings.documents if logical_id(each) in seen)
        entries = {each.entry.entry_id for each in documents}
        holders = {each.source for each in holdings.associations if each.kind == HAS_MEMBER and each.target in entries}
        ids = entries | holders
        return replace(
            holdings,
            documents=documents,
            sets=tuple(each for each in holdings.sets if each.entry_id in holders),
            folders=tuple(each for each in holdings.folders if each.entry_id in holders),
            associations=tuple(each for each in holdings.associations if {each.source, each.target} <= ids),
        )


def _is_seen(case: CaseFacts, *, references: bool) -> bool:
    return case.decide().allowed or (references and replace(case, act=Act.DELETE_DOCUMENT).decide().allowed)
