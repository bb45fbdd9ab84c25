"""What is wrong with a FHIR request, as an OperationOutcome says it: a code, a sentence, a place, never the value.

Source: https://hl7.org/fhir/R4/operationoutcome.html; codes of `details` are those of the registers
(`access_core.reasons`, `dmp_bridge.refusals`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import msgspec

from dmp_bridge.fhir.elements import CodeableConcept, Coding
from dmp_bridge.refusals import REGISTER, Refusal
from vaguemestre.kernel.errors import ProtocolError

REASONS = "urn:vaguemestre:reason"


class IssueType(StrEnum):
    """The kinds of issue that are answered."""

    STRUCTURE = "structure"
    REQUIRED = "required"
    VALUE = "value"
    INVALID = "invalid"
    BUSINESS_RULE = "business-rule"
    NOT_FOUND = "not-found"
    NOT_SUPPORTED = "not-supported"
    FORBIDDEN = "forbidden"
    LOGIN = "login"
    CONFLICT = "conflict"
    TOO_LONG = "too-long"
    TRANSIENT = "transient"
    EXCEPTION = "exception"
    INFORMATIONAL = "informational"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong; PLACE is the FHIRPath of the element, empty when it is none."""

    kind: IssueType
    reason: str
    text: str
    place: str = ""

    @classmethod
    def of(cls, kind: IssueType, refusal: Refusal, place: str = "") -> "Finding":
        """Return a finding with the sentence of the bridge's register."""
        return cls(kind, refusal, REGISTER[refusal].sentence, place)


class FhirProblem(ProtocolError):
    """A request that is not done; nothing of it took effect. STATUS is that of the HTTP answer."""

    def __init__(self, *findings: Finding, status: int = 400) -> None:
        super().__init__(f"FHIR: {', '.join(each.reason for each in findings)}")
        self.findings = findings
        self.status = status

    @classmethod
    def of(cls, kind: IssueType, refusal: Refusal, place: str = "", *, status: int = 400) -> "FhirProblem":
        """Return a problem with one finding."""
        return cls(Finding.of(kind, refusal, place), status=status)


class Issue(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One issue of an OperationOutcome."""

    severity: str
    code: str
    details: CodeableConcept
    expression: tuple[str, ...] = ()


class OperationOutcome(msgspec.Struct, frozen=True, kw_only=True, tag_field="resourceType", tag="OperationOutcome"):
    """Why a request was not done, or what was made of it."""

    issue: tuple[Issue, ...]


def outcome_of(findings: Sequence[Finding]) -> OperationOutcome:
    """Say what was found."""
    return OperationOutcome(issue=tuple(_issue(each) for each in findings))


def _issue(finding: Finding) -> Issue:
    return Issue(
        severity="information" if finding.kind is IssueType.INFORMATIONAL else "error",
        code=finding.kind,
        details=CodeableConcept(coding=(Coding(system=REASONS, code=finding.reason),), text=finding.text),
        expression=(finding.place,) if finding.place else (),
    )
