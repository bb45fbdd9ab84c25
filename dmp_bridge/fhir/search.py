"""The searches of MHD and PDSm, for documents (ITI-67) and submission sets (ITI-66), as conditions on values. Pure.

A parameter that is not known is left out, as FHIR says, unless the client asks to be strict; a modifier or a value
that is not understood is refused, since leaving it out would find what was not asked for.

Source: https://hl7.org/fhir/R4/search.html; ITI-67 §3.67.4.1.2; ITI-66 §3.66.4.1.2; PDSm flux 05
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from dmp_bridge.fhir.documents import reference_id_of
from dmp_bridge.fhir.elements import Identifier
from dmp_bridge.fhir.identity import OID_PREFIX, cx_of, numbers_of_search, unique_id_of
from dmp_bridge.fhir.lists import FOLDER, SUBMISSION_SET, list_id
from dmp_bridge.fhir.parameters import Span, alternatives, begins, date_condition, has_code, token
from dmp_bridge.fhir.problems import FhirProblem, IssueType
from dmp_bridge.record.model import Availability, RecordedDocument
from dmp_bridge.refusals import Refusal
from dmp_bridge.xds.identifiers import CX, INS_NIR, XCN, XON
from dmp_bridge.xds.metadata import Author, Code, DocumentEntry, Folder, SubmissionSet
from dmp_bridge.xds.times import xds_from_instant

T = TypeVar("T")
Package = SubmissionSet | Folder
Condition = Callable[[T], bool]
Maker = Callable[[str], Condition[T] | None]
"""From one value of a parameter to its condition; None when the value is not understood."""

PATIENT = ("patient", "subject", "patient.identifier", "subject.identifier")
CONTROLS = ("_count", "_format", "_page", "_revinclude", "_include", "_sort")
RELATION = "relatesto"
MAX_PARAMETERS = 50
MAX_ALTERNATIVES = 100
# A chain may name the type that it goes through, and the person behind a role: `author:PractitionerRole.name`.
_TYPE = re.compile(r":(?:Patient|PractitionerRole|Practitioner|Device|Organization)(?=\.)", re.ASCII)
_PATIENT_ID = re.compile(r"(?:Patient/)?([0-9a-f]{32})", re.ASCII)
_STATUSES = {
    "current": {Availability.APPROVED, Availability.ARCHIVED},
    "superseded": {Availability.DEPRECATED},
}


@dataclass(frozen=True, slots=True)
class Query:
    """A search as it was asked: pairs of name and value, in order."""

    pairs: tuple[tuple[str, str], ...]

    @classmethod
    def read(cls, pairs: Sequence[tuple[str, str]]) -> "Query":
        """Read the parameters of a search.

        Raises:
            FhirProblem: there are too many.
        """
        if len(pairs) > MAX_PARAMETERS or any(value.count(",") >= MAX_ALTERNATIVES for _, value in pairs):
            raise parameter_problem()
        return cls(tuple((_plain_name(name), value) for name, value in pairs if value))

    def first(self, name: str) -> str | None:
        """Return the first value of a parameter, None when it is not given."""
        return next(iter(self.every(name)), None)

    def every(self, name: str) -> list[str]:
        """Return the values of a parameter: all of them must hold."""
        return [value for given, value in self.pairs if given == name]


def _plain_name(name: str) -> str:
    plain = _TYPE.sub("", name).replace(".practitioner.", ".")
    return RELATION if plain.lower() == RELATION else plain


def parameter_problem(name: str = "") -> FhirProblem:
    """Return the refusal of a parameter, named when it is one of ours."""
    return FhirProblem.of(IssueType.NOT_SUPPORTED, Refusal.FHIR_PARAMETER, name)


def patient_of_query(query: Query) -> CX | str | None:
    """Return the patient that a search names: an identifier, the id of one of ours, or None.

    Raises:
        FhirProblem: it names several, or not as it should.
    """
    found = {_patient(name, value) for name in PATIENT for value in query.every(name)}
    if len(found) > 1:
        raise parameter_problem("patient")
    return next(iter(found), None)


def _patient(name: str, value: str) -> CX | str:
    if name.endswith("identifier"):
        system, number = token(value)
        if system == "" or not number:
            raise parameter_problem(name)
        # Without a system any would do: the record knows patients by their INS.
        return cx_of(Identifier(system=system or f"{OID_PREFIX}{INS_NIR}", value=number))
    found = _PATIENT_ID.fullmatch(value)
    if found is None:
        raise parameter_problem(name)
    return found[1]


def unique_ids_of_query(query: Query) -> list[str]:
    """Return the unique ids that a search names by `identifier`, alternatives of the first one."""
    values = alternatives(query.first("identifier") or "")
    return [found for each in values if (found := unique_id_of(*token(each))) is not None]


def unknown_parameters(query: Query, known: Iterable[str]) -> list[str]:
    """Return the names that mean nothing in a search.

    Raises:
        FhirProblem: a known parameter has a modifier, none of which is supported.
    """
    names = {*known, *PATIENT, *CONTROLS}
    unknown = [name for name, _ in query.pairs if name not in names]
    for name in unknown:
        if name.partition(":")[0] in names:
            raise parameter_problem(name.partition(":")[0])
    return unknown


def document_condition(query: Query) -> Condition[RecordedDocument]:
    """Return what a document must be to be found.

    Raises:
        FhirProblem: a value is not written as it should be.
    """
    return _all_of(query, DOCUMENT_PARAMETERS)


def set_condition(query: Query) -> Condition[Package]:
    """Return what a submission set or a folder must be to be found; raises as `document_condition` does."""
    return _all_of(query, SET_PARAMETERS)


def _all_of(query: Query, makers: Mapping[str, Maker[T]]) -> Condition[T]:
    conditions = [_any_of(makers[name], value, name) for name, value in query.pairs if name in makers]
    return lambda found: all(each(found) for each in conditions)


def _any_of(maker: Maker[T], value: str, name: str) -> Condition[T]:
    made = [maker(each) for each in alternatives(value)]
    conditions = [each for each in made if each is not None]
    if not conditions or len(conditions) < len(made):
        raise parameter_problem(name)
    return lambda found: any(each(found) for each in conditions)


def _coded(codes_of: Callable[[DocumentEntry], Iterable[Code | None]]) -> Maker[RecordedDocument]:
    return lambda value: lambda found: has_code(value, codes_of(found.entry))


def _dated(span_of: Callable[[T], Span | None]) -> Maker[T]:
    def maker(value: str) -> Condition[T] | None:
        condition = date_condition(value)
        return None if condition is None else lambda found: condition(span_of(found))

    return maker


def _named(authors_of: Callable[[T], Iterable[Author]], part: str) -> Maker[T]:
    return lambda value: (
        lambda found: any(
            author.person is not None and begins(getattr(author.person, part), value) for author in authors_of(found)
        )
    )


def _called(authors_of: Callable[[T], Iterable[Author]]) -> Maker[T]:
    """Match the family or the given name of an author, or the name of a structure."""

    def holds(author: Author, value: str) -> bool:
        person = () if author.person is None else (author.person.family, author.person.given)
        return any(begins(each, value) for each in (*person, *(each.name for each in author.institutions)))

    return lambda value: lambda found: any(holds(each, value) for each in authors_of(found))


def _numbered(numbers_of: Callable[[T], Iterable[XCN | XON]]) -> Maker[T]:
    """Match the number of a person or a structure, as FHIR sources write them or as XDS does."""

    def maker(value: str) -> Condition[T]:
        system, number = token(value)
        wanted = {(oid, written) for oid, written in numbers_of_search(system, number)}
        return lambda found: any(
            (each.oid, each.identifier) in wanted or (system is None and each.identifier == number)
            for each in numbers_of(found)
        )

    return maker


def _authors_numbers(authors: Iterable[Author]) -> list[XCN | XON]:
    return [
        number
        for author in authors
        for number in (*((author.person,) if author.person is not None else ()), *author.institutions)
    ]


def _document_status(value: str) -> Condition[RecordedDocument] | None:
    states = _STATUSES.get(token(value)[1])
    return None if states is None else lambda found: found.availability in states


def _archived(value: str) -> Condition[RecordedDocument] | None:
    wanted = {"true": True, "false": False}.get(token(value)[1])
    return None if wanted is None else lambda found: (found.availability is Availability.ARCHIVED) is wanted


def _identified(value: str) -> Condition[RecordedDocument]:
    system, number = token(value)
    unique_id = unique_id_of(system, number)
    return lambda found: found.entry.unique_id == unique_id or number in (found.entry.entry_id, found.entry.logical_id)


def _related(value: str) -> Condition[RecordedDocument]:
    system, number = token(value)
    written = None if system is None else reference_id_of(Identifier(system=system, value=number)).rstrip("^")

    def holds(found: RecordedDocument) -> bool:
        ids = found.entry.reference_ids
        if written is None:
            return any(CX(each).value == number for each in ids)
        return any(each.startswith(written) for each in ids)

    return holds


def _set_identified(value: str) -> Condition[Package]:
    system, number = token(value)
    unique_id = unique_id_of(system, number)
    return lambda found: found.unique_id == unique_id or found.entry_id == number


def _set_source(value: str) -> Condition[Package]:
    source = token(value)[1].removeprefix("urn:oid:")
    return lambda found: isinstance(found, SubmissionSet) and found.source_id == source


def _set_status(value: str) -> Condition[Package] | None:
    known = token(value)[1] in ("current", "retired", "entered-in-error")
    return (lambda _: token(value)[1] == "current") if known else None


def _set_archived(value: str) -> Condition[Package] | None:
    """Match sets that are put aside: there are none, only documents are."""
    known = token(value)[1] in ("true", "false")
    return (lambda _: token(value)[1] == "false") if known else None


def _set_code(value: str) -> Condition[Package]:
    return lambda found: token(value)[1] == (FOLDER if isinstance(found, Folder) else SUBMISSION_SET)


def set_time(found: Package) -> str | None:
    """Return the XDS time of a set, when it was submitted, or of a folder, when it last changed."""
    return found.updated_at if isinstance(found, Folder) else found.submission_time


def _set_authors(found: Package) -> tuple[Author, ...]:
    return () if isinstance(found, Folder) else found.authors


def _set_designations(found: Package) -> tuple[Code | None, ...]:
    return found.codes if isinstance(found, Folder) else (found.content_type,)


def _id(value: str) -> Condition[RecordedDocument]:
    return lambda found: found.id == value


DOCUMENT_PARAMETERS: Mapping[str, Maker[RecordedDocument]] = {
    "_id": _id,
    "_lastUpdated": _dated(lambda found: Span.of(xds_from_instant(found.filing.filed_at))),
    "date": _dated(lambda found: Span.of(xds_from_instant(found.filing.filed_at))),
    "creation": _dated(lambda found: Span.of(found.entry.creation_time)),
    "period": _dated(lambda found: Span.between(found.entry.service_start, found.entry.service_stop)),
    "period-start": _dated(lambda found: Span.of(found.entry.service_start)),
    "period-end": _dated(lambda found: Span.of(found.entry.service_stop)),
    "status": _document_status,
    "isArchived": _archived,
    "identifier": _identified,
    "related": _related,
    "type": _coded(lambda entry: (entry.type_code,)),
    "category": _coded(lambda entry: (entry.class_code,)),
    "format": _coded(lambda entry: (entry.format_code,)),
    "facility": _coded(lambda entry: (entry.facility_type,)),
    "setting": _coded(lambda entry: (entry.practice_setting,)),
    "event": _coded(lambda entry: entry.event_codes),
    "security-label": _coded(lambda entry: entry.confidentiality),
    "author.family": _named(lambda found: found.entry.authors, "family"),
    "author.given": _named(lambda found: found.entry.authors, "given"),
    "author.name": _called(lambda found: found.entry.authors),
    "author.identifier": _numbered(lambda found: _authors_numbers(found.entry.authors)),
}
SET_PARAMETERS: Mapping[str, Maker[Package]] = {
    "_id": lambda value: lambda found: list_id(found.entry_id) == value,
    "date": _dated(lambda found: Span.of(set_time(found))),
    "identifier": _set_identified,
    "sourceId": _set_source,
    "status": _set_status,
    "isArchived": _set_archived,
    "code": _set_code,
    "title": lambda value: lambda found: begins(found.title, value),
    "designationType": lambda value: lambda found: has_code(value, _set_designations(found)),
    "source.family": _named(_set_authors, "family"),
    "source.given": _named(_set_authors, "given"),
    "source.name": _called(_set_authors),
    "source.identifier": _numbered(lambda found: _authors_numbers(_set_authors(found))),
    "authorOrg.identifier": _numbered(
        lambda found: [each for author in _set_authors(found) for each in author.institutions]
    ),
}
