"""Keep protections and objections to filing."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0006"
down_revision: str | Sequence[str] | None = "0005"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "filing_objection",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("profile_id", sa.String(length=32), nullable=False),
        sa.Column("professional_id", sa.String(length=32), nullable=True, comment="NULL: any"),
        sa.Column("type_code", sa.String(length=32), nullable=True, comment="JDV_J07; NULL: any"),
        sa.Column("motive", sa.Text(), nullable=False, comment="legitimate motive, in her words (R1111-47)"),
        sa.Column("objected_at", sa.BigInteger(), nullable=False),
        sa.Column("lifted_at", sa.BigInteger(), nullable=True, comment="NULL: it stands"),
        sa.ForeignKeyConstraint(
            ["professional_id"], ["professional.account_id"], name=op.f("fk_filing_objection_professional_id")
        ),
        sa.ForeignKeyConstraint(["profile_id"], ["profile.id"], name=op.f("fk_filing_objection_profile_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_filing_objection")),
    )
    op.create_index(op.f("ix_filing_objection_profile_id"), "filing_objection", ["profile_id"], unique=False)
    op.create_table(
        "protection",
        sa.Column("profile_id", sa.String(length=32), nullable=False, comment="an adult under a judge's protection"),
        sa.Column("declared_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["profile_id"], ["profile.id"], name=op.f("fk_protection_profile_id")),
        sa.PrimaryKeyConstraint("profile_id", name=op.f("pk_protection")),
    )
    op.add_column(
        "representation",
        sa.Column("ended_at", sa.BigInteger(), nullable=True, comment="ended by decision: no clock brings it back"),
    )


def downgrade() -> None:
    op.drop_column("representation", "ended_at")
    op.drop_table("protection")
    op.drop_index(op.f("ix_filing_objection_profile_id"), table_name="filing_objection")
    op.drop_table("filing_objection")
