"""Add the queue."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0005"
down_revision: str | Sequence[str] | None = "0004"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "notice_state",
        sa.Column("task_id", sa.String(length=32), nullable=False),
        sa.Column("notice", sa.String(length=30), nullable=False),
        sa.Column("recipient_id", sa.String(length=32), nullable=False, comment="profile or account that was told"),
        sa.Column(
            "state", sa.String(length=20), nullable=False, comment="sent, mailbox, refused, no_address, not_configured"
        ),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("task_id", name=op.f("pk_notice_state")),
    )
    op.create_table(
        "queue_message",
        sa.Column("id", sa.String(length=32), nullable=False, comment="ordered by time"),
        sa.Column("message_id", sa.String(length=32), nullable=False, comment="of the store, which holds it"),
        sa.Column("held_uid", sa.BigInteger(), nullable=True, comment="releases it; NULL once no recipient waits"),
        sa.Column("reverse_path", sa.String(length=320), nullable=False, comment="empty: the null one, nobody is told"),
        sa.Column(
            "reporter_id", sa.String(length=32), nullable=True, comment="mailbox of the sender, which gets the reports"
        ),
        sa.Column("message_id_header", sa.Text(), nullable=True),
        sa.Column("envid", sa.String(length=100), nullable=True, comment="as given, xtext (RFC 3461 §4.4)"),
        sa.Column("ret", sa.String(length=4), nullable=True, comment="FULL or HDRS (RFC 3461 §4.3)"),
        sa.Column("accepted_at", sa.BigInteger(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_queue_message")),
    )
    op.create_table(
        "queue_entry",
        sa.Column("id", sa.String(length=32), nullable=False, comment="one recipient of one message"),
        sa.Column("queue_id", sa.String(length=32), nullable=False),
        sa.Column("recipient", sa.String(length=320), nullable=False, comment="as given"),
        sa.Column(
            "destination",
            sa.String(length=255),
            nullable=False,
            comment="domain, lower case; empty: here, only reported",
        ),
        sa.Column(
            "notify",
            sa.String(length=30),
            nullable=True,
            comment="words of NOTIFY, separated by commas (RFC 3461 §4.1)",
        ),
        sa.Column("orcpt", sa.String(length=500), nullable=True, comment="as given, xtext (RFC 3461 §4.2)"),
        sa.Column(
            "state",
            sa.String(length=10),
            nullable=False,
            comment="waiting, or one final state: sent failed expired dropped",
        ),
        sa.Column("due_at", sa.BigInteger(), nullable=False, comment="not before; while leased: when the lease ends"),
        sa.Column("lease", sa.String(length=32), nullable=True, comment="id of the worker that holds it"),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("delay_reported", sa.Boolean(), nullable=False),
        sa.Column("trouble", sa.String(length=40), nullable=True, comment="code of what happened last"),
        sa.Column(
            "status", sa.String(length=11), nullable=True, comment="enhanced status of what happened last (RFC 3463)"
        ),
        sa.Column("reply_code", sa.Integer(), nullable=True, comment="what the peer answered last, three digits"),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["queue_id"], ["queue_message.id"], name=op.f("fk_queue_entry_queue_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_queue_entry")),
    )
    op.create_index("ix_queue_entry_due", "queue_entry", ["state", "due_at"], unique=False)
    op.create_index(op.f("ix_queue_entry_queue_id"), "queue_entry", ["queue_id"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f("ix_queue_entry_queue_id"), table_name="queue_entry")
    op.drop_index("ix_queue_entry_due", table_name="queue_entry")
    op.drop_table("queue_entry")
    op.drop_table("queue_message")
    op.drop_table("notice_state")
