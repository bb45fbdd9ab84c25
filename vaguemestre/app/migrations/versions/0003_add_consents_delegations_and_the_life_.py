"""Add consents, delegations and the life of spaces."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0003"
down_revision: str | Sequence[str] | None = "0002"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "attestation",
        sa.Column("id", sa.String(length=32), nullable=False, comment="also its reference"),
        sa.Column("profile_id", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False, comment="AttestationKind"),
        sa.Column("statement", sa.Text(), nullable=False, comment="French, as the person receives it"),
        sa.Column("issued_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["profile_id"], ["profile.id"], name=op.f("fk_attestation_profile_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attestation")),
    )
    op.create_index(op.f("ix_attestation_profile_id"), "attestation", ["profile_id"], unique=False)
    op.create_table(
        "authorisation",
        sa.Column("profile_id", sa.String(length=32), nullable=False),
        sa.Column("professional_id", sa.String(length=32), nullable=False),
        sa.Column("consent", sa.String(length=12), nullable=True, comment="ConsentState; NULL: she has said nothing"),
        sa.Column("level", sa.String(length=12), nullable=False, comment="AccessLevel that she grants"),
        sa.Column("consent_at", sa.BigInteger(), nullable=True),
        sa.Column("consent_until", sa.BigInteger(), nullable=True, comment="exclusive; NULL without an end"),
        sa.Column("blocked_at", sa.BigInteger(), nullable=True),
        sa.Column(
            "standing",
            sa.String(length=24),
            nullable=False,
            comment="Standing: what the professional is to this patient",
        ),
        sa.ForeignKeyConstraint(
            ["professional_id"], ["professional.account_id"], name=op.f("fk_authorisation_professional_id")
        ),
        sa.ForeignKeyConstraint(["profile_id"], ["profile.id"], name=op.f("fk_authorisation_profile_id")),
        sa.PrimaryKeyConstraint("profile_id", "professional_id", name=op.f("pk_authorisation")),
    )
    op.create_index(op.f("ix_authorisation_professional_id"), "authorisation", ["professional_id"], unique=False)
    op.create_table(
        "delegation",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("profile_id", sa.String(length=32), nullable=False),
        sa.Column("delegate_id", sa.String(length=32), nullable=False, comment="with whom it is shared"),
        sa.Column("kind", sa.String(length=12), nullable=False, comment="fact delegation: second_rl or aidant"),
        sa.Column("state", sa.String(length=12), nullable=False, comment="DelegationState"),
        sa.Column("asked_by", sa.String(length=32), nullable=False, comment="holder or representative"),
        sa.Column("asked_at", sa.BigInteger(), nullable=False),
        sa.Column(
            "expires_at",
            sa.BigInteger(),
            nullable=False,
            comment="exclusive; an invitation without answer is void then",
        ),
        sa.Column("answered_at", sa.BigInteger(), nullable=True),
        sa.Column("until", sa.BigInteger(), nullable=True, comment="exclusive; NULL without an end"),
        sa.ForeignKeyConstraint(["asked_by"], ["profile.id"], name=op.f("fk_delegation_asked_by")),
        sa.ForeignKeyConstraint(["delegate_id"], ["profile.id"], name=op.f("fk_delegation_delegate_id")),
        sa.ForeignKeyConstraint(["profile_id"], ["profile.id"], name=op.f("fk_delegation_profile_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delegation")),
    )
    op.create_index(op.f("ix_delegation_delegate_id"), "delegation", ["delegate_id"], unique=False)
    op.create_index(op.f("ix_delegation_profile_id"), "delegation", ["profile_id"], unique=False)
    op.create_table(
        "minor_secret",
        sa.Column("profile_id", sa.String(length=32), nullable=False),
        sa.Column("professional_id", sa.String(length=32), nullable=False),
        sa.Column(
            "kind",
            sa.String(length=12),
            nullable=False,
            comment="SecretKind: hidden from the parents, or no mention at all",
        ),
        sa.Column("agreed_at", sa.BigInteger(), nullable=False),
        sa.Column("lifted_at", sa.BigInteger(), nullable=True, comment="the minor agreed to end it"),
        sa.ForeignKeyConstraint(
            ["professional_id"], ["professional.account_id"], name=op.f("fk_minor_secret_professional_id")
        ),
        sa.ForeignKeyConstraint(["profile_id"], ["profile.id"], name=op.f("fk_minor_secret_profile_id")),
        sa.PrimaryKeyConstraint("profile_id", "professional_id", name=op.f("pk_minor_secret")),
    )
    op.create_table(
        "preference",
        sa.Column("profile_id", sa.String(length=32), nullable=False),
        sa.Column("samu", sa.Boolean(), nullable=False, comment="ETREAT: the SAMU may open the record"),
        sa.Column("break_glass", sa.Boolean(), nullable=False, comment="BTG: other professionals may, in an emergency"),
        sa.Column(
            "masked_documents", sa.Boolean(), nullable=False, comment="MASKED: masked documents open in an emergency"
        ),
        sa.Column("masked_by_default", sa.Boolean(), nullable=False, comment="documents are hidden from professionals"),
        sa.ForeignKeyConstraint(["profile_id"], ["profile.id"], name=op.f("fk_preference_profile_id")),
        sa.PrimaryKeyConstraint("profile_id", name=op.f("pk_preference")),
    )
    op.add_column(
        "care_relation",
        sa.Column(
            "presumed_until", sa.BigInteger(), nullable=True, comment="exclusive; end of the consent that care presumes"
        ),
    )
    op.add_column(
        "profile",
        sa.Column(
            "opens_at",
            sa.BigInteger(),
            nullable=True,
            comment="announced: opens by itself then unless opposed (R1111-28)",
        ),
    )
    op.add_column(
        "profile",
        sa.Column(
            "closes_at", sa.BigInteger(), nullable=True, comment="suspended: closes then without objection (R1111-36)"
        ),
    )
    op.add_column(
        "profile",
        sa.Column(
            "erase_at",
            sa.BigInteger(),
            nullable=True,
            comment="closed or dead: what it holds is erased then (R1111-36)",
        ),
    )
    op.add_column(
        "profile",
        sa.Column("erased_at", sa.BigInteger(), nullable=True, comment="what it held is gone; NULL once open again"),
    )


def downgrade() -> None:
    op.drop_column("profile", "erased_at")
    op.drop_column("profile", "erase_at")
    op.drop_column("profile", "closes_at")
    op.drop_column("profile", "opens_at")
    op.drop_column("care_relation", "presumed_until")
    op.drop_table("preference")
    op.drop_table("minor_secret")
    op.drop_index(op.f("ix_delegation_profile_id"), table_name="delegation")
    op.drop_index(op.f("ix_delegation_delegate_id"), table_name="delegation")
    op.drop_table("delegation")
    op.drop_index(op.f("ix_authorisation_professional_id"), table_name="authorisation")
    op.drop_table("authorisation")
    op.drop_index(op.f("ix_attestation_profile_id"), table_name="attestation")
    op.drop_table("attestation")
