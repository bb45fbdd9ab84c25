"""The JSON API of the patient space, under /api/v1. The session cookie of the pages is the credential.

There is no form token here: a request that writes must be `application/json`, which another site's form cannot
send, and must not come from another origin.
"""

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import Response

from access_core.decision import Decision, Verdict
from access_core.reasons import REGISTER
from portal.api.values import REFUSALS, MessageSent, MessageToSend
from portal.context import Identifier, Services, SignedIn
from portal.delivery import RecipientLine, recipient_lines
from portal.documents.record import DocumentLine, list_documents
from portal.patient.history import HistoryPage, read_history
from portal.patient.messages import ConversationLine, MessageLine, list_conversations, list_messages
from portal.patient.reply import NewMessage, Reply, send_new, send_reply
from portal.problems import Absent, FormRefused, Problem, problem_json
from portal.security import same_origin
from smtp_gateway.receipts.states import states_of

router = APIRouter(prefix="/api/v1", tags=["patient"], responses=REFUSALS)


async def ours(request: Request) -> None:
    """Refuse a request that another site made the browser send.

    Raises:
        FormRefused: another origin, or a body that is not JSON.
    """
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if not same_origin(request.headers) or content_type != "application/json":
        raise FormRefused("portal: not a JSON request of ours")


@router.get("/conversations")
async def get_conversations(
    services: Services, viewer: SignedIn, after: Annotated[str | None, Query(max_length=32)] = None
) -> list[ConversationLine]:
    """List 200 conversations at most, the one that changed last first; AFTER is the last id of the page before."""
    return (await list_conversations(services, viewer, after)).lines


@router.get("/messages")
async def get_messages(services: Services, viewer: SignedIn) -> list[MessageLine]:
    """List the messages of every conversation, the latest first."""
    return await list_messages(services, viewer)


@router.get("/messages/{message_id}/recipients")
async def get_recipients(message_id: Identifier, services: Services, viewer: SignedIn) -> list[RecipientLine]:
    """Say where a message of hers stands for each recipient: waiting, relayed, delivered, read, or why it failed."""
    sent = await services.database.read(partial(states_of, message_id=message_id))
    own = [each for each in sent if each.mailbox_id == viewer.mailbox_id]
    if not own:
        raise Absent("portal: no such message of hers")
    return list(recipient_lines(own))


@router.post("/messages", status_code=201, response_model=MessageSent, dependencies=[Depends(ours)])
async def post_message(message: MessageToSend, services: Services, viewer: SignedIn) -> MessageSent | Response:
    """Send a message: the engine, not this form, refuses."""
    if message.conversation_id is not None:
        sending = await send_reply(services, viewer, Reply(message.conversation_id, message.text))
        if sending is None:
            raise Absent("portal: no such conversation")
    else:
        sending = await send_new(services, viewer, NewMessage(message.recipient, message.subject, message.text))
    if sending.message_id is None:
        return _refusal(sending.decision)
    return MessageSent(message_id=sending.message_id, code=sending.decision.reason.value)


def _refusal(decision: Decision) -> Response:
    entry = REGISTER[decision.reason]
    status = 503 if decision.verdict is Verdict.DEFER else 403
    return problem_json(Problem(status, entry.shown.value, "Envoi refusé", entry.sentence))


@router.get("/documents")
async def get_documents(services: Services, viewer: SignedIn) -> list[DocumentLine]:
    """List the documents that the patient may read, the latest first."""
    return await list_documents(services, viewer)


@router.get("/history")
async def get_history(
    services: Services,
    viewer: SignedIn,
    before: Annotated[int | None, Query(ge=1, lt=2**63, description="`older` of the page before")] = None,
) -> HistoryPage:
    """Return a page of the access history, the newest line first."""
    return await read_history(services, viewer, before)
