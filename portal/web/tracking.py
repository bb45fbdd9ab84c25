"""What became of the messages that a professional sent: a page, and the same as data."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from portal.api.trace import refusal
from portal.api.values import REFUSALS
from portal.context import ProfessionalSignedIn, Services, refused, render
from portal.pro.tracking import SentMessage, read_sent

router = APIRouter()


@router.get("/pro/envois", include_in_schema=False)
async def show_sent(request: Request, services: Services, viewer: ProfessionalSignedIn) -> Response:
    """Show the latest messages, each recipient with where the message stands."""
    page = await read_sent(services, viewer)
    if not page.decision.allowed:
        return refused(request, page.decision)
    return render(request, "pro_envois.html", viewer=viewer, here="/pro/envois", messages=page.messages)


@router.get("/api/v1/sent", tags=["professionnel"], responses=REFUSALS, response_model=list[SentMessage])
async def get_sent(services: Services, viewer: ProfessionalSignedIn) -> tuple[SentMessage, ...] | Response:
    """List the latest messages that a professional sent: for each recipient its one state and why it failed."""
    page = await read_sent(services, viewer)
    return page.messages if page.decision.allowed else refusal(page.decision)
