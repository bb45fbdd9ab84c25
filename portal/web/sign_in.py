"""Pages of signing in and out, the same for each space: one or two steps, one sentence for every refusal."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from access_core.authentication.failures import Throttled
from portal.context import (
    ProfessionalSignedIn,
    Services,
    SignedIn,
    drop_cookie,
    posted_form,
    redirect,
    render,
    set_cookie,
    visit_of,
)
from portal.patient.sign_in import admit_patient
from portal.patient.sign_in import sign_out as patient_out
from portal.pro.viewer import admit_professional
from portal.pro.viewer import sign_out as professional_out
from portal.problems import THROTTLED
from portal.security import VISIT_COOKIE
from portal.services import PortalServices
from portal.sessions import Session, Stage
from portal.signing_in import Admit, Given, awaited_session, give_code, give_password
from portal.spaces import PATIENT, PROFESSIONAL, Space
from portal.web.errors import FieldError

REFUSED = "Identifiant ou mot de passe incorrect. Vérifiez-les et recommencez."
WRONG_CODE = "Ce code n'est pas valable. Attendez le code suivant et recopiez-le."
ENDED = "Votre session est terminée. Connectez-vous pour continuer."
SIGNED_OUT = "Vous êtes déconnecté."
_TOLD = {"1": ENDED, "2": SIGNED_OUT}


class SignInPages:
    """The pages by which one space is entered; ADMIT says whom it lets in."""

    def __init__(self, space: Space, admit: Admit) -> None:
        self._space = space
        self._admit = admit

    def add_to(self, router: APIRouter) -> None:
        """Add the routes of the two steps."""
        first, second = self._space.sign_in, f"{self._space.sign_in}/code"
        router.add_api_route(first, self.show_password, methods=["GET"])
        router.add_api_route(first, self.post_password, methods=["POST"])
        router.add_api_route(second, self.show_code, methods=["GET"])
        router.add_api_route(second, self.post_code, methods=["POST"])

    async def show_password(self, request: Request) -> Response:
        """Show the first step."""
        told = _TOLD.get(request.query_params.get("fin", ""), "")
        return render(request, "connexion.html", errors=[], identifiant="", told=told)

    async def post_password(self, request: Request, services: Services) -> Response:
        """Take login and password."""
        form = await posted_form(request)
        given = Given(form.text("identifiant"), form.fields.get("mot_de_passe", ""))
        missing = _missing(("identifiant", given.login, "Tapez votre identifiant."),
                           ("mot_de_passe", given.password, "Tapez votre mot de passe."))  # fmt: skip
        if missing:
            return _first_step(request, missing, given.login, 422)
        try:
            begun = await give_password(services, given, visit_of(request), self._admit)
        except Throttled:
            return _first_step(request, [FieldError("identifiant", THROTTLED.detail)], given.login, 429)
        if begun is None:
            return _first_step(request, [FieldError("identifiant", REFUSED)], given.login, 403)
        awaits = begun.stage is Stage.CODE
        answer = redirect(f"{self._space.sign_in}/code" if awaits else self._space.home)
        set_cookie(answer, self._space.cookie, begun.token)
        drop_cookie(answer, VISIT_COOKIE)
        return answer

    async def show_code(self, request: Request, services: Services) -> Response:
        """Show the second step."""
        if await self._awaited(request, services) is None:
            return self._over()
        return render(request, "code.html", errors=[], minutes=services.settings.code_minutes)

    async def post_code(self, request: Request, services: Services) -> Response:
        """Take the one-time code."""
        form = await posted_form(request)
        awaited = await self._awaited(request, services)
        if awaited is None:
            return self._over()
        code = form.text("code").replace(" ", "")
        if not code:
            return _second_step(request, services, "Tapez les 6 chiffres du code.", 422)
        try:
            token = await give_code(services, awaited, code, visit_of(request), self._admit)
        except Throttled:
            return _second_step(request, services, THROTTLED.detail, 429)
        if token is None:
            return _second_step(request, services, WRONG_CODE, 403)
        answer = redirect(self._space.home)
        set_cookie(answer, self._space.cookie, token)
        return answer

    async def _awaited(self, request: Request, services: PortalServices) -> Session | None:
        token = request.cookies.get(self._space.cookie, "")
        return await awaited_session(services, token) if token else None

    def _over(self) -> Response:
        return redirect(f"{self._space.sign_in}?fin=1")


def _missing(*fields: tuple[str, str, str]) -> list[FieldError]:
    return [FieldError(name, sentence) for name, value, sentence in fields if not value]


def _first_step(request: Request, errors: list[FieldError], login: str, status: int) -> Response:
    return render(request, "connexion.html", status=status, errors=errors, identifiant=login[:254], told="")


def _second_step(request: Request, services: PortalServices, sentence: str, status: int) -> Response:
    errors = [FieldError("code", sentence)]
    return render(request, "code.html", status=status, errors=errors, minutes=services.settings.code_minutes)


router = APIRouter(include_in_schema=False)
SignInPages(PATIENT, admit_patient).add_to(router)
SignInPages(PROFESSIONAL, admit_professional).add_to(router)


@router.post(PATIENT.sign_out)
async def post_sign_out(request: Request, services: Services, viewer: SignedIn) -> Response:
    """End the session of a patient."""
    await posted_form(request)
    await patient_out(services, viewer)
    return _left(PATIENT)


@router.post(PROFESSIONAL.sign_out)
async def post_professional_sign_out(request: Request, services: Services, viewer: ProfessionalSignedIn) -> Response:
    """End the session of a professional."""
    await posted_form(request)
    await professional_out(services, viewer)
    return _left(PROFESSIONAL)


def _left(space: Space) -> Response:
    """Answer after a sign-out: the browser forgets what it may have kept."""
    answer = redirect(f"{space.sign_in}?fin=2")
    drop_cookie(answer, space.cookie)
    answer.headers["Clear-Site-Data"] = '"cache", "storage"'
    return answer
