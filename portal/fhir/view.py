"""What a caller sees of a record, as FHIR resources and pages of a search."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from access_core.profiles import Profile
from dmp_bridge.fhir import search
from dmp_bridge.fhir.dates import instant_text
from dmp_bridge.fhir.documents import RELATIONS, Shown, document_reference
from dmp_bridge.fhir.lists import folder_list, list_id, submission_list
from dmp_bridge.fhir.parameters import alternatives
from dmp_bridge.fhir.resources import Bundle, DocumentList, DocumentReference, Entry, EntrySearch, Link
from dmp_bridge.fhir.search import Package, Query
from dmp_bridge.record.holdings import Holdings, logical_id
from dmp_bridge.record.model import RecordedDocument
from dmp_bridge.xds.metadata import HAS_MEMBER, Folder
from dmp_bridge.xds.times import xds_from_instant

DOCUMENTS, LISTS = "DocumentReference", "List"
_MEMBERS = "List:item"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A search: by whom, from which base address, of which kind, and whether unknown parameters are refused."""

    account_id: str
    base: str
    kind: str
    query: Query
    strict: bool = False


@dataclass(frozen=True, slots=True)
class View:
    """What a caller sees of a record."""

    profile: Profile
    holdings: Holdings
    base: str
    names: Mapping[str, str]

    @classmethod
    def of(cls, profile: Profile, holdings: Holdings, base: str) -> "View":
        """Show HOLDINGS; `names` are the ids of the resources by entryUUID, that of any version."""
        latest = {logical_id(each): each.id for each in holdings.latest()}
        names = {each.entry.entry_id: latest[logical_id(each)] for each in holdings.documents}
        return cls(profile, holdings, base, names)

    def documents(self) -> list[RecordedDocument]:
        """Return the documents, the latest written first."""
        return sorted(self.holdings.latest(), key=lambda each: (each.entry.creation_time or "", each.id), reverse=True)

    def packages(self) -> list[Package]:
        """Return the submission sets and the folders, the latest first."""
        found: list[Package] = [*self.holdings.sets, *self.holdings.folders]
        return sorted(found, key=lambda each: (search.set_time(each) or "", each.entry_id), reverse=True)

    def document(self, found: RecordedDocument) -> DocumentReference:
        """Write a document, in any of its versions; the resource is named by the latest."""
        names = self.names
        name = names.get(found.entry.entry_id, found.id)
        shown = Shown(
            id=name,
            version=found.version,
            indexed=instant_text(found.filing.filed_at),
            url=f"{self.base}/Binary/{name}",
            patient=self.profile.id,
            relations=self.relations(name),
        )
        return document_reference(found.entry, shown)

    def relations(self, name: str) -> tuple[tuple[str, str], ...]:
        """Return what a document is to others: kinds of association, and ids of resources."""
        return tuple(
            (link.kind, self.names[link.target])
            for link in self.holdings.associations
            if link.kind in RELATIONS and self.names.get(link.source) == name and link.target in self.names
        )

    def leads_to(self, name: str, query: Query) -> bool:
        """Tell whether a document relates to those that a search names (`relatesto`)."""
        targets = {target for _, target in self.relations(name)}
        return all(
            targets & {each.removeprefix(f"{DOCUMENTS}/") for each in alternatives(value)}
            for value in query.every(search.RELATION)
        )

    def package(self, found: Package) -> DocumentList:
        """Write a submission set or a folder, with the documents that the caller sees of it."""
        members, patient = self.members(found), self.profile.id
        if isinstance(found, Folder):
            return folder_list(found, members, patient)
        return submission_list(found, members, patient)

    def members(self, found: Package) -> list[str]:
        """Return the ids of the documents of a set or folder."""
        names = self.names
        links = self.holdings.associations
        targets = [each.target for each in links if each.kind == HAS_MEMBER and each.source == found.entry_id]
        return list(dict.fromkeys(names[each] for each in targets if each in names))


def page_of(view: View, asked: Asked, unknown: frozenset[str], size: int) -> Bundle:
    """Return a page of what a search finds; UNKNOWN parameters are left out of its address.

    Raises:
        FhirProblem: a value is not written as it should be.
    """
    found: Sequence[RecordedDocument | Package]
    if asked.kind == DOCUMENTS:
        holds = search.document_condition(asked.query)
        found = [each for each in view.documents() if holds(each) and view.leads_to(each.id, asked.query)]
    else:
        matches = search.set_condition(asked.query)
        found = [each for each in view.packages() if matches(each)]
    found = _ordered(found, asked.query.first("_sort"))
    start = _start([_name(each) for each in found], asked.query.first("_page"))
    shown = found[start : start + size]
    used = [pair for pair in asked.query.pairs if pair[0] not in unknown and pair[0] != "_page"]
    links = [Link(relation="self", url=_url(view, asked, used))]
    if shown and start + size < len(found):
        links.append(Link(relation="next", url=_url(view, asked, [*used, ("_page", _name(shown[-1]))])))
    return Bundle(
        type="searchset",
        total=len(found),
        link=tuple(links),
        entry=(*(_entry(view, each) for each in shown), *_included(view, asked, shown)),
    )


def _written_down(found: RecordedDocument | Package) -> str:
    if isinstance(found, RecordedDocument):
        return xds_from_instant(found.filing.filed_at)
    return search.set_time(found) or ""


_TIMES: Mapping[str, Callable[[RecordedDocument | Package], str]] = {
    "_lastUpdated": _written_down,
    "date": _written_down,
    "creation": lambda found: (found.entry.creation_time or "") if isinstance(found, RecordedDocument) else "",
}


def _ordered(found: Sequence[RecordedDocument | Package], asked: str | None) -> Sequence[RecordedDocument | Package]:
    """Put what was found in the order that is asked for: one time, backwards after a minus."""
    if asked is None:
        return found
    time = _TIMES.get(asked.removeprefix("-"))
    if time is None:
        raise search.parameter_problem("_sort")
    return sorted(found, key=time, reverse=asked.startswith("-"))


def _name(found: RecordedDocument | Package) -> str:
    return found.id if isinstance(found, RecordedDocument) else list_id(found.entry_id)


def _start(names: Sequence[str], after: str | None) -> int:
    """Return where a page begins; the last of the page before may have been hidden since."""
    if after is None:
        return 0
    if after not in names:
        raise search.parameter_problem("_page")
    return names.index(after) + 1


def _url(view: View, asked: Asked, pairs: Sequence[tuple[str, str]]) -> str:
    """Write the address of a page; the patient is named by an id of ours, since addresses are written down."""
    others = [pair for pair in pairs if pair[0] not in search.PATIENT]
    return f"{view.base}/{asked.kind}?{urlencode([('patient', view.profile.id), *others])}"


def _entry(view: View, found: RecordedDocument | Package, mode: str = "match") -> Entry:
    if isinstance(found, RecordedDocument):
        return Entry(
            full_url=f"{view.base}/{DOCUMENTS}/{found.id}",
            resource=view.document(found),
            search=EntrySearch(mode=mode),
        )
    name = list_id(found.entry_id)
    return Entry(full_url=f"{view.base}/{LISTS}/{name}", resource=view.package(found), search=EntrySearch(mode=mode))


def _included(view: View, asked: Asked, shown: Sequence[RecordedDocument | Package]) -> list[Entry]:
    """Add the submission sets of the documents shown (`_revinclude=List:item`), or the documents of the sets."""
    names = {_name(each) for each in shown}
    if asked.kind == DOCUMENTS and _MEMBERS in asked.query.every("_revinclude"):
        return [_entry(view, each, "include") for each in view.packages() if names & set(view.members(each))]
    if asked.kind == LISTS and _MEMBERS in asked.query.every("_include"):
        members = {member for each in view.packages() if _name(each) in names for member in view.members(each)}
        return [_entry(view, each, "include") for each in view.documents() if each.id in members]
    return []
