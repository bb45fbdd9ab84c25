"""Stored queries over what the registry holds of one patient (ITI TF-2 §3.18.4.1.2.3.7). Pure.

Who may see what was decided before: the holdings given here hold nothing that the reader may not see.
"""

import re
from collections.abc import Callable, Iterable, Sequence

from dmp_bridge.record.holdings import Holdings
from dmp_bridge.xds.errors import XdsErrorCode, XdsRefusal
from dmp_bridge.xds.metadata import (
    APPROVED,
    HAS_MEMBER,
    Association,
    Author,
    Code,
    DocumentEntry,
    Folder,
    RegistryObject,
    SubmissionSet,
)
from dmp_bridge.xds.queries import Parameters, QueryKind, StoredQuery

Finder = Callable[[Holdings, Parameters], Sequence[RegistryObject]]
STABLE = "urn:uuid:7edca82f-054d-47f2-a032-9b2a5b5186c1"
_CODED = {
    "ClassCode": "class_code",
    "TypeCode": "type_code",
    "PracticeSettingCode": "practice_setting",
    "HealthcareFacilityTypeCode": "facility_type",
    "FormatCode": "format_code",
}
_TIMES = {
    "CreationTime": "creation_time",
    "ServiceStartTime": "service_start",
    "ServiceStopTime": "service_stop",
}


def patient_of_query(query: StoredQuery) -> str | None:
    """Return the CX of the patient that a query names; None for one that goes by ids.

    Raises:
        XdsRefusal: it must name one and does not.
    """
    name = _PATIENTS.get(query.kind)
    if name is None:
        return None
    query.parameters.required(name)
    return query.parameters.single(name)


def search(holdings: Holdings, query: StoredQuery) -> list[RegistryObject]:
    """Return the objects that a query finds, each once.

    Raises:
        XdsRefusal: a parameter is missing, or is not written as it should be.
    """
    _check_codes(query.parameters)
    found = _FINDERS[query.kind](holdings, query.parameters)
    return list({each.object_id: each for each in found}.values())


def _check_codes(parameters: Parameters) -> None:
    """Check that every coded parameter is written `code^^scheme`, whatever the record holds."""
    for name in parameters.groups:
        if not name.endswith(("Code", "CodeList", "ContentType")):
            continue
        if not all(all(value.partition("^^")[::2]) for value in parameters.values(name)):
            raise XdsRefusal.of(XdsErrorCode.REGISTRY, "Un code est attendu avec sa nomenclature.", name)


def _entries(holdings: Holdings) -> list[DocumentEntry]:
    return [each.entry for each in holdings.documents]


def _find_documents(holdings: Holdings, parameters: Parameters) -> list[DocumentEntry]:
    parameters.required("$XDSDocumentEntryStatus")
    wanted = parameters.values("$XDSDocumentEntryType")
    if wanted and STABLE not in wanted:
        return []
    return [each for each in _entries(holdings) if _matches(each, parameters)]


def _find_by_reference(holdings: Holdings, parameters: Parameters) -> list[DocumentEntry]:
    parameters.required("$XDSDocumentEntryReferenceIdList")
    return _find_documents(holdings, parameters)


def _matches(entry: DocumentEntry, parameters: Parameters) -> bool:
    prefix = "$XDSDocumentEntry"
    return (
        entry.status in parameters.values(f"{prefix}Status")
        and all(_has_code([getattr(entry, field)], parameters, f"{prefix}{name}") for name, field in _CODED.items())
        and _has_code(entry.confidentiality, parameters, f"{prefix}ConfidentialityCode")
        and _has_code(entry.event_codes, parameters, f"{prefix}EventCodeList")
        and all(_in_time(getattr(entry, field), parameters, f"{prefix}{name}") for name, field in _TIMES.items())
        and _has_author(entry.authors, parameters, f"{prefix}AuthorPerson")
        and all(set(group) & set(entry.reference_ids) for group in parameters.all_of(f"{prefix}ReferenceIdList"))
    )


def _find_sets(holdings: Holdings, parameters: Parameters) -> list[SubmissionSet]:
    if APPROVED not in parameters.required("$XDSSubmissionSetStatus"):
        return []
    sources = parameters.values("$XDSSubmissionSetSourceId")
    return [
        each
        for each in holdings.sets
        if (not sources or each.source_id in sources)
        and _in_time(each.submission_time, parameters, "$XDSSubmissionSetSubmissionTime")
        and _has_author(each.authors, parameters, "$XDSSubmissionSetAuthorPerson")
        and _has_code([each.content_type], parameters, "$XDSSubmissionSetContentType")
    ]


def _find_folders(holdings: Holdings, parameters: Parameters) -> list[Folder]:
    if APPROVED not in parameters.required("$XDSFolderStatus"):
        return []
    return [
        each
        for each in holdings.folders
        if _in_time(each.updated_at, parameters, "$XDSFolderLastUpdateTime")
        and _has_code(each.codes, parameters, "$XDSFolderCodeList")
    ]


def _named_folders(holdings: Holdings, parameters: Parameters) -> list[Folder]:
    """Return the folders that a query names, by entryUUID or by uniqueId."""
    ways = {"$XDSFolderEntryUUID": "entry_id", "$XDSFolderUniqueId": "unique_id"}
    given = [name for name in ways if parameters.values(name)]
    if len(given) != 1:
        _complain(given)
    wanted = parameters.values(given[0])
    return [each for each in holdings.folders if getattr(each, ways[given[0]]) in wanted]


def _get_folder_and_contents(holdings: Holdings, parameters: Parameters) -> list[RegistryObject]:
    folders = _named_folders(holdings, parameters)
    if len(parameters.values("$XDSFolderEntryUUID") + parameters.values("$XDSFolderUniqueId")) > 1:
        _complain(["$XDSFolderEntryUUID"])
    return _with_contents(holdings, parameters, folders)


def _with_contents(
    holdings: Holdings, parameters: Parameters, packages: Sequence[SubmissionSet | Folder]
) -> list[RegistryObject]:
    """Return sets or folders with the documents of the kind that is asked for, and the links between them."""
    ids = {each.object_id for each in packages}
    links = [each for each in holdings.associations if each.kind == HAS_MEMBER and each.source in ids]
    targets = {each.target for each in links}
    entries = [each for each in _entries(holdings) if each.entry_id in targets and _is_of_kind(each, parameters)]
    folders = [each for each in holdings.folders if each.entry_id in targets]
    shown = {each.entry_id for each in entries} | {each.entry_id for each in folders}
    return [*packages, *entries, *folders, *(each for each in links if each.target in shown)]


def _get_folders_for_document(holdings: Holdings, parameters: Parameters) -> list[Folder]:
    named = {each.entry_id for each in _named(holdings, parameters)}
    sources = {each.source for each in holdings.associations if each.kind == HAS_MEMBER and each.target in named}
    return [each for each in holdings.folders if each.entry_id in sources]


def _get_all(holdings: Holdings, parameters: Parameters) -> list[RegistryObject]:
    states = parameters.required("$XDSDocumentEntryStatus")
    of_sets = parameters.required("$XDSSubmissionSetStatus")
    of_folders = parameters.required("$XDSFolderStatus")
    entries = [each for each in _entries(holdings) if each.status in states and _is_of_kind(each, parameters)]
    sets = list(holdings.sets) if APPROVED in of_sets else []
    folders = list(holdings.folders) if APPROVED in of_folders else []
    found: list[RegistryObject] = [*entries, *sets, *folders]
    ids = {each.object_id for each in found}
    return [*found, *_between(holdings, ids)]


def _is_of_kind(entry: DocumentEntry, parameters: Parameters) -> bool:
    return _has_code([entry.format_code], parameters, "$XDSDocumentEntryFormatCode") and _has_code(
        entry.confidentiality, parameters, "$XDSDocumentEntryConfidentialityCode"
    )


def _named(holdings: Holdings, parameters: Parameters) -> list[DocumentEntry]:
    """Return the documents that a query names, by exactly one of the three ways to name them."""
    ways = {
        "$XDSDocumentEntryEntryUUID": "entry_id",
        "$XDSDocumentEntryUniqueId": "unique_id",
        "$XDSDocumentEntryLogicalID": "logical_id",
    }
    given = [name for name in ways if parameters.values(name)]
    if len(given) != 1:
        _complain(given)
    wanted = parameters.values(given[0])
    return [each for each in _entries(holdings) if getattr(each, ways[given[0]]) in wanted]


def _complain(given: Sequence[str]) -> None:
    code = XdsErrorCode.PARAMETER_NUMBER if given else XdsErrorCode.MISSING_PARAMETER
    raise XdsRefusal.of(code, "Un identifiant et un seul est attendu.")


def _get_associations(holdings: Holdings, parameters: Parameters) -> list[Association]:
    wanted = set(parameters.required("$uuid"))
    return [each for each in holdings.associations if {each.source, each.target} & wanted]


def _get_documents_and_associations(holdings: Holdings, parameters: Parameters) -> list[RegistryObject]:
    entries = _named(holdings, parameters)
    ids = {each.entry_id for each in entries}
    return [*entries, *(each for each in holdings.associations if {each.source, each.target} & ids)]


def _get_sets(holdings: Holdings, parameters: Parameters) -> list[RegistryObject]:
    wanted = set(parameters.required("$uuid"))
    links = [each for each in holdings.associations if each.kind == HAS_MEMBER and each.target in wanted]
    sources = {each.source for each in links}
    return [*(each for each in holdings.sets if each.entry_id in sources), *links]


def _get_set_and_contents(holdings: Holdings, parameters: Parameters) -> list[RegistryObject]:
    uuid, unique_id = (parameters.single(f"$XDSSubmissionSet{name}") for name in ("EntryUUID", "UniqueId"))
    if bool(uuid) == bool(unique_id):
        _complain([each for each in (uuid, unique_id) if each])
    sets = [each for each in holdings.sets if uuid == each.entry_id or unique_id == each.unique_id]
    return _with_contents(holdings, parameters, sets)


def _get_related(holdings: Holdings, parameters: Parameters) -> list[RegistryObject]:
    kinds = set(parameters.required("$AssociationTypes"))
    ids = {each.entry_id for each in _named(holdings, parameters)}
    documents = {each.entry_id for each in _entries(holdings)}
    links = [
        each
        for each in holdings.associations
        if each.kind in kinds and {each.source, each.target} & ids and {each.source, each.target} <= documents
    ]
    ends = {end for each in links for end in (each.source, each.target)}
    return [*(each for each in _entries(holdings) if each.entry_id in ends), *links]


def _between(holdings: Holdings, ids: set[str]) -> list[Association]:
    return [each for each in holdings.associations if {each.source, each.target} <= ids]


def _has_code(codes: Iterable[Code | None], parameters: Parameters, name: str) -> bool:
    """Check that one value of each group is a code of the object, `code^^scheme`."""
    written = {f"{code.code}^^{code.scheme}" for code in codes if code is not None}
    groups = parameters.all_of(name)
    return all(written & set(group) for group in groups)


def _in_time(value: str | None, parameters: Parameters, name: str) -> bool:
    """Check that From <= value < To, shorter times taken at their beginning."""
    first, last = parameters.single(f"{name}From"), parameters.single(f"{name}To")
    if not first and not last:
        return True
    moment = (value or "").ljust(14, "0")
    return bool(value) and first.ljust(14, "0") <= moment and (not last or moment < last.ljust(14, "0"))


def _has_author(authors: Iterable[Author], parameters: Parameters, name: str) -> bool:
    """Check an author's XCN against SQL patterns (`%` any text, `_` one character)."""
    groups = parameters.all_of(name)
    written = [author.person.text for author in authors if author.person is not None]
    return all(any(_like(value, text) for value in group for text in written) for group in groups)


def _like(pattern: str, text: str) -> bool:
    """Match as SQL LIKE does, in time that grows with the text only as a product, not a power."""
    reach = {0}
    for each in re.sub("%+", "%", pattern):
        if each == "%":
            reach = set(range(min(reach), len(text) + 1)) if reach else reach
        else:
            reach = {place + 1 for place in reach if place < len(text) and each in ("_", text[place])}
    return len(text) in reach


_PATIENTS = {
    QueryKind.FIND_DOCUMENTS: "$XDSDocumentEntryPatientId",
    QueryKind.FIND_BY_REFERENCE: "$XDSDocumentEntryPatientId",
    QueryKind.FIND_SUBMISSION_SETS: "$XDSSubmissionSetPatientId",
    QueryKind.FIND_FOLDERS: "$XDSFolderPatientId",
    QueryKind.GET_ALL: "$patientId",
}
_FINDERS: dict[QueryKind, Finder] = {
    QueryKind.FIND_DOCUMENTS: _find_documents,
    QueryKind.FIND_BY_REFERENCE: _find_by_reference,
    QueryKind.FIND_SUBMISSION_SETS: _find_sets,
    QueryKind.FIND_FOLDERS: _find_folders,
    QueryKind.GET_ALL: _get_all,
    QueryKind.GET_DOCUMENTS: _named,
    QueryKind.GET_FOLDERS: _named_folders,
    QueryKind.GET_ASSOCIATIONS: _get_associations,
    QueryKind.GET_DOCUMENTS_AND_ASSOCIATIONS: _get_documents_and_associations,
    QueryKind.GET_SUBMISSION_SETS: _get_sets,
    QueryKind.GET_SET_AND_CONTENTS: _get_set_and_contents,
    QueryKind.GET_FOLDER_AND_CONTENTS: _get_folder_and_contents,
    QueryKind.GET_FOLDERS_FOR_DOCUMENT: _get_folders_for_document,
    QueryKind.GET_RELATED_DOCUMENTS: _get_related,
}
