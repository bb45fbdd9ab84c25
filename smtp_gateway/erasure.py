"""Erasing the conversations of a space that was closed; the professional keeps the mail in her own mailbox."""

from sqlalchemy import bindparam, delete, select

from smtp_gateway.tables import conversation, conversation_message
from vaguemestre.kernel.database import Transaction

_conversations = select(conversation.c.id).where(conversation.c.profile_id == bindparam("patient"))
_MESSAGES = delete(conversation_message).where(conversation_message.c.conversation_id.in_(_conversations))
_CONVERSATIONS = delete(conversation).where(conversation.c.profile_id == bindparam("patient"))


def erase_conversations(tx: Transaction, profile_id: str) -> None:
    """Erase what is known of a patient's conversations."""
    for statement in (_MESSAGES, _CONVERSATIONS):
        tx.execute(statement, {"patient": profile_id})
