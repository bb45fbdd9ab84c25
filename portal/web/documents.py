"""The patient's documents: the addresses of their pages, and who may see them."""

from typing import Annotated, Any

from fastapi import APIRouter, Path
from starlette.requests import Request
from starlette.responses import Response

from portal.context import Identifier, Services, SignedIn, posted_form, redirect, refused, render
from portal.documents.record import list_documents
from portal.patient.viewer import Viewer
from portal.patient.visibility import set_mask
from portal.problems import Absent
from portal.services import PortalServices
from portal.web import document_pages as pages

router = APIRouter(prefix="/documents", include_in_schema=False)
Piece = Annotated[int, Path(ge=0, le=999)]
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


@router.get("/{document_id}/contenu")
async def show_content(document_id: Identifier, request: Request, services: Services, viewer: SignedIn) -> Response:
    """Open or download the readable form of a document."""
    return await pages.readable_file(request, (services, viewer, document_id))


@router.get("/{document_id}/original")
async def show_original(document_id: Identifier, request: Request, services: Services, viewer: SignedIn) -> Response:
    """Download a document as it was filed."""
    return await pages.original_file(request, (services, viewer, document_id))


@router.get("/{document_id}/pieces/{number}")
async def show_piece(
    document_id: Identifier, number: Piece, request: Request, services: Services, viewer: SignedIn
) -> Response:
    """Open a file joined to a structured document."""
    return await pages.piece_file(request, (services, viewer, document_id), number)


@router.get("/{document_id}/pieces/{number}/image")
async def show_picture(
    document_id: Identifier, number: Piece, request: Request, services: Services, viewer: SignedIn
) -> Response:
    """Show a picture of a structured document."""
    return await pages.piece_picture(request, (services, viewer, document_id), number)


@router.get("/{document_id}/apercu")
async def show_preview(document_id: Identifier, request: Request, services: Services, viewer: SignedIn) -> Response:
    """Show an image, or the first page of a PDF, at the width of a page."""
    return await pages.preview(request, (services, viewer, document_id))


@router.get("/{document_id}/vignette")
async def show_thumbnail(document_id: Identifier, request: Request, services: Services, viewer: SignedIn) -> Response:
    """Show a small picture of a document."""
    return await pages.thumbnail(request, (services, viewer, document_id))
