"""What the document pages of every space are made of: the list, one document with its content, its files, its pictures.

The space gives who reads, in which record, under which addresses; the engine decides each time.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Path
from starlette.requests import Request
from starlette.responses import Response

from access_core.decision import Decision, Obligation
from portal import words
from portal.attachments.kinds import FileContent
from portal.context import Identifier, Services, portal_of, refused, render
from portal.documents.reading import DocumentContent, piece_of, read_content, readable_of
from portal.documents.record import (
    DocumentLine,
    OpenedDocument,
    RecordViewer,
    decide_reading,
    load_document,
    open_document,
)
from portal.documents.summary import Fact
from portal.documents.thumbnails import PREVIEW_PIXELS, Wanted
from portal.problems import Absent
from portal.security import FRAMING_POLICY
from portal.services import PortalServices
from portal.web.files import SEEN, file_answer, kind_words, picture_answer

Asked = tuple[PortalServices, RecordViewer, str]
"""Whose document, and its id."""
Whole = Callable[[Request, Asked], Awaitable[Response]]
OfPiece = Callable[[Request, Asked, int], Awaitable[Response]]
Endpoint = Callable[..., Awaitable[Response]]
Part = Callable[[OpenedDocument], FileContent | None]
ALERTS = {
    Obligation.ALERTE_INVISIBLE_PATIENT: "Le patient ne voit pas encore ce document : il attend son annonce.",
    Obligation.ALERTE_INVISIBLE_RL: "Les représentants légaux du patient ne voient pas ce document.",
}
"""What a professional is told with a document that she may read."""


def thumbnails_of(request: Request, viewer: RecordViewer, documents: Iterable[DocumentLine]) -> dict[str, str]:
    """Return the addresses of the thumbnails of a list, by id of the document that may have one."""
    path = viewer.documents_path
    return {
        each.id: f"{path}/{each.id}/vignette?{SEEN}={_proof(request, viewer, each.id)}"
        for each in documents
        if each.pictured
    }


async def document_page(request: Request, asked: Asked, template: str, **values: Any) -> Response:
    """Show one document: what it is, its sections or its file; a refusal says why.

    Raises:
        Absent: this record has no such document.
    """
    _, viewer, document_id = asked
    reading = await open_document(*asked)
    if reading is None:
        raise Absent("portal: no such document")
    if reading.document is None:
        return refused(request, reading.decision)
    opened, zone = reading.document, portal_of(request).templates.zone
    proof = f"?{SEEN}={_proof(request, viewer, document_id)}"
    content = await asyncio.to_thread(_content, opened, zone, f"{viewer.documents_path}/{opened.line.id}", proof)
    page = render(
        request,
        template,
        viewer=viewer,
        document=opened,
        content=content,
        facts=[*_described(opened, content, zone), *_filed(opened, zone)],
        readable_kind=kind_words(content.readable),
        proof=proof,
        alerts=[words for obligation, words in ALERTS.items() if obligation in reading.decision.obligations],
        **values,
    )
    page.headers["Content-Security-Policy"] = FRAMING_POLICY
    return page


def serve_files(router: APIRouter, path: str, reader: Callable[..., Any]) -> None:
    """Serve the files and pictures of the documents of a space.

    Args:
        router: of the space.
        path: below which it has its documents, by their ids.
        reader: the dependency that says who reads, in which record.
    """
    for name, whole in _WHOLE.items():
        router.get(f"{path}/{{document_id}}/{name}")(_whole(whole, reader))
    for name, piece in _PIECES.items():
        router.get(f"{path}/{{document_id}}/pieces/{name}")(_piece(piece, reader))


def _whole(answer: Whole, reader: Callable[..., Any]) -> Endpoint:
    async def show(
        document_id: Identifier, request: Request, services: Services, viewer: Annotated[Any, Depends(reader)]
    ) -> Response:
        return await answer(request, (services, viewer, document_id))

    return show


def _piece(answer: OfPiece, reader: Callable[..., Any]) -> Endpoint:
    async def show(
        document_id: Identifier,
        number: Annotated[int, Path(ge=0, le=999)],
        request: Request,
        services: Services,
        viewer: Annotated[Any, Depends(reader)],
    ) -> Response:
        return await answer(request, (services, viewer, document_id), number)

    return show


async def _readable_file(request: Request, asked: Asked) -> Response:
    """Open or download the readable form of a document."""
    download = "telecharger" in request.query_params
    framed = _is_seen(request, *asked[1:]) and not download
    return await _file(request, asked, _readable, download=download, framed=framed)


async def _original_file(request: Request, asked: Asked) -> Response:
    """Download a document as it was filed: the XML of a clinical document."""
    return await _file(request, asked, lambda opened: opened.original, download=True)


async def _piece_file(request: Request, asked: Asked, number: int) -> Response:
    """Open a file joined to a structured document."""
    return await _file(request, asked, lambda opened: piece_of(opened.data, number))


async def _piece_picture(request: Request, asked: Asked, number: int) -> Response:
    """Show a picture of a structured document."""
    wanted = Wanted((asked[2], str(number)), PREVIEW_PIXELS)
    return await _picture(request, asked, wanted, lambda opened: piece_of(opened.data, number))


async def _preview(request: Request, asked: Asked) -> Response:
    """Show an image, or the first page of a PDF, at the width of a page."""
    return await _picture(request, asked, Wanted((asked[2],), PREVIEW_PIXELS), _readable)


async def _thumbnail(request: Request, asked: Asked) -> Response:
    """Show a small picture of a document."""
    return await _picture(request, asked, Wanted((asked[2],)), _readable)


_WHOLE: dict[str, Whole] = {
    "contenu": _readable_file,
    "original": _original_file,
    "apercu": _preview,
    "vignette": _thumbnail,
}
_PIECES: dict[str, OfPiece] = {"{number}": _piece_file, "{number}/image": _piece_picture}


def _content(opened: OpenedDocument, zone: ZoneInfo, address: str, proof: str) -> DocumentContent:
    return read_content(
        opened.data,
        title=opened.line.title,
        is_cda=opened.is_cda,
        zone=zone,
        piece_address=lambda piece: f"{address}/pieces/{piece}{proof}",
    )


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


def _proof(request: Request, viewer: RecordViewer, document_id: str) -> str:
    """Return what shows that the page with this document was made for this session, and traced."""
    return portal_of(request).tokens.issue(viewer.session.id, _place(document_id))


def _is_seen(request: Request, viewer: RecordViewer, document_id: str) -> bool:
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
