"""ITI-65: from a transaction Bundle to a submission with its documents, and what was made of it as an answer.

Everything that a document needs is in the bundle: nothing is fetched from anywhere. A submission set, its documents
and their bytes refer to each other by fullUrl, each document has its own Binary, no Binary is left over.

Source: ITI-65 §3.65.4; PDSm flux 01 and 02
"""

import base64
import binascii
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from dmp_bridge.fhir.documents import ASSOCIATIONS, document_entry
from dmp_bridge.fhir.elements import Reference
from dmp_bridge.fhir.identity import unique_id_of
from dmp_bridge.fhir.lists import (
    FOLDER,
    SUBMISSION_SET,
    entry_uuid_of,
    folder,
    is_list_of,
    submission_set,
    unique_id_of_list,
)
from dmp_bridge.fhir.parties import Surroundings
from dmp_bridge.fhir.problems import FhirProblem, Finding, IssueType
from dmp_bridge.fhir.profile import Profile, check_document, check_folder, check_set, claimed_profile
from dmp_bridge.fhir.resources import (
    Binary,
    Bundle,
    Device,
    DocumentList,
    DocumentReference,
    Entry,
    Organization,
    Parameters,
    Patient,
    Practitioner,
    PractitionerRole,
)
from dmp_bridge.refusals import Refusal
from dmp_bridge.xds.identifiers import CX, new_oid
from dmp_bridge.xds.metadata import (
    HAS_MEMBER,
    Association,
    DocumentEntry,
    Folder,
    Submission,
    SubmissionSet,
    members,
)

MAX_ENTRIES = 400
_PARTIES = (Patient, Practitioner, PractitionerRole, Organization, Device)
_POST, _PUT, _LIST = "POST", "PUT", "List/"
UNIQUE_ID_TARGET = "uniqueId:"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Publication:
    """A submission and the bytes of its documents, by entry id.

    Attributes:
        submission: entry ids are the fullUrls of the bundle; the target of an association is `DocumentReference/id`
            or `uniqueId:…`, to be looked up in the record.
        binaries: entry id of the document, by fullUrl of its Binary.
        folders: entry id of the folder, by fullUrl of its List; a new version of one that is there has its entryUUID.
        known_folders: entry ids of folders that must be there.
    """

    submission: Submission
    contents: Mapping[str, bytes]
    binaries: Mapping[str, str] = field(default_factory=dict)
    folders: Mapping[str, str] = field(default_factory=dict)
    known_folders: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class _Sorted:
    """The entries of a bundle by what they are."""

    submission_set: tuple[str, DocumentList]
    folders: list[tuple[str, DocumentList]]
    documents: list[tuple[str, DocumentReference]]
    binaries: dict[str, Binary]
    around: Surroundings
    patches: list[Entry]


def patients_named(bundle: Bundle) -> frozenset[str]:
    """Return the `Patient/id` references by which a bundle names patients of this server."""
    resources = [each.resource for each in bundle.entry]
    named = [each.subject for each in resources if isinstance(each, DocumentReference | DocumentList)]
    named += [
        each.context.source_patient_info
        for each in resources
        if isinstance(each, DocumentReference) and each.context is not None
    ]
    return frozenset(
        each.reference
        for each in named
        if each is not None and (each.reference or "").startswith("Patient/") and each.reference is not None
    )


def read_publication(bundle: Bundle, patients: Mapping[str, CX]) -> Publication:
    """Read a Provide Document Bundle.

    Args:
        patients: identifiers of the patients of this server that it names, by `Patient/id`.

    Raises:
        FhirProblem: it is not one, lacks what the profile requires, or its parts do not go together.
    """
    sorted_ = _sort(bundle, patients)
    _check_profiles(bundle, sorted_)
    set_url, found = sorted_.submission_set
    names = {url: _folder_name(bundle, url) for url, _ in sorted_.folders}
    _check_members(found, [url for url, _ in sorted_.documents], names)
    entries, contents, binaries = [], {}, {}
    for url, reference in sorted_.documents:
        address = reference.content[0].attachment.url or ""
        if address not in sorted_.binaries or address in binaries:
            raise FhirProblem.of(
                IssueType.NOT_FOUND, Refusal.FHIR_REFERENCE, "DocumentReference.content.attachment.url", status=422
            )
        entries.append(_entry(reference, sorted_.around, url))
        contents[url] = decoded(sorted_.binaries[address].data, "Binary.data")
        binaries[address] = url
    if len(binaries) < len(sorted_.binaries):
        raise FhirProblem.of(IssueType.NOT_FOUND, Refusal.FHIR_REFERENCE, "Bundle.entry.resource", status=422)
    links = [link for url, reference in sorted_.documents for link in _links(reference, url)]
    _check_patches(sorted_.patches, links)
    folders = [_folder(each, sorted_.around, names[url]) for url, each in sorted_.folders]
    links += [link for url, each in sorted_.folders for link in _folder_links(each, names[url])]
    submission = _submission(_set(found, sorted_.around, set_url), entries, links, folders)
    known = frozenset(name for url, name in names.items() if url != name)
    return Publication(submission=submission, contents=contents, binaries=binaries, folders=names, known_folders=known)


def read_simplified(
    reference: DocumentReference, patients: Mapping[str, CX], *, source_id: str, time: str
) -> Publication:
    """Read a simplified publication (ITI-105): one document, whose set is made here.

    Raises:
        FhirProblem: it lacks what the profile requires, or a reference designates nobody.
    """
    findings = check_document(reference, Profile.SIMPLIFIED)
    if findings:
        raise FhirProblem(*findings, status=422)
    entry = _entry(reference, Surroundings(patients=patients), "Document01")
    found = SubmissionSet(
        entry_id="SubmissionSet01",
        unique_id=new_oid(),
        source_id=source_id,
        patient_id=entry.patient_id,
        submission_time=time,
        title=entry.title,
        authors=entry.authors[:1],
    )
    links = _links(reference, entry.entry_id)
    data = decoded(reference.content[0].attachment.data, "DocumentReference.content.attachment.data")
    submission = _submission(found, [entry], links)
    return Publication(submission=submission, contents={entry.entry_id: data})


def decoded(data: str | None, place: str) -> bytes:
    """Return the bytes of a base64 text, blanks left out.

    Raises:
        FhirProblem: it is absent, or not base64.
    """
    try:
        return binascii.a2b_base64("".join((data or "").split()).encode(), strict_mode=True) if data else _none(place)
    except (binascii.Error, UnicodeEncodeError):
        raise FhirProblem.of(IssueType.VALUE, Refusal.FHIR_VALUE, place) from None


def encoded(data: bytes) -> str:
    """Return bytes as base64."""
    return base64.b64encode(data).decode()


def _none(place: str) -> bytes:
    raise FhirProblem.of(IssueType.REQUIRED, Refusal.FHIR_INCOMPLETE, place, status=422)


def _sort(bundle: Bundle, patients: Mapping[str, CX]) -> _Sorted:
    if bundle.type != "transaction" or len(bundle.entry) > MAX_ENTRIES:
        raise FhirProblem.of(IssueType.VALUE, Refusal.FHIR_UNSUPPORTED, "Bundle.type", status=422)
    urls = Counter(each.full_url for each in bundle.entry)
    if any(not url or count > 1 for url, count in urls.items()):
        raise FhirProblem.of(IssueType.VALUE, Refusal.FHIR_VALUE, "Bundle.entry.fullUrl", status=422)
    pairs = [(each.full_url or "", each.resource) for each in bundle.entry]
    for each in bundle.entry:
        _check_request(each)
    lists = [(url, each) for url, each in pairs if isinstance(each, DocumentList)]
    sets = [pair for pair in lists if is_list_of(pair[1], SUBMISSION_SET)]
    folders = [pair for pair in lists if is_list_of(pair[1], FOLDER)]
    if len(sets) != 1 or len(folders) != len(lists) - 1:
        raise FhirProblem.of(IssueType.NOT_SUPPORTED, Refusal.FHIR_UNSUPPORTED, "List.code", status=422)
    return _Sorted(
        submission_set=sets[0],
        folders=folders,
        documents=[(url, each) for url, each in pairs if isinstance(each, DocumentReference)],
        binaries={url: each for url, each in pairs if isinstance(each, Binary)},
        around=Surroundings(beside={url: each for url, each in pairs if isinstance(each, _PARTIES)}, patients=patients),
        patches=[each for each in bundle.entry if isinstance(each.resource, Parameters)],
    )


def _check_request(entry: Entry) -> None:
    """Check that an entry asks for what a publication does: create, complete a folder, mark the replaced document."""
    patch = isinstance(entry.resource, Parameters)
    method = "" if entry.request is None else entry.request.method
    allowed = {"PATCH"} if patch else {_POST, _PUT} if _is_folder(entry) else {_POST}
    if entry.resource is None or (method not in allowed and not _is_party(entry)):
        raise FhirProblem.of(IssueType.NOT_SUPPORTED, Refusal.FHIR_UNSUPPORTED, "Bundle.entry.request", status=422)


def _is_party(entry: Entry) -> bool:
    return isinstance(entry.resource, _PARTIES)


def _is_folder(entry: Entry) -> bool:
    return isinstance(entry.resource, DocumentList) and is_list_of(entry.resource, FOLDER)


def _folder_name(bundle: Bundle, url: str) -> str:
    """Return the entry id of a folder: its fullUrl, or its entryUUID when a new version of it is sent (PUT)."""
    request = next(each.request for each in bundle.entry if each.full_url == url)
    put = request is not None and request.method == _PUT and request.url.startswith(_LIST)
    return entry_uuid_of(request.url.removeprefix(_LIST)) if put and request is not None else url


def _check_profiles(bundle: Bundle, sorted_: _Sorted) -> None:
    findings = check_set(sorted_.submission_set[1])
    for _, found in sorted_.folders:
        findings += check_folder(found)
    for _, reference in sorted_.documents:
        findings += check_document(reference, claimed_profile(reference, bundle))
    if not sorted_.documents:
        findings.append(Finding.of(IssueType.REQUIRED, Refusal.FHIR_INCOMPLETE, "Bundle.entry"))
    if findings:
        raise FhirProblem(*findings, status=422)


def _check_members(found: DocumentList, urls: Sequence[str], folders: Mapping[str, str]) -> None:
    """Check that the set holds the documents of the bundle, each once, and nothing else but its folders."""
    named = [each.item.reference for each in found.entry if each.item.reference not in folders]
    if sorted(each or "" for each in named) != sorted(urls):
        raise FhirProblem.of(IssueType.NOT_FOUND, Refusal.FHIR_REFERENCE, "List.entry.item", status=422)


def _check_patches(patches: Iterable[Entry], links: Sequence[Association]) -> None:
    """Check that each patch says no more than a `replaces` of the bundle does: the old document is superseded."""
    replaced = {each.target for each in links}
    for entry in patches:
        assert isinstance(entry.resource, Parameters)
        said = {
            (part.name, part.value_code or part.value_string) for each in entry.resource.parameter for part in each.part
        }
        expected = {("path", "DocumentReference.status"), ("type", "replace"), ("value", "superseded")}
        if said != expected or entry.request is None or entry.request.url not in replaced:
            raise FhirProblem.of(IssueType.NOT_SUPPORTED, Refusal.FHIR_UNSUPPORTED, "Parameters", status=422)


def _entry(reference: DocumentReference, around: Surroundings, url: str) -> DocumentEntry:
    entry = document_entry(reference, around, entry_id=url)
    if not entry.unique_id:
        raise FhirProblem.of(IssueType.VALUE, Refusal.FHIR_VALUE, "DocumentReference.masterIdentifier", status=422)
    if reference.content[0].attachment.creation is not None and entry.creation_time is None:
        place = "DocumentReference.content.attachment.creation"
        raise FhirProblem.of(IssueType.VALUE, Refusal.FHIR_VALUE, place, status=422)
    return entry


def _folder(found: DocumentList, around: Surroundings, name: str) -> Folder:
    """Read a folder; one without a uniqueId is given one."""
    read = folder(found, around, entry_id=name)
    return read if read.unique_id else replace(read, unique_id=new_oid())


def _folder_links(found: DocumentList, name: str) -> list[Association]:
    return [
        Association(association_id=f"{name}#{place}", kind=HAS_MEMBER, source=name, target=each.item.reference or "")
        for place, each in enumerate(found.entry, 1)
    ]


def _set(found: DocumentList, around: Surroundings, url: str) -> SubmissionSet:
    """Read the set; one without a uniqueId, as in the examples of PDSm, is given one."""
    read = submission_set(found, around, entry_id=url)
    if read.submission_time is None:
        raise FhirProblem.of(IssueType.VALUE, Refusal.FHIR_VALUE, "List.date", status=422)
    if unique_id_of_list(found) is not None:
        return read
    return replace(read, unique_id=new_oid())


def _submission(
    found: SubmissionSet,
    entries: Sequence[DocumentEntry],
    links: Sequence[Association],
    folders: Sequence[Folder] = (),
) -> Submission:
    plain = Submission(submission_set=found, entries=tuple(entries), folders=tuple(folders))
    return replace(plain, associations=(*members(plain), *links))


def _links(reference: DocumentReference, url: str) -> list[Association]:
    return [
        Association(
            association_id=f"{url}#{place}", kind=_association(each.code), source=url, target=_target(each.target)
        )
        for place, each in enumerate(reference.relates_to, 1)
    ]


def _association(code: str) -> str:
    kind = ASSOCIATIONS.get(code)
    if kind is None:
        raise FhirProblem.of(IssueType.VALUE, Refusal.FHIR_VALUE, "DocumentReference.relatesTo.code", status=422)
    return kind


def _target(target: Reference) -> str:
    unique_id = None
    if target.identifier is not None:
        unique_id = unique_id_of(target.identifier.system, target.identifier.value)
    if unique_id is not None:
        return f"{UNIQUE_ID_TARGET}{unique_id}"
    if not target.reference:
        raise FhirProblem.of(IssueType.NOT_FOUND, Refusal.FHIR_REFERENCE, "DocumentReference.relatesTo", status=422)
    return target.reference
