"""Pages of the documents: list, one document with its content, its file, its pictures, who may see it."""

import asyncio
from collections.abc import Callable
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Path
from starlette.requests import Request
from starlette.responses import Response

from access_core.decision import Decision
from portal import words
from portal.attachments.kinds import FileContent
from portal.context import Identifier, Services, SignedIn, portal_of, posted_form, redirect, refused, render
from portal.documents.reading import DocumentContent, piece_of, read_content, readable_of
from portal.documents.summary import Fact
from portal.documents.thumbnails import PREVIEW_PIXELS, Wanted
from portal.patient.documents import (
    OpenedDocument,
    decide_reading,
    list_documents,
    load_document,
    open_document,
)
from portal.patient.viewer import Viewer
from portal.patient.visibility import set_mask
from portal.problems import Absent
from portal.security import FRAMING_POLICY
from portal.services import PortalServices
from portal.web.files import SEEN, file_answer, kind_words, picture_answer

router = APIRouter(prefix="/documents", include_in_schema=False)
Piece = Annotated[int, Path(ge=0, le=999)]
Asked = tuple[PortalServices, Viewer, str]
"""Whose document, and its id."""
Part = Callable[[OpenedDocument], FileContent | None]
DONE = {
    "masque": "Ce document est masqué aux professionnels, sauf à son auteur et à votre médecin traitant.",
    "visible": "Ce document est visible des professionnels autorisés.",
    "enregistre": "Le fichier est enregistré dans vos documents.",
}


@router.get("")
async def show_documents(request: Request, services: Services, viewer: SignedIn) -> Response:
    """List the documents, each with its thumbnail when it has one."""
    documents = await list_documents(services, viewer)
    thumbnails = {
        each.id: f"/documents/{each.id}/vignette?{SEEN}={_proof(request, viewer, each.id)}"
        for each in documents
        if each.pictured
    }
    return render(
        request, "documents.html", viewer=viewer, here="/documents", documents=documents, thumbnails=thumbnails
    )


@router.get("/{document_id}")
async def show_document(document_id: Identifier, request: Request, services: Services, viewer: SignedIn) -> Response:
    """Show one document: what it is, its sections or its file, who may see it."""
    reading = await open_document(services, viewer, document_id)
    if reading is None:
        raise Absent("portal: no such document")
    if reading.document is None:
        return refused(request, reading.decision)
    opened, zone = reading.document, portal_of(request).templates.zone
    proof = f"?{SEEN}={_proof(request, viewer, document_id)}"
    content = await asyncio.to_thread(_content, opened, zone, proof)
    page = render(
        request,
        "document.html",
        viewer=viewer,
        here="/documents",
        document=opened,
        content=content,
        facts=[*_described(opened, content, zone), *_filed(opened, zone)],
        readable_kind=kind_words(content.readable),
        proof=proof,
        done=DONE.get(request.query_params.get("fait", ""), ""),
    )
    page.headers["Content-Security-Policy"] = FRAMING_POLICY
    return page


def _content(opened: OpenedDocument, zone: ZoneInfo, proof: str) -> DocumentContent:
    return read_content(
        opened.data,
        title=opened.line.title,
        is_cda=opened.is_cda,
        zone=zone,
        piece_address=lambda piece: f"/documents/{opened.line.id}/pieces/{piece}{proof}",
    )


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
    download = "telecharger" in request.query_params
    framed = _is_seen(request, viewer, document_id) and not download
    return await _file(request, (services, viewer, document_id), _readable, download=download, framed=framed)


@router.get("/{document_id}/original")
async def show_original(document_id: Identifier, request: Request, services: Services, viewer: SignedIn) -> Response:
    """Download a document as it was filed: the XML of a clinical document."""
    return await _file(request, (services, viewer, document_id), lambda opened: opened.original, download=True)


@router.get("/{document_id}/pieces/{number}")
async def show_piece(
    document_id: Identifier, number: Piece, request: Request, services: Services, viewer: SignedIn
) -> Response:
    """Open a file joined to a structured document."""
    return await _file(request, (services, viewer, document_id), lambda opened: piece_of(opened.data, number))


@router.get("/{document_id}/pieces/{number}/image")
async def show_picture(
    document_id: Identifier, number: Piece, request: Request, services: Services, viewer: SignedIn
) -> Response:
    """Show a picture of a structured document."""
    wanted = Wanted((document_id, str(number)), PREVIEW_PIXELS)
    return await _picture(request, (services, viewer, document_id), wanted, lambda each: piece_of(each.data, number))


@router.get("/{document_id}/apercu")
async def show_preview(document_id: Identifier, request: Request, services: Services, viewer: SignedIn) -> Response:
    """Show an image, or the first page of a PDF, at the width of a page."""
    wanted = Wanted((document_id,), PREVIEW_PIXELS)
    return await _picture(request, (services, viewer, document_id), wanted, _readable)


@router.get("/{document_id}/vignette")
async def show_thumbnail(document_id: Identifier, request: Request, services: Services, viewer: SignedIn) -> Response:
    """Show a small picture of a document."""
    return await _picture(request, (services, viewer, document_id), Wanted((document_id,)), _readable)


async def _file(
    request: Request, asked: Asked, part: Part, *, download: bool = False, framed: bool = False
) -> Response:
    """Hand over a file of a document; traced unless its page was shown to this session.

    Raises:
        Absent: this patient has no such document, or it holds no such file.
    """
    decision = await _decided(asked, seen=_is_seen(request, *asked[1:]) and not download)
    if not decision.allowed:
        return refused(request, decision)
    opened = await load_document(*asked)
    file = None if opened is None else await asyncio.to_thread(part, opened)
    if file is None:
        raise Absent("portal: no such file")
    return file_answer(file, download=download, framed=framed)


async def _picture(request: Request, asked: Asked, wanted: Wanted, part: Part) -> Response:
    """Show a picture of a file of a document; as `_file`."""
    decision = await _decided(asked, seen=_is_seen(request, *asked[1:]))
    if not decision.allowed:
        return refused(request, decision)

    async def content() -> bytes | None:
        opened = await load_document(*asked)
        file = None if opened is None else await asyncio.to_thread(part, opened)
        return None if file is None else file.content

    portal = portal_of(request)
    return picture_answer(await portal.thumbnails.get(wanted, content, portal.services.clock.now()))


async def _decided(asked: Asked, *, seen: bool) -> Decision:
    decision = await decide_reading(*asked, seen=seen)
    if decision is None:
        raise Absent("portal: no such document")
    return decision


def _readable(opened: OpenedDocument) -> FileContent | None:
    return readable_of(opened.data, title=opened.line.title, is_cda=opened.is_cda)


def _proof(request: Request, viewer: Viewer, document_id: str) -> str:
    """Return what shows that the page with this document was made for this session, and traced."""
    return portal_of(request).tokens.issue(viewer.session.id, _place(document_id))


def _is_seen(request: Request, viewer: Viewer, document_id: str) -> bool:
    given = request.query_params.get(SEEN, "")
    return portal_of(request).tokens.accept(viewer.session.id, _place(document_id), given)


def _place(document_id: str) -> str:
    return f"/documents/{document_id}?{SEEN}"


def _described(opened: OpenedDocument, content: DocumentContent, zone: ZoneInfo) -> list[Fact]:
    """Say what the document is: its own header, else what the record knows of it."""
    if content.facts:
        return list(content.facts)
    line = opened.line
    return [
        ("Type", line.kind),
        ("Auteur", line.author),
        ("Date du document", words.day_date(line.created_at, zone)),
    ]


def _filed(opened: OpenedDocument, zone: ZoneInfo) -> list[Fact]:
    facts = [("Ajouté le", words.day_date(opened.filed_at, zone)), ("Ajouté par", opened.filed_by)]
    if opened.by_patient:
        facts.append(("Origine", "Document que vous avez ajouté"))
    if opened.line.status:
        facts.append(("État", opened.line.status))
    visibility = "Masqué aux professionnels de santé" if opened.masked else "Visible des professionnels autorisés"
    return [*facts, ("Visibilité", visibility)]
