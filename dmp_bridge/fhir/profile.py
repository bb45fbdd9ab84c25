"""What PDSm and MHD require of a submission, as tables: the elements that must be there, and those that must not.

`custodian` is left out: the profile asks for it, its own examples do not have it, and XDS knows no such attribute.
Metadata that claim the comprehensive profile are held to it; others to MHD's minimal one, since the document says
the rest.

Source: PDSm 3.1 `pdsm-comprehensive-document-reference`, `pdsm-simplified-publish`; MHD 4.2.3 `IHE.MHD.Minimal…`
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum

import msgspec

from dmp_bridge.fhir.problems import Finding, IssueType
from dmp_bridge.fhir.resources import Bundle, DocumentList, DocumentReference
from dmp_bridge.refusals import Refusal


class Profile(StrEnum):
    """The profiles that a DocumentReference may be held to."""

    MINIMAL = "minimal"
    COMPREHENSIVE = "comprehensive"
    SIMPLIFIED = "simplified"


_MINIMAL = (
    "masterIdentifier",
    "status",
    "subject",
    "content",
    "content.attachment.contentType",
)
REQUIRED: Mapping[Profile, Sequence[str]] = {
    Profile.MINIMAL: (*_MINIMAL, "content.attachment.url"),
    Profile.COMPREHENSIVE: (
        *_MINIMAL,
        "content.attachment.url",
        "contained",
        "type",
        "category",
        "date",
        "author",
        "securityLabel",
        "content.attachment.language",
        "content.attachment.size",
        "content.attachment.hash",
        "content.attachment.title",
        "content.attachment.creation",
        "content.format",
        "context",
        "context.period.start",
        "context.facilityType",
        "context.practiceSetting",
        "context.sourcePatientInfo",
    ),
    Profile.SIMPLIFIED: (*_MINIMAL, "author", "content.attachment.data", "content.attachment.title"),
}
FORBIDDEN: Mapping[Profile, Sequence[str]] = {
    Profile.MINIMAL: ("modifierExtension", "implicitRules", "docStatus", "content.attachment.data"),
    Profile.COMPREHENSIVE: ("modifierExtension", "implicitRules", "docStatus", "content.attachment.data"),
    Profile.SIMPLIFIED: ("modifierExtension", "implicitRules", "docStatus", "content.attachment.url"),
}
SET_REQUIRED = ("status", "mode", "code", "subject", "date", "source", "entry")
FOLDER_REQUIRED = tuple(each for each in SET_REQUIRED if each != "source")
SET_FORBIDDEN = ("modifierExtension", "implicitRules")
_CAPITAL = re.compile(r"(?<!^)([A-Z])")
_COMPREHENSIVE = "omprehensive"


def claimed_profile(reference: DocumentReference, bundle: Bundle) -> Profile:
    """Return what a document of a bundle is held to."""
    metas = [meta for meta in (reference.meta, bundle.meta) if meta is not None]
    claimed = any(_COMPREHENSIVE in each for meta in metas for each in meta.profile)
    return Profile.COMPREHENSIVE if claimed else Profile.MINIMAL


def check_document(reference: DocumentReference, profile: Profile) -> list[Finding]:
    """Return what is missing or must not be there."""
    findings = _check("DocumentReference", reference, REQUIRED[profile], FORBIDDEN[profile])
    if reference.status not in (None, "current"):
        findings.append(Finding.of(IssueType.VALUE, Refusal.FHIR_VALUE, "DocumentReference.status"))
    if len(reference.content) > 1:
        findings.append(Finding.of(IssueType.VALUE, Refusal.FHIR_VALUE, "DocumentReference.content"))
    return findings


def check_set(found: DocumentList) -> list[Finding]:
    """Return what is missing of a submission set, or must not be there."""
    return _check("List", found, SET_REQUIRED, SET_FORBIDDEN)


def check_folder(found: DocumentList) -> list[Finding]:
    """Return what is missing of a folder, or must not be there."""
    return _check("List", found, FOLDER_REQUIRED, SET_FORBIDDEN)


def _check(name: str, resource: msgspec.Struct, required: Sequence[str], forbidden: Sequence[str]) -> list[Finding]:
    missing = (each for each in required if not all(_is_there(value) for value in _values(resource, each)))
    present = (each for each in forbidden if any(_is_there(value) for value in _values(resource, each)))
    return [
        *(Finding.of(IssueType.REQUIRED, Refusal.FHIR_INCOMPLETE, f"{name}.{each}") for each in missing),
        *(Finding.of(IssueType.VALUE, Refusal.FHIR_VALUE, f"{name}.{each}") for each in present),
    ]


def _is_there(value: object) -> bool:
    return value not in (None, "", ())


def _values(start: object, path: str) -> Iterator[object]:
    """Yield the values at a path, one for each repetition on the way; None where the way ends before."""
    first, _, rest = path.partition(".")
    value = getattr(start, _CAPITAL.sub(lambda found: f"_{found[1].lower()}", first), None)
    if not rest:
        yield value
        return
    several = value if isinstance(value, tuple) else (value,)
    if not several:
        yield None
    for each in several:
        yield from _values(each, rest)
