"""The tables of smtp_gateway: conversations, the messages that they are made of, the queue, what became of notices.

No subject, no name, no content: those stay sealed in the store. A conversation is between one patient address and
one professional side.
"""

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, String, Table, Text, UniqueConstraint

from access_core.tables import profile
from vaguemestre.kernel.database import Instant, metadata

conversation = Table(
    "conversation",
    metadata,
    Column("id", String(32), primary_key=True),
    Column(
        "patient_address",
        String(254),
        nullable=False,
        comment="lower case; of another operator when profile_id is NULL",
    ),
    Column("profile_id", String(32), ForeignKey(profile.c.id), nullable=True, comment="our patient"),
    Column("professional", String(254), nullable=False, comment="address that opened it, lower case"),
    Column(
        "correspondent",
        String(254),
        nullable=False,
        comment="address that may be answered: Reply-To, else professional",
    ),
    Column("state", String(6), nullable=False, comment="open or closed by [FIN]"),
    Column("answerable", Boolean, nullable=False, comment="false: the last message takes no answer"),
    Column("opened_at", Instant, nullable=False),
    Column("changed_at", Instant, nullable=False, comment="last message or change of state"),
    Column("closed_at", Instant, nullable=True),
    Index("ix_conversation_patient", "patient_address", "professional"),
    Index("ix_conversation_profile", "profile_id", "changed_at"),
)

conversation_message = Table(
    "conversation_message",
    metadata,
    Column("id", String(32), primary_key=True, comment="ordered by time"),
    Column("conversation_id", String(32), ForeignKey("conversation.id"), nullable=False, index=True),
    Column("message_id", String(32), nullable=False, comment="of the store"),
    Column("message_id_header", Text, nullable=True, comment="with its angle brackets; what References name"),
    Column("direction", String(3), nullable=False, comment="in: from the professional side; out: from the patient"),
    Column("sender", String(254), nullable=False, comment="address of the From field, lower case"),
    Column("at", Instant, nullable=False),
    Index("ix_conversation_message_header", "message_id_header"),
)

queue_message = Table(
    "queue_message",
    metadata,
    Column("id", String(32), primary_key=True, comment="ordered by time"),
    Column("message_id", String(32), nullable=False, comment="of the store, which holds it"),
    Column("held_uid", BigInteger, nullable=True, comment="releases it; NULL once no recipient waits"),
    Column("reverse_path", String(320), nullable=False, comment="empty: the null one, nobody is told"),
    Column("reporter_id", String(32), nullable=True, comment="mailbox of the sender, which gets the reports"),
    Column("message_id_header", Text, nullable=True),
    Column("envid", String(100), nullable=True, comment="as given, xtext (RFC 3461 §4.4)"),
    Column("ret", String(4), nullable=True, comment="FULL or HDRS (RFC 3461 §4.3)"),
    Column("require_tls", Boolean, nullable=False, comment="only by hops that offer REQUIRETLS (RFC 8689)"),
    Column("accepted_at", Instant, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
)

queue_entry = Table(
    "queue_entry",
    metadata,
    Column("id", String(32), primary_key=True, comment="one recipient of one message"),
    Column("queue_id", String(32), ForeignKey("queue_message.id"), nullable=False, index=True),
    Column("recipient", String(320), nullable=False, comment="as given"),
    Column("destination", String(255), nullable=False, comment="domain, lower case; empty: here, only reported"),
    Column("notify", String(30), nullable=True, comment="words of NOTIFY, separated by commas (RFC 3461 §4.1)"),
    Column("orcpt", String(500), nullable=True, comment="as given, xtext (RFC 3461 §4.2)"),
    Column("state", String(10), nullable=False, comment="waiting, or one final state: sent failed expired dropped"),
    Column("due_at", Instant, nullable=False, comment="not before; while leased: when the lease ends"),
    Column("lease", String(32), nullable=True, comment="id of the worker that holds it"),
    Column("attempts", Integer, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("delay_reported", Boolean, nullable=False),
    Column("trouble", String(40), nullable=True, comment="code of what happened last"),
    Column("status", String(11), nullable=True, comment="enhanced status of what happened last (RFC 3463)"),
    Column("reply_code", Integer, nullable=True, comment="what the peer answered last, three digits"),
    Column("ended_at", Instant, nullable=True),
    Index("ix_queue_entry_due", "state", "due_at"),
)

queue_lane = Table(
    "queue_lane",
    metadata,
    Column("destination", String(255), primary_key=True, comment="domain, lower case"),
    Column("slot", Integer, primary_key=True, comment="0 to [relay] connections_per_destination - 1"),
    Column("holder", String(32), nullable=False, comment="id of the worker that may connect"),
    Column("until", Instant, nullable=False, comment="when the slot is free again whatever its holder does"),
)

recipient_state = Table(
    "recipient_state",
    metadata,
    Column("id", String(32), primary_key=True, comment="ordered by time"),
    Column("message_id", String(32), nullable=False, comment="of the store; sent by a mailbox of ours"),
    Column("message_id_header", Text, nullable=True, comment="with its angle brackets; what reports name"),
    Column("mailbox_id", String(32), nullable=False, comment="of the sender, who may know"),
    Column("recipient", String(320), nullable=False, comment="lower case"),
    Column("state", String(16), nullable=False, comment="the furthest one known (receipts/outcome.py)"),
    Column("reason", String(40), nullable=True, comment="code of why it failed, or application code 900 to 906"),
    Column("status", String(11), nullable=True, comment="enhanced status (RFC 3463) of what was told last"),
    Column("sent_at", Instant, nullable=False),
    Column("at", Instant, nullable=False, comment="when it came to this state"),
    UniqueConstraint("message_id", "recipient"),
    Index("ix_recipient_state_header", "mailbox_id", "message_id_header"),
    Index("ix_recipient_state_sent", "sent_at"),
)

submission_rate = Table(
    "submission_rate",
    metadata,
    Column("account_id", String(32), primary_key=True),
    Column("slot", BigInteger, primary_key=True, autoincrement=False, comment="ten minutes since 1970-01-01 UTC"),
    Column("messages", BigInteger, nullable=False),
    Column("recipients", BigInteger, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Index("ix_submission_rate_slot", "slot"),
)

notice_preference = Table(
    "notice_preference",
    metadata,
    Column("profile_id", String(32), ForeignKey(profile.c.id), primary_key=True),
    Column("topic", String(20), primary_key=True, comment="message, document…: what a person may choose about"),
    Column("choice", String(10), nullable=False, comment="immediate, daily or none; no row: immediate"),
)

notice_state = Table(
    "notice_state",
    metadata,
    Column("task_id", String(32), primary_key=True),
    Column("notice", String(30), nullable=False),
    Column("recipient_id", String(32), nullable=False, comment="profile or account that was told"),
    Column("state", String(20), nullable=False, comment="a value of NoticeState (notices.py)"),
    Column("at", Instant, nullable=False),
)
