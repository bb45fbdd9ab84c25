"""Tables of the portal: the sessions of signed-in people."""

from sqlalchemy import Column, Index, Integer, LargeBinary, String, Table

from vaguemestre.kernel.database import Instant, metadata

portal_session = Table(
    "portal_session",
    metadata,
    Column("token_hash", LargeBinary(32), primary_key=True, comment="SHA-256 of the cookie; the cookie is not kept"),
    Column("id", String(32), nullable=False, unique=True, comment="name of the session on the settings page"),
    Column("account_id", String(32), nullable=False),
    Column(
        "stage",
        String(16),
        nullable=False,
        comment="Stage: code awaited, open on the password alone, open by both",
    ),
    Column("started_at", Instant, nullable=False),
    Column("seen_at", Instant, nullable=False, comment="last request, to the minute"),
    Column("device", String(80), nullable=False, comment="browser and system, in words"),
    Column("failures", Integer, nullable=False, comment="wrong one-time codes so far"),
    Index("ix_portal_session_account", "account_id"),
    Index("ix_portal_session_seen", "seen_at"),
)
