"""The patient's documents: the addresses of their pages, and who may see them."""

from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from portal.context import Identifier, Services, SignedIn, posted_form, redirect, refused, render, signed_in
from portal.documents.record import list_documents
from portal.patient.viewer import Viewer
from portal.patient.visibility import set_mask
from portal.problems import Absent
from portal.services import PortalServices
from portal.web import document_pages as pages

router = APIRouter(prefix="/documents", include_in_schema=False)
DONE = {
    "masque": "Ce document est masqué aux professionnels, sauf à son auteur et à votre médecin traitant.",
    "visible": "Ce document est visible des professionnels autorisés.",
    "enregistre": "Le fichier est enregistré dans vos documents.",
}


@router.get("")
async def show_documents(request: Request, services: Services, viewer: SignedIn) -> Response:
    """List the documents, each with its thumbnail when it has one."""
    documents = await list_documents(services, viewer)
    thumbnails = pages.thumbnails_of(request, viewer, documents)
    values: dict[str, Any] = {"documents": documents, "thumbnails": thumbnails}
    return render(request, "documents.html", viewer=viewer, here="/documents", **values)


@router.get("/{document_id}")
async def show_document(document_id: Identifier, request: Request, services: Services, viewer: SignedIn) -> Response:
    """Show one document: what it is, its sections or its file, who may see it."""
    done = DONE.get(request.query_params.get("fait", ""), "")
    asked = (services, viewer, document_id)
    return await pages.document_page(request, asked, "document.html", here="/documents", done=done)


@router.post("/{document_id}/masquer")
async def post_mask(document_id: Identifier, request: Request, services: Services, viewer: SignedIn) -> Response:
    """Hide a document from professionals."""
    return await _set_mask(request, services, viewer, document_id, masked=True)


@router.post("/{document_id}/rendre-visible")
async def post_unmask(document_id: Identifier, request: Request, services: Services, viewer: SignedIn) -> Response:
    """Show a document to professionals again."""
    return await _set_mask(request, services, viewer, document_id, masked=False)


async def _set_mask(
    request: Request, services: PortalServices, viewer: Viewer, document_id: str, *, masked: bool
) -> Response:
    await posted_form(request)
    decision = await set_mask(services, viewer, document_id, masked=masked)
    if decision is None:
        raise Absent("portal: no such document")
    if not decision.allowed:
        return refused(request, decision)
    return redirect(f"/documents/{document_id}?fait={'masque' if masked else 'visible'}")


pages.serve_files(router, "", signed_in)
