"""What a patched DocumentReference asks of the record: changes of visibility and state, in the words of ITI-57. Pure.

PDSm lets four things be asked: `status`, `securityLabel`, and the extensions « archived » and « deleted ». Whatever
leads to no act of the engine is refused here; whether an act is allowed is decided below.

Source: PDSm flux 03 and 04
"""

from typing import Any

import msgspec

from dmp_bridge.fhir import codes
from dmp_bridge.fhir.documents import IS_ARCHIVED, IS_DELETED, says
from dmp_bridge.fhir.patches import Json, Patch, impossible
from dmp_bridge.fhir.problems import FhirProblem, IssueType
from dmp_bridge.fhir.resources import DocumentReference, write
from dmp_bridge.refusals import Refusal
from dmp_bridge.services.updates import Operation, Update, visibility_change
from dmp_bridge.xds.errors import XdsRefusal
from dmp_bridge.xds.metadata import FRENCH_VISIBILITY, Code

_CHANGEABLE = frozenset({"status", "securityLabel", "extension"})
_LABELS, _STATUS = "DocumentReference.securityLabel", "DocumentReference.status"


def changes_of(before: DocumentReference, patch: Patch) -> tuple[Update, ...]:
    """Return what PATCH asks for, state first; empty when it changes nothing.

    Raises:
        FhirProblem: 405, it touches another element; 422, it does not apply, or leads where no act leads.
    """
    resource: Json = msgspec.json.decode(write(before))
    changed = patch.applied(resource)
    _check_elements(resource, changed)
    try:
        after = msgspec.convert(changed, DocumentReference)
    except msgspec.ValidationError:
        raise impossible() from None
    if says(after, IS_DELETED):
        return (_deletion(before, after),)
    if after.status != before.status:
        raise FhirProblem.of(IssueType.BUSINESS_RULE, Refusal.FHIR_PATCH, _STATUS, status=422)
    return (*_archive(before, after), *_visibility(before, after))


def _check_elements(before: Json, after: Json) -> None:
    """Check that nothing else differs, be it another extension."""
    named = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    if named <= _CHANGEABLE and _others(before) == _others(after):
        return
    other = next(iter(sorted(named - _CHANGEABLE)), "extension")
    raise FhirProblem.of(
        IssueType.NOT_SUPPORTED,
        Refusal.FHIR_FIXED,
        f"DocumentReference.{other}" if other in before else "DocumentReference",
        status=405,
    )


def _others(resource: Json) -> list[Any]:
    return [each for each in resource.get("extension", []) if not _is_state(each)]


def _is_state(extension: Any) -> bool:
    return isinstance(extension, dict) and extension.get("url") in (IS_ARCHIVED, IS_DELETED)


def _deletion(before: DocumentReference, after: DocumentReference) -> Update:
    """Check that a deletion is of a current document, and says so in both its elements."""
    if before.status != "current" or after.status != "superseded" or _labels(before) != _labels(after):
        raise FhirProblem.of(IssueType.BUSINESS_RULE, Refusal.FHIR_PATCH, _STATUS, status=422)
    return Update(Operation.DELETE)


def _visibility(before: DocumentReference, after: DocumentReference) -> tuple[Update, ...]:
    old, new = _labels(before), _labels(after)
    if old == new:
        return ()
    visible_before, visible_after = _visible(old), _visible(new)
    try:
        update = visibility_change(visible_before, visible_after)
    except XdsRefusal:
        raise FhirProblem.of(IssueType.BUSINESS_RULE, Refusal.FHIR_PATCH, _LABELS, status=422) from None
    if before.status != "current" or {each for each in old if each.scheme != FRENCH_VISIBILITY} != {
        each for each in new if each.scheme != FRENCH_VISIBILITY
    }:
        raise FhirProblem.of(IssueType.BUSINESS_RULE, Refusal.FHIR_PATCH, _LABELS, status=422)
    return (update,)


def _labels(reference: DocumentReference) -> set[Code]:
    """Return the codes of a document, whatever their labels; one that cannot be read is refused."""
    found = [codes.code_of_concept(each) for each in reference.security_label]
    if None in found:
        raise FhirProblem.of(IssueType.VALUE, Refusal.FHIR_VALUE, _LABELS, status=422)
    return {Code(each.code, each.scheme) for each in found if each is not None}


def _visible(labels: set[Code]) -> frozenset[str]:
    return frozenset(each.code for each in labels if each.scheme == FRENCH_VISIBILITY)


def _archive(before: DocumentReference, after: DocumentReference) -> tuple[Update, ...]:
    archived = says(after, IS_ARCHIVED)
    if archived == says(before, IS_ARCHIVED):
        return ()
    if before.status != "current":
        raise FhirProblem.of(IssueType.BUSINESS_RULE, Refusal.FHIR_PATCH, _STATUS, status=422)
    return (Update(Operation.ARCHIVE if archived else Operation.RESTORE),)
