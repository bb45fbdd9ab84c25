"""Every answer that is not what was asked for: a French page for people, RFC 9457 for programs.

Sentences come from here or from the engine's register; none quotes the request, a name or a content.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from portal.rendering import Templates
from portal.spaces import space_of
from vaguemestre.kernel.errors import ProtocolError, TemporaryFailure, VaguemestreError

PROGRAM_PATHS = ("/api/", "/fhir")


class SignInRequired(VaguemestreError):
    """The request has no session, or its time is over."""


class FormRefused(VaguemestreError):
    """The form does not prove that this person asked for it (token absent, old, or from elsewhere)."""


class Absent(VaguemestreError):
    """There is no such thing for this person; whether it exists for another is not said."""


class BodyTooLarge(VaguemestreError):
    """The request is longer than any that the portal takes."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem: HTTP status, code for programs, title and sentence for people."""

    status: int
    code: str
    title: str
    detail: str


SIGN_IN = Problem(
    401, "A_ABSENTE", "Identification nécessaire", "Votre session est terminée. Connectez-vous pour continuer."
)
FORM_REFUSED = Problem(
    403, "FORMULAIRE_PERIME", "Page expirée", "Cette page n'est plus valable. Ouvrez-la de nouveau et recommencez."
)
ABSENT = Problem(
    404, "INTROUVABLE", "Page introuvable", "Cette page n'existe pas, ou son contenu n'est plus disponible."
)
METHOD = Problem(405, "METHODE_REFUSEE", "Action impossible", "Cette adresse ne permet pas cette action.")
TOO_LARGE = Problem(413, "ENVOI_TROP_GRAND", "Envoi trop volumineux", "Vos fichiers dépassent la limite. Retirez-en.")
UNREADABLE = Problem(400, "REQUETE_ILLISIBLE", "Envoi illisible", "L'envoi n'est pas arrivé entier. Recommencez.")
INVALID = Problem(422, "REQUETE_INVALIDE", "Demande incomplète", "Un champ manque ou n'a pas la forme attendue.")
THROTTLED = Problem(
    429, "TROP_D_ESSAIS", "Trop d'essais", "Il y a eu trop d'essais. Attendez quelques minutes, puis recommencez."
)
UNAVAILABLE = Problem(
    503,
    "D_SERVICE_INDISPONIBLE",
    "Service indisponible",
    "Le service est momentanément indisponible. Rien n'a été perdu. Réessayez dans quelques minutes.",
)
FAILED = Problem(500, "ERREUR_INTERNE", "Erreur", "Quelque chose n'a pas fonctionné. Réessayez plus tard.")

_BY_STATUS = {problem.status: problem for problem in (SIGN_IN, FORM_REFUSED, ABSENT, METHOD, TOO_LARGE, UNREADABLE)}
_BY_ERROR: tuple[tuple[type[Exception], Problem], ...] = (
    (SignInRequired, SIGN_IN),
    (FormRefused, FORM_REFUSED),
    (Absent, ABSENT),
    (BodyTooLarge, TOO_LARGE),
    (ProtocolError, UNREADABLE),
    (TemporaryFailure, UNAVAILABLE),
)


def wants_json(path: str) -> bool:
    """Say whether a path is read by programs."""
    return path.startswith(PROGRAM_PATHS)


def problem_of(error: Exception) -> Problem:
    """Choose the problem that tells of an exception."""
    if isinstance(error, HTTPException):
        return _BY_STATUS.get(error.status_code, FAILED if error.status_code >= 500 else UNREADABLE)
    return next((problem for kind, problem in _BY_ERROR if isinstance(error, kind)), FAILED)


def problem_json(problem: Problem) -> JSONResponse:
    """Answer a program. Source: RFC 9457 §3."""
    body = {
        "type": "about:blank",
        "title": problem.title,
        "status": problem.status,
        "detail": problem.detail,
        "code": problem.code,
    }
    return JSONResponse(body, problem.status, _headers(problem), media_type="application/problem+json")


def _headers(problem: Problem) -> Mapping[str, str]:
    return {"Retry-After": "120"} if problem.status in (429, 503) else {}


def answer_problem(request: Request, problem: Problem, templates: Templates) -> Response:
    """Answer with a problem, in the form that the path calls for; people without a session go and sign in."""
    if wants_json(request.url.path):
        return problem_json(problem)
    if problem is SIGN_IN:
        space = space_of(request.url.path)
        return RedirectResponse(f"{space.sign_in}?fin=1" if space.cookie in request.cookies else space.sign_in, 303)
    return templates.page(
        "probleme.html",
        space=space_of(request.url.path),
        status=problem.status,
        headers=_headers(problem),
        problem=problem,
    )
