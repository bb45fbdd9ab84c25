"""Pages that read: first page, history, professionals, profile, accessibility."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from access_core.profiles import Profile
from portal import words
from portal.context import Services, SignedIn, portal_of, render
from portal.patient.dashboard import read_board
from portal.patient.history import HistoryLine, read_history
from portal.patient.professionals import list_professionals
from portal.services import PortalServices

router = APIRouter(include_in_schema=False)
SEXES = {"M": "Masculin", "F": "Féminin"}


@router.get("/")
async def show_board(request: Request, services: Services, viewer: SignedIn) -> Response:
    """Show the first page."""
    return render(request, "accueil.html", viewer=viewer, here="/", board=await read_board(services, viewer))


@router.get("/historique")
async def show_history(request: Request, services: Services, viewer: SignedIn) -> Response:
    """Show the history, a page at a time, grouped by month."""
    before = request.query_params.get("avant", "")
    page = await read_history(services, viewer, int(before) if before.isdecimal() and len(before) < 19 else None)
    zone = portal_of(request).templates.zone
    months: dict[str, list[HistoryLine]] = {}
    for line in page.lines:
        months.setdefault(words.month_date(line.at, zone), []).append(line)
    groups = [{"name": name, "lines": lines} for name, lines in months.items()]
    return render(request, "historique.html", viewer=viewer, here="/historique", months=groups, older=page.older)


@router.get("/professionnels")
async def show_professionals(request: Request, services: Services, viewer: SignedIn) -> Response:
    """List those who wrote or take part in care."""
    found = await list_professionals(services, viewer)
    return render(request, "professionnels.html", viewer=viewer, here="/professionnels", professionals=found)


@router.get("/profil")
async def show_profile(request: Request, services: Services, viewer: SignedIn) -> Response:
    """Show who the patient is."""
    facts = _profile_facts(viewer.profile, services)
    return render(request, "profil.html", viewer=viewer, here="/profil", facts=facts)


def _profile_facts(profile: Profile, services: PortalServices) -> list[tuple[str, str]]:
    born = profile.birth_date
    domain = next(iter(services.patient_domains), "")
    return [
        ("Nom de naissance", profile.family),
        ("Prénom", profile.given),
        ("Date de naissance", words.plain_date(born.year, born.month, born.day)),
        ("Sexe", SEXES.get(profile.sex, "Non précisé")),
        ("Numéro de sécurité sociale (identité nationale de santé)", words.ins_groups(profile.ins.value)),
        ("Adresse de votre messagerie de santé", f"{profile.ins.value}@{domain}"),
        ("Adresse e-mail pour les avis", profile.email or "Aucune"),
    ]


@router.get("/accessibilite")
async def show_accessibility(request: Request) -> Response:
    """Show the accessibility statement, to anybody."""
    return render(request, "accessibilite.html")
