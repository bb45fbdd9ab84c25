"""Add checkpoints of the trace and directories."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0002"
down_revision: str | Sequence[str] | None = "0001"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "directory_extract",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("layout", sa.String(length=24), nullable=False, comment="Layout: which national file"),
        sa.Column("loaded_at", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False, comment="SHA-256 of the file, hexadecimal"),
        sa.Column("lines", sa.Integer(), nullable=False, comment="kept lines; 0 while it is being loaded"),
        sa.Column("in_force", sa.Boolean(), nullable=False, comment="one for each layout; the others are going away"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_directory_extract")),
    )
    op.create_table(
        "known_identity",
        sa.Column("ins", sa.String(length=15), nullable=False, comment="matricule (13) and key (2)"),
        sa.Column("oid", sa.String(length=40), nullable=False),
        sa.Column("family", sa.String(length=100), nullable=False, comment="name of birth"),
        sa.Column("given", sa.String(length=200), nullable=False, comment="every given name, separated by blanks"),
        sa.Column("birth_date", sa.Date(), nullable=False),
        sa.Column("sex", sa.String(length=1), nullable=False),
        sa.Column("birth_place", sa.String(length=5), nullable=False, comment="COG, 99999 when not known"),
        sa.PrimaryKeyConstraint("ins", name=op.f("pk_known_identity")),
    )
    op.create_index("ix_known_identity_traits", "known_identity", ["birth_date", "family"], unique=False)
    op.create_table(
        "trace_checkpoint",
        sa.Column(
            "seq", sa.BigInteger(), autoincrement=False, nullable=False, comment="of the last entry that it covers"
        ),
        sa.Column("first_seq", sa.BigInteger(), nullable=False, comment="of the first entry of its tree"),
        sa.Column("statement", sa.Text(), nullable=False, comment="JSON that is signed; see trace/checkpoints.py"),
        sa.Column("signature", sa.LargeBinary(), nullable=False, comment="Ed25519 (RFC 8032)"),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_trace_checkpoint")),
    )
    op.create_table(
        "directory_activity",
        sa.Column("extract_id", sa.String(length=32), nullable=False),
        sa.Column("line", sa.Integer(), autoincrement=False, nullable=False, comment="of the file"),
        sa.Column("rpps", sa.String(length=11), nullable=False),
        sa.Column("family", sa.String(length=100), nullable=False, comment="name of exercise"),
        sa.Column("given", sa.String(length=100), nullable=False),
        sa.Column("profession", sa.String(length=8), nullable=False, comment="TRE_G15"),
        sa.Column("skill", sa.String(length=8), nullable=False, comment="savoir-faire, TRE_R38 and others"),
        sa.Column(
            "mode", sa.String(length=8), nullable=False, comment="mode of exercise: L, S, B; empty without activity"
        ),
        sa.Column("sector", sa.String(length=8), nullable=False, comment="TRE_R02"),
        sa.Column("structure", sa.String(length=40), nullable=False, comment="technical identifier, FINESS or SIRET"),
        sa.Column("structure_name", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(
            ["extract_id"], ["directory_extract.id"], name=op.f("fk_directory_activity_extract_id")
        ),
        sa.PrimaryKeyConstraint("extract_id", "line", name=op.f("pk_directory_activity")),
    )
    op.create_index("ix_directory_activity_rpps", "directory_activity", ["rpps"], unique=False)
    op.create_table(
        "directory_mailbox",
        sa.Column("extract_id", sa.String(length=32), nullable=False),
        sa.Column("line", sa.Integer(), autoincrement=False, nullable=False, comment="of the file"),
        sa.Column("address", sa.String(length=254), nullable=False, comment="lower case"),
        sa.Column("type", sa.String(length=3), nullable=False, comment="TRE_R257"),
        sa.Column("rpps", sa.String(length=11), nullable=False, comment="empty for a mailbox of a structure"),
        sa.Column("profession", sa.String(length=8), nullable=False, comment="TRE_G15"),
        sa.Column("structure", sa.String(length=40), nullable=False),
        sa.Column("service", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(["extract_id"], ["directory_extract.id"], name=op.f("fk_directory_mailbox_extract_id")),
        sa.PrimaryKeyConstraint("extract_id", "line", name=op.f("pk_directory_mailbox")),
    )
    op.create_index("ix_directory_mailbox_address", "directory_mailbox", ["address"], unique=False)
    op.create_index("ix_directory_mailbox_rpps", "directory_mailbox", ["rpps"], unique=False)
    op.create_table(
        "directory_standing",
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False, comment="fact annuaire: actif, inactif, inconnu"),
        sa.Column("checked_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["professional.account_id"], name=op.f("fk_directory_standing_account_id")
        ),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_directory_standing")),
    )
    op.create_table(
        "identity_check",
        sa.Column("profile_id", sa.String(length=32), nullable=False),
        sa.Column(
            "status",
            sa.String(length=12),
            nullable=False,
            comment="fact ins: provisoire, validee, recuperee, qualifiee",
        ),
        sa.Column("checked_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["profile_id"], ["profile.id"], name=op.f("fk_identity_check_profile_id")),
        sa.PrimaryKeyConstraint("profile_id", name=op.f("pk_identity_check")),
    )


def downgrade() -> None:
    op.drop_table("identity_check")
    op.drop_table("directory_standing")
    op.drop_index("ix_directory_mailbox_rpps", table_name="directory_mailbox")
    op.drop_index("ix_directory_mailbox_address", table_name="directory_mailbox")
    op.drop_table("directory_mailbox")
    op.drop_index("ix_directory_activity_rpps", table_name="directory_activity")
    op.drop_table("directory_activity")
    op.drop_table("trace_checkpoint")
    op.drop_index("ix_known_identity_traits", table_name="known_identity")
    op.drop_table("known_identity")
    op.drop_table("directory_extract")
