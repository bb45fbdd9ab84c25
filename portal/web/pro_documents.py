"""A patient's documents in the professional space: found by INS, the list, each document as the patient sees it."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from portal.context import Identifier, ProfessionalSignedIn, Services, posted_form, redirect, refused, render
from portal.pro.record import PatientRecord, find_record, open_record, record_of
from portal.problems import Absent
from portal.web import document_pages as pages
from portal.web.errors import FieldError
from vaguemestre.kernel.errors import InvalidIdentifier

router = APIRouter(prefix="/pro/patients", include_in_schema=False)
HERE = "/pro/patients/documents"
NOT_AN_INS = "Ce matricule INS n'est pas valide : 15 caractères, dont 2 de clé."
UNKNOWN = "Aucun espace n'existe ici pour ce matricule INS."


async def _asked(profile_id: Identifier, services: Services, viewer: ProfessionalSignedIn) -> PatientRecord:
    """Return the record that an address names; the engine has not been asked yet."""
    found = await record_of(services, viewer, profile_id)
    if found is None:
        raise Absent("portal: no such record")
    return found


Asked = Annotated[PatientRecord, Depends(_asked)]


@router.get("/documents")
async def show_form(request: Request, viewer: ProfessionalSignedIn) -> Response:
    """Ask whose documents are to be read."""
    return _form(request, viewer, [], "")


@router.post("/documents")
async def post_form(request: Request, services: Services, viewer: ProfessionalSignedIn) -> Response:
    """Lead to the documents of a patient; her INS comes by a form, never in an address."""
    form = await posted_form(request)
    ins = form.text("ins")[:30]
    try:
        found = await find_record(services, viewer, ins)
    except InvalidIdentifier:
        return _form(request, viewer, [FieldError("ins", NOT_AN_INS)], ins)
    if found is None:
        return _form(request, viewer, [FieldError("ins", UNKNOWN)], ins)
    return redirect(found.documents_path)


@router.get("/{profile_id}/documents")
async def show_documents(request: Request, services: Services, asked: Asked) -> Response:
    """List the documents of a patient that she may read."""
    opened = await open_record(services, asked)
    if not opened.decision.allowed:
        return refused(request, opened.decision)
    thumbnails = pages.thumbnails_of(request, asked, opened.documents)
    values: dict[str, Any] = {"documents": opened.documents, "thumbnails": thumbnails}
    return render(request, "pro_documents.html", viewer=asked, here=HERE, **values)


@router.get("/{profile_id}/documents/{document_id}")
async def show_document(document_id: Identifier, request: Request, services: Services, asked: Asked) -> Response:
    """Show one document."""
    return await pages.document_page(request, (services, asked, document_id), "pro_document.html", here=HERE, done="")


pages.serve_files(router, "/{profile_id}/documents", _asked)


def _form(request: Request, viewer: ProfessionalSignedIn, errors: list[FieldError], ins: str) -> Response:
    status = 422 if errors else 200
    return render(request, "pro_dossier.html", status=status, viewer=viewer, here=HERE, errors=errors, ins=ins)
