"""Pages of the conversations: list, thread, reply, attachments."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query
from starlette.requests import Request
from starlette.responses import Response

from access_core.decision import Verdict
from portal.attachments.checks import CheckedFiles, FileLimits, check_files, too_large
from portal.context import Identifier, Services, SignedIn, portal_of, posted_form, redirect, render
from portal.documents.thumbnails import Wanted
from portal.patient.keeping import keep_attachment
from portal.patient.messages import list_conversations
from portal.patient.reply import Reply, file_limits, send_reply
from portal.patient.thread import MessagePlace, open_attachment, open_conversation, peek_attachment
from portal.patient.viewer import Viewer
from portal.problems import Absent, Problem, answer_problem
from portal.services import PortalServices
from portal.web.errors import FieldError
from portal.web.files import SEEN, file_answer, picture_answer
from portal.web.multipart import Form
from vaguemestre.kernel.errors import TemporaryFailure

router = APIRouter(include_in_schema=False)
Download = Annotated[str | None, Query(max_length=5)]
Section = Annotated[str, Path(pattern=r"^[0-9.]{1,60}$")]
SENT = "Votre message est envoyé."
EMPTY = "Écrivez votre message avant de l'envoyer."


@router.get("/messages")
async def show_conversations(request: Request, services: Services, viewer: SignedIn) -> Response:
    """List the conversations, a page at a time."""
    page = await list_conversations(services, viewer, request.query_params.get("avant"))
    return render(request, "messages.html", viewer=viewer, here="/messages", page=page)


@router.get("/messages/{conversation_id}")
async def show_conversation(
    conversation_id: Identifier, request: Request, services: Services, viewer: SignedIn
) -> Response:
    """Open a conversation."""
    sent = SENT if request.query_params.get("fait") == "envoye" else ""
    return await _thread_page(request, services, viewer, conversation_id, sent=sent)


async def _thread_page(
    request: Request, services: Services, viewer: Viewer, conversation_id: str, *, status: int = 200, **values: Any
) -> Response:
    thread = await open_conversation(services, viewer, conversation_id)
    if thread is None:
        raise Absent("portal: no such conversation")
    shown = {"sent": "", "text": "", "errors": [], **values}
    return render(
        request,
        "conversation.html",
        status=status,
        viewer=viewer,
        here="/messages",
        thread=thread,
        limits=file_limits(services),
        idle_minutes=services.settings.idle_minutes,
        proof=f"?{SEEN}={portal_of(request).tokens.issue(viewer.session.id, _pictures_of(conversation_id))}",
        **shown,
    )


@router.post("/messages/{conversation_id}/repondre")
async def post_reply(conversation_id: Identifier, request: Request, services: Services, viewer: SignedIn) -> Response:
    """Send a reply; on a refusal the page comes back with the sentence and the text."""
    async with _turn(portal_of(request).uploads, services.settings.upload_wait_seconds):
        return await _reply(request, services, viewer, conversation_id)


@contextlib.asynccontextmanager
async def _turn(turns: asyncio.Semaphore, wait_s: float) -> AsyncIterator[None]:
    """Hold one of the turns: a form with its files is in memory for as long as it is worked on.

    Raises:
        TemporaryFailure: none came free in time.
    """
    try:
        await asyncio.wait_for(turns.acquire(), wait_s)
    except TimeoutError:
        raise TemporaryFailure("portal: too many replies at once") from None
    try:
        yield
    finally:
        turns.release()


async def _reply(request: Request, services: PortalServices, viewer: Viewer, conversation_id: str) -> Response:
    limits = file_limits(services)
    form = await posted_form(request, files_limit_bytes=limits.total_bytes)
    text = form.text("texte")
    async with portal_of(request).images:
        checked = await _checked(form, limits)
    errors = _errors(text, checked, services.settings.text_characters)
    if errors:
        return await _thread_page(request, services, viewer, conversation_id, status=422, errors=errors, text=text)
    outcome = await send_reply(services, viewer, Reply(conversation_id, text, checked.files))
    if outcome is None:
        raise Absent("portal: no such conversation")
    if not outcome.sent:
        refusal = [FieldError("texte", outcome.sentence)]
        status = 503 if outcome.decision.verdict is Verdict.DEFER else 403
        return await _thread_page(request, services, viewer, conversation_id, status=status, errors=refusal, text=text)
    return redirect(f"/messages/{conversation_id}?fait=envoye")


async def _checked(form: Form, limits: FileLimits) -> CheckedFiles:
    if form.files_bytes > limits.total_bytes:
        return CheckedFiles((), (too_large(form.files_bytes, limits),))
    return await asyncio.to_thread(check_files, form.files, limits)


def _errors(text: str, checked: CheckedFiles, longest: int) -> list[FieldError]:
    errors = [FieldError("texte", EMPTY)] if not text else []
    if len(text) > longest:
        excess = len(text) - longest
        errors.append(FieldError("texte", f"Votre message est trop long de {excess} caractères. Raccourcissez-le."))
    return errors + [FieldError("fichiers", sentence) for sentence in checked.errors]


def place_of(conversation_id: Identifier, message_id: Identifier) -> MessagePlace:
    """Read the place of a message in the address."""
    return MessagePlace(conversation_id, message_id)


Place = Annotated[MessagePlace, Depends(place_of)]


@router.get("/messages/{conversation_id}/pieces/{message_id}/{section}")
async def show_attachment(
    place: Place, section: Section, services: Services, viewer: SignedIn, telecharger: Download = None
) -> Response:
    """Open or download an attachment."""
    content = await open_attachment(services, viewer, place, section)
    if content is None:
        raise Absent("portal: no such attachment")
    return file_answer(content, download=telecharger is not None)


@router.get("/messages/{conversation_id}/pieces/{message_id}/{section}/vignette")
async def show_attachment_thumbnail(
    place: Place, section: Section, request: Request, services: Services, viewer: SignedIn
) -> Response:
    """Show a small picture of an attachment on the page of its conversation, and nowhere else."""
    portal, given = portal_of(request), request.query_params.get(SEEN, "")
    if not portal.tokens.accept(viewer.session.id, _pictures_of(place.conversation_id), given):
        raise Absent("portal: the conversation was not shown to this session")

    async def content() -> bytes | None:
        file = await peek_attachment(services, viewer, place, section)
        return None if file is None else file.content

    wanted = Wanted((viewer.profile.id, place.message_id, section))
    return picture_answer(await portal.thumbnails.get(wanted, content, services.clock.now()))


def _pictures_of(conversation_id: str) -> str:
    return f"/messages/{conversation_id}?{SEEN}"


@router.post("/messages/{conversation_id}/pieces/{message_id}/{section}/enregistrer")
async def post_keep(place: Place, section: Section, request: Request, services: Services, viewer: SignedIn) -> Response:
    """Keep an attachment among her documents."""
    await posted_form(request)
    async with portal_of(request).images:
        kept = await keep_attachment(services, viewer, place, section)
    if kept is None:
        raise Absent("portal: no such attachment")
    if kept.document_id is None:
        problem = Problem(403, kept.code, "Enregistrement refusé", kept.sentence)
        return answer_problem(request, problem, portal_of(request).templates)
    return redirect(f"/documents/{kept.document_id}?fait=enregistre")
