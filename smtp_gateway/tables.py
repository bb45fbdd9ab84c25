"""The tables of smtp_gateway: conversations and the messages that they are made of.

No subject, no name, no content: those stay sealed in the store. A conversation is between one patient address and
one professional side.
"""

from sqlalchemy import Boolean, Column, ForeignKey, Index, String, Table, Text

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
    Column("profile_id", String(32), ForeignKey("profile.id"), nullable=True, comment="our patient"),
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
