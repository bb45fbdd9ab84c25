"""Pages of signing in and out: two steps, one sentence for every refusal."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from access_core.authentication.failures import Throttled
from portal.context import (
    Services,
    SignedIn,
    drop_cookie,
    posted_form,
    redirect,
    render,
    set_cookie,
    visit_of,
)
from portal.patient.sign_in import awaited_session, give_code, give_password, sign_out
from portal.problems import THROTTLED
from portal.security import SESSION_COOKIE, VISIT_COOKIE
from portal.sessions import Session
from portal.web.errors import FieldError

router = APIRouter(include_in_schema=False)
REFUSED = "Identifiant ou mot de passe incorrect. Vérifiez-les et recommencez."
WRONG_CODE = "Ce code n'est pas valable. Attendez le code suivant et recopiez-le."
ENDED = "Votre session est terminée. Connectez-vous pour continuer."
SIGNED_OUT = "Vous êtes déconnecté."
_TOLD = {"1": ENDED, "2": SIGNED_OUT}


@router.get("/connexion")
async def show_sign_in(request: Request) -> Response:
    """Show the first step."""
    told = _TOLD.get(request.query_params.get("fin", ""), "")
    return render(request, "connexion.html", errors=[], identifiant="", told=told)


@router.post("/connexion")
async def post_sign_in(request: Request, services: Services) -> Response:
    """Take login and password."""
    form = await posted_form(request)
    login, password = form.text("identifiant"), form.fields.get("mot_de_passe", "")
    missing = _missing(("identifiant", login, "Tapez votre numéro ou votre adresse."),
                       ("mot_de_passe", password, "Tapez votre mot de passe."))  # fmt: skip
    if missing:
        return _first_step(request, missing, login, 422)
    try:
        token = await give_password(services, login, password, visit_of(request))
    except Throttled:
        return _first_step(request, [FieldError("identifiant", THROTTLED.detail)], login, 429)
    if token is None:
        return _first_step(request, [FieldError("identifiant", REFUSED)], login, 403)
    answer = redirect("/connexion/code")
    set_cookie(answer, SESSION_COOKIE, token)
    drop_cookie(answer, VISIT_COOKIE)
    return answer


def _missing(*fields: tuple[str, str, str]) -> list[FieldError]:
    return [FieldError(name, sentence) for name, value, sentence in fields if not value]


def _first_step(request: Request, errors: list[FieldError], login: str, status: int) -> Response:
    return render(request, "connexion.html", status=status, errors=errors, identifiant=login[:254], told="")


async def _awaited(request: Request, services: Services) -> Session | None:
    token = request.cookies.get(SESSION_COOKIE, "")
    return await awaited_session(services, token) if token else None


@router.get("/connexion/code")
async def show_code(request: Request, services: Services) -> Response:
    """Show the second step."""
    if await _awaited(request, services) is None:
        return redirect("/connexion?fin=1")
    return render(request, "code.html", errors=[], minutes=services.settings.code_minutes)


@router.post("/connexion/code")
async def post_code(request: Request, services: Services) -> Response:
    """Take the one-time code."""
    form = await posted_form(request)
    awaited = await _awaited(request, services)
    if awaited is None:
        return redirect("/connexion?fin=1")
    code = form.text("code").replace(" ", "")
    if not code:
        return _second_step(request, services, "Tapez les 6 chiffres du code.", 422)
    try:
        token = await give_code(services, awaited, code, visit_of(request))
    except Throttled:
        return _second_step(request, services, THROTTLED.detail, 429)
    if token is None:
        return _second_step(request, services, WRONG_CODE, 403)
    answer = redirect("/")
    set_cookie(answer, SESSION_COOKIE, token)
    return answer


def _second_step(request: Request, services: Services, sentence: str, status: int) -> Response:
    errors = [FieldError("code", sentence)]
    return render(request, "code.html", status=status, errors=errors, minutes=services.settings.code_minutes)


@router.post("/deconnexion")
async def post_sign_out(request: Request, services: Services, viewer: SignedIn) -> Response:
    """End the session; the browser forgets what it may have kept."""
    await posted_form(request)
    await sign_out(services, viewer)
    answer = redirect("/connexion?fin=2")
    drop_cookie(answer, SESSION_COOKIE)
    answer.headers["Clear-Site-Data"] = '"cache", "storage"'
    return answer
