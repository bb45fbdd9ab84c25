"""Pages that read: first page, documents, history, professionals, profile, accessibility."""

from zoneinfo import ZoneInfo

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from access_core.decision import Decision
from access_core.profiles import Profile
from access_core.reasons import REGISTER
from portal import words
from portal.attachments.kinds import FileContent
from portal.context import Identifier, Services, SignedIn, portal_of, posted_form, redirect, render
from portal.patient.dashboard import read_board
from portal.patient.documents import DocumentView, list_documents, read_document
from portal.patient.history import HistoryLine, read_history
from portal.patient.professionals import list_professionals
from portal.patient.visibility import set_mask
from portal.problems import Absent, Problem, answer_problem
from portal.services import PortalServices
from portal.web.files import file_answer, kind_words

router = APIRouter(include_in_schema=False)
DONE = {
    "masque": "Ce document est masqué aux professionnels, sauf à son auteur et à votre médecin traitant.",
    "visible": "Ce document est visible des professionnels autorisés.",
    "enregistre": "Le fichier est enregistré dans vos documents.",
}
SEXES = {"M": "Masculin", "F": "Féminin"}


@router.get("/")
async def show_board(request: Request, services: Services, viewer: SignedIn) -> Response:
    """Show the first page."""
    return render(request, "accueil.html", viewer=viewer, here="/", board=await read_board(services, viewer))


@router.get("/documents")
async def show_documents(request: Request, services: Services, viewer: SignedIn) -> Response:
    """List the documents."""
    documents = await list_documents(services, viewer)
    return render(request, "documents.html", viewer=viewer, here="/documents", documents=documents)


@router.get("/documents/{document_id}")
async def show_document(document_id: Identifier, request: Request, services: Services, viewer: SignedIn) -> Response:
    """Show one document: what it is, and its text when it is structured."""
    reading = await read_document(services, viewer, document_id)
    if reading is None:
        raise Absent("portal: no such document")
    if reading.view is None:
        return refused(request, reading.decision)
    zone = portal_of(request).templates.zone
    facts = _document_facts(reading.view, zone)
    done = DONE.get(request.query_params.get("fait", ""), "")
    return render(request, "document.html", viewer=viewer, here="/documents", document=reading.view, facts=facts,
                  readable_kind=kind_words(reading.view.readable), done=done)  # fmt: skip


@router.post("/documents/{document_id}/masquer")
async def post_mask(document_id: Identifier, request: Request, services: Services, viewer: SignedIn) -> Response:
    """Hide a document from professionals."""
    return await _set_mask(request, services, viewer, document_id, masked=True)


@router.post("/documents/{document_id}/rendre-visible")
async def post_unmask(document_id: Identifier, request: Request, services: Services, viewer: SignedIn) -> Response:
    """Show a document to professionals again."""
    return await _set_mask(request, services, viewer, document_id, masked=False)


async def _set_mask(
    request: Request, services: PortalServices, viewer: SignedIn, document_id: str, *, masked: bool
) -> Response:
    await posted_form(request)
    decision = await set_mask(services, viewer, document_id, masked=masked)
    if decision is None:
        raise Absent("portal: no such document")
    if not decision.allowed:
        return refused(request, decision)
    return redirect(f"/documents/{document_id}?fait={'masque' if masked else 'visible'}")


@router.get("/documents/{document_id}/contenu")
async def show_content(document_id: Identifier, request: Request, services: Services, viewer: SignedIn) -> Response:
    """Open or download the readable form of a document."""
    return await _document_file(request, services, viewer, document_id, original=False)


@router.get("/documents/{document_id}/original")
async def show_original(document_id: Identifier, request: Request, services: Services, viewer: SignedIn) -> Response:
    """Download a document as it was filed."""
    return await _document_file(request, services, viewer, document_id, original=True)


async def _document_file(
    request: Request, services: PortalServices, viewer: SignedIn, document_id: str, *, original: bool
) -> Response:
    reading = await read_document(services, viewer, document_id)
    if reading is not None and reading.view is None:
        return refused(request, reading.decision)
    file: FileContent | None = None
    if reading is not None and reading.view is not None:
        file = reading.view.original if original else reading.view.readable
    if file is None:
        raise Absent("portal: no such document")
    return file_answer(file, download=original or "telecharger" in request.query_params)


def refused(request: Request, decision: Decision) -> Response:
    """Answer a refusal of the engine with its shown code and sentence."""
    entry = REGISTER[decision.reason]
    problem = Problem(404 if entry.shown.startswith("V_") else 403, entry.shown.value, "Accès refusé", entry.sentence)
    return answer_problem(request, problem, portal_of(request).templates)


def _document_facts(view: DocumentView, zone: ZoneInfo) -> list[tuple[str, str]]:
    line = view.line
    facts = [
        ("Type", line.kind),
        ("Auteur", line.author),
        ("Date du document", words.day_date(line.created_at, zone)),
        ("Ajouté le", words.day_date(view.filed_at, zone)),
        ("Ajouté par", view.filed_by),
    ]
    if view.by_patient:
        facts.append(("Origine", "Document que vous avez ajouté"))
    if line.status:
        facts.append(("État", line.status))
    visibility = "Masqué aux professionnels de santé" if view.masked else "Visible des professionnels autorisés"
    return [*facts, ("Visibilité", visibility)]


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
