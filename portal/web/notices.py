"""Choosing notices in the settings, and ending a kind of notice by the link in it, without signing in.

The link shows a page whose button ends the notice: opening it does nothing, since programs that scan mail open links.
The same address takes the one-click request of mail programs (RFC 8058).
"""

from typing import Annotated

from fastapi import APIRouter, Path
from starlette.requests import Request
from starlette.responses import Response

from portal.context import Services, SignedIn, posted_form, redirect, render
from portal.patient.notices import TOPIC_WORDS, change_choices, end_by_link, read_link
from portal.problems import Absent
from smtp_gateway.notice_choices import Choice, Topic
from smtp_gateway.notice_links import PATH

router = APIRouter(include_in_schema=False)
Token = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{44}$")]
DAILY_WORDS = "Avis quotidien"


@router.post("/parametres/avis/choix")
async def post_choices(request: Request, services: Services, viewer: SignedIn) -> Response:
    """Keep the choices of the settings page."""
    form = await posted_form(request)
    said = {topic: form.text(f"avis-{topic}") for topic in Topic}
    wanted = {topic: Choice(value) for topic, value in said.items() if value in set(Choice)}
    await change_choices(services, viewer, wanted)
    return redirect("/parametres?fait=choix")


@router.get(PATH + "/{token}")
async def show_link(token: Token, request: Request, services: Services) -> Response:
    """Ask whether to end this kind of notice."""
    subscription = read_link(services, token)
    if subscription is None:
        raise Absent("portal: no such link")
    words = TOPIC_WORDS[subscription.topic] if subscription.topic is not None else DAILY_WORDS
    return render(request, "desabonnement.html", action=f"{PATH}/{token}", words=words, done=False)


@router.post(PATH + "/{token}")
async def post_link(token: Token, request: Request, services: Services) -> Response:
    """End this kind of notice; the address itself is the proof, whoever asks."""
    subscription = read_link(services, token)
    if subscription is None:
        raise Absent("portal: no such link")
    await end_by_link(services, subscription)
    words = TOPIC_WORDS[subscription.topic] if subscription.topic is not None else DAILY_WORDS
    return render(request, "desabonnement.html", action="", words=words, done=True)
