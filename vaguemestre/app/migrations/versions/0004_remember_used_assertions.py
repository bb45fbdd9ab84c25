"""Remember used assertions."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0004"
down_revision: str | Sequence[str] | None = "0003"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "used_assertion",
        sa.Column("id", sa.String(length=128), nullable=False, comment="ID of a VIHF, accepted once"),
        sa.Column("until", sa.BigInteger(), nullable=False, comment="when it is too old to be accepted again"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_used_assertion")),
    )
    op.create_index(op.f("ix_used_assertion_until"), "used_assertion", ["until"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f("ix_used_assertion_until"), table_name="used_assertion")
    op.drop_table("used_assertion")
