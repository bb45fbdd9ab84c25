"""OBJECTID: ids that stay when a message or a folder moves.

A message keeps its id in every folder that it is copied to. Threads have no ids: THREADID is NIL.

Source: RFC 8474.
"""

from mailstore.imap.protocol.criteria import EMAIL_ID_PREFIX
from mailstore.model import FolderId


def email_id(message_id: str) -> bytes:
    """Return the EMAILID of a message."""
    return f"{EMAIL_ID_PREFIX}{message_id}".encode("ascii")


def mailbox_id(folder_id: FolderId) -> bytes:
    """Return the MAILBOXID of a folder, which a new name does not change."""
    return b"F%d" % folder_id
