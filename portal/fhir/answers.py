"""Answers in FHIR: a resource as JSON, an OperationOutcome for whatever was not done."""

from collections.abc import Mapping

import msgspec
from starlette.exceptions import HTTPException
from starlette.responses import Response

from access_core.authentication.failures import Throttled, TokenRefused
from access_core.decision import Decision, Verdict
from access_core.reasons import REGISTER, Reason
from dmp_bridge.fhir.problems import FhirProblem, Finding, IssueType, outcome_of
from dmp_bridge.fhir.resources import MEDIA_TYPE, write
from dmp_bridge.outcome import sentence_of
from dmp_bridge.refusals import Refusal
from dmp_bridge.services.providing import Refused
from dmp_bridge.xds.errors import XdsErrorCode, XdsRefusal
from vaguemestre.kernel.errors import TemporaryFailure

CONTENT_TYPE = f"{MEDIA_TYPE}; charset=utf-8"
_CONFLICTS = frozenset({Refusal.UNIQUE_ID_TAKEN, Refusal.VERSION_TAKEN, Refusal.REPLACED_FOREIGN})
_ABSENT = frozenset({Reason.D_PROFIL_INEXISTANT, Reason.V_DOC_INTROUVABLE, Reason.V_DOC_SUPPRIME})
_STATUSES = {
    XdsErrorCode.UNKNOWN_PATIENT: (404, IssueType.NOT_FOUND),
    XdsErrorCode.UNRESOLVED_REFERENCE: (422, IssueType.NOT_FOUND),
    XdsErrorCode.DEPRECATED_DOCUMENT: (409, IssueType.CONFLICT),
    XdsErrorCode.DUPLICATE_UNIQUE_ID: (409, IssueType.CONFLICT),
}


def answer(resource: msgspec.Struct, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Answer with a resource."""
    return Response(write(resource), status, headers, media_type=CONTENT_TYPE)


def refusal(problem: FhirProblem, headers: Mapping[str, str] | None = None) -> Response:
    """Answer with what is wrong."""
    return answer(outcome_of(problem.findings), status=problem.status, headers=headers)


def problem_of_decision(decision: Decision) -> FhirProblem:
    """Say a refusal of the engine, under the code that may be shown."""
    entry = REGISTER[decision.reason]
    if decision.verdict is Verdict.DEFER:
        return FhirProblem(Finding(IssueType.TRANSIENT, entry.shown, entry.sentence), status=503)
    status, kind = (404, IssueType.NOT_FOUND) if entry.shown in _ABSENT else (403, IssueType.FORBIDDEN)
    return FhirProblem(Finding(kind, entry.shown, entry.sentence), status=status)


def problem_of_refusal(refused: XdsRefusal) -> FhirProblem:
    """Say why a submission was refused: a finding for each document, or for the whole."""
    if isinstance(refused, Refused):
        findings = [_finding(each.reason) for each in refused.outcomes]
        return FhirProblem(*(each for _, each in findings), status=max(status for status, _ in findings))
    error = refused.errors[0]
    status, kind = _STATUSES.get(error.code, (422, IssueType.BUSINESS_RULE))
    if error.code is XdsErrorCode.UNKNOWN_PATIENT:
        return unknown_patient()
    return FhirProblem(*(Finding(kind, each.code, each.context) for each in refused.errors), status=status)


def _finding(reason: str) -> tuple[int, Finding]:
    if reason not in set(Reason):
        status = 409 if reason in _CONFLICTS else 422
        return status, Finding(IssueType.BUSINESS_RULE, reason, sentence_of(reason))
    entry = REGISTER[Reason(reason)]
    status, kind = (404, IssueType.NOT_FOUND) if entry.shown in _ABSENT else (403, IssueType.FORBIDDEN)
    return status, Finding(kind, entry.shown, entry.sentence)


def answer_error(error: Exception) -> Response:
    """Answer for what stopped a request; whatever is not expected is told without a word of it."""
    match error:
        case FhirProblem(status=405):
            return refusal(error, {"Allow": "GET, PATCH"})
        case FhirProblem():
            return refusal(error)
        case TokenRefused():
            problem = FhirProblem(_reasoned(IssueType.LOGIN, Reason.A_MOYEN_INSUFFISANT), status=401)
            return refusal(problem, {"WWW-Authenticate": _challenge(error)})
        case TemporaryFailure():
            waiting = error.retry_after_s if isinstance(error, Throttled) else 120
            problem = FhirProblem(_reasoned(IssueType.TRANSIENT, Reason.D_SERVICE_INDISPONIBLE), status=503)
            return refusal(problem, {"Retry-After": str(waiting)})
        case HTTPException():
            kind = IssueType.NOT_FOUND if error.status_code == 404 else IssueType.NOT_SUPPORTED
            return refusal(FhirProblem.of(kind, Refusal.FHIR_UNSUPPORTED, status=error.status_code), error.headers)
    raise error


def unknown_patient() -> FhirProblem:
    """Return what is told of a patient who has no record here."""
    return FhirProblem(_reasoned(IssueType.NOT_FOUND, Reason.D_PROFIL_INEXISTANT), status=404)


def no_token() -> FhirProblem:
    """Return what a request without a token is told."""
    return FhirProblem(_reasoned(IssueType.LOGIN, Reason.A_ABSENTE), status=401)


def _reasoned(kind: IssueType, reason: Reason) -> Finding:
    return Finding(kind, reason, REGISTER[reason].sentence)


def _challenge(refused: TokenRefused) -> str:
    """Write the challenge of RFC 6750 §3."""
    scope = f', scope="{refused.scope}"' if refused.scope else ""
    return f'Bearer error="{refused.status}"{scope}'
