"""Create the tables."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0001"
down_revision: str | Sequence[str] | None = None
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "account",
        sa.Column("id", sa.String(length=32), nullable=False, comment="also the id of its mail store"),
        sa.Column("kind", sa.String(length=12), nullable=False, comment="AccountKind"),
        sa.Column(
            "login", sa.String(length=254), nullable=False, comment="lower case: MSSanté address, or INS (15 chars)"
        ),
        sa.Column("display_name", sa.String(length=200), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False, comment="AccountState"),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account")),
        sa.UniqueConstraint("login", name=op.f("uq_account_login")),
    )
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
        "machine_start",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False, comment="always 1"),
        sa.Column(
            "boot_id",
            sa.String(length=36),
            nullable=False,
            comment="the last start of the machine that was met (restarts.py)",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_machine_start")),
    )
    op.create_table(
        "mailbox",
        sa.Column("id", sa.String(length=32), nullable=False, comment="the account's id"),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column(
            "erased_at",
            sa.BigInteger(),
            nullable=True,
            comment="when its keys were destroyed; the id is not used again",
        ),
        sa.Column("last_uidvalidity", sa.BigInteger(), nullable=False, comment="UIDVALIDITY of the youngest folder"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mailbox")),
    )
    op.create_table(
        "message",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("stored_at", sa.BigInteger(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("sealed_header", sa.LargeBinary(), nullable=False),
        sa.Column(
            "sealed_index", sa.LargeBinary(), nullable=False, comment="ENVELOPE, BODYSTRUCTURE, parts (mime/index.py)"
        ),
        sa.Column(
            "sealed_body", sa.LargeBinary(), nullable=True, comment="one segment; NULL when blob_ref says where it is"
        ),
        sa.Column("blob_ref", sa.String(length=2000), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_message")),
    )
    op.create_index(
        "ix_message_blob_ref",
        "message",
        ["blob_ref"],
        unique=False,
        sqlite_where=sa.text("blob_ref IS NOT NULL"),
        postgresql_where=sa.text("blob_ref IS NOT NULL"),
    )
    op.create_table(
        "message_orphan",
        sa.Column("message_id", sa.String(length=32), nullable=False, comment="lost an entry: may have none left"),
        sa.PrimaryKeyConstraint("message_id", name=op.f("pk_message_orphan")),
    )
    op.create_table(
        "notice_state",
        sa.Column("task_id", sa.String(length=32), nullable=False),
        sa.Column("notice", sa.String(length=30), nullable=False),
        sa.Column("recipient_id", sa.String(length=32), nullable=False, comment="profile or account that was told"),
        sa.Column("state", sa.String(length=20), nullable=False, comment="a value of NoticeState (notices.py)"),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("task_id", name=op.f("pk_notice_state")),
    )
    op.create_table(
        "portal_session",
        sa.Column(
            "token_hash",
            sa.LargeBinary(length=32),
            nullable=False,
            comment="SHA-256 of the cookie; the cookie is not kept",
        ),
        sa.Column("id", sa.String(length=32), nullable=False, comment="name of the session on the settings page"),
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column(
            "stage",
            sa.String(length=16),
            nullable=False,
            comment="Stage: code awaited, open on the password alone, open by both",
        ),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False, comment="last request, to the minute"),
        sa.Column("device", sa.String(length=80), nullable=False, comment="browser and system, in words"),
        sa.Column("failures", sa.Integer(), nullable=False, comment="wrong one-time codes so far"),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_portal_session")),
        sa.UniqueConstraint("id", name=op.f("uq_portal_session_id")),
    )
    op.create_index("ix_portal_session_account", "portal_session", ["account_id"], unique=False)
    op.create_index("ix_portal_session_seen", "portal_session", ["seen_at"], unique=False)
    op.create_table(
        "queue_lane",
        sa.Column("destination", sa.String(length=255), nullable=False, comment="domain, lower case"),
        sa.Column("slot", sa.Integer(), nullable=False, comment="0 to [relay] connections_per_destination - 1"),
        sa.Column("holder", sa.String(length=32), nullable=False, comment="id of the worker that may connect"),
        sa.Column(
            "until", sa.BigInteger(), nullable=False, comment="when the slot is free again whatever its holder does"
        ),
        sa.PrimaryKeyConstraint("destination", "slot", name=op.f("pk_queue_lane")),
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
        sa.Column("require_tls", sa.Boolean(), nullable=False, comment="only by hops that offer REQUIRETLS (RFC 8689)"),
        sa.Column("accepted_at", sa.BigInteger(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_queue_message")),
    )
    op.create_table(
        "recipient_state",
        sa.Column("id", sa.String(length=32), nullable=False, comment="ordered by time"),
        sa.Column(
            "message_id", sa.String(length=32), nullable=False, comment="of the store; sent by a mailbox of ours"
        ),
        sa.Column("message_id_header", sa.Text(), nullable=True, comment="with its angle brackets; what reports name"),
        sa.Column("mailbox_id", sa.String(length=32), nullable=False, comment="of the sender, who may know"),
        sa.Column("recipient", sa.String(length=320), nullable=False, comment="lower case"),
        sa.Column(
            "state", sa.String(length=16), nullable=False, comment="the furthest one known (receipts/outcome.py)"
        ),
        sa.Column(
            "reason",
            sa.String(length=40),
            nullable=True,
            comment="code of why it failed, or application code 900 to 906",
        ),
        sa.Column(
            "status", sa.String(length=11), nullable=True, comment="enhanced status (RFC 3463) of what was told last"
        ),
        sa.Column("sent_at", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False, comment="when it came to this state"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recipient_state")),
        sa.UniqueConstraint("message_id", "recipient", name=op.f("uq_recipient_state_message_id_recipient")),
    )
    op.create_index("ix_recipient_state_header", "recipient_state", ["mailbox_id", "message_id_header"], unique=False)
    op.create_index("ix_recipient_state_sent", "recipient_state", ["sent_at"], unique=False)
    op.create_table(
        "record_author",
        sa.Column("owner_id", sa.String(length=32), nullable=False, comment="document_entry or submission_set"),
        sa.Column("place", sa.Integer(), nullable=False, comment="0, 1… as sent"),
        sa.Column("person", sa.Text(), nullable=True, comment="XCN"),
        sa.Column("institutions", sa.Text(), nullable=False, comment="JSON list of XON"),
        sa.Column("roles", sa.Text(), nullable=False, comment="JSON list"),
        sa.Column("specialties", sa.Text(), nullable=False, comment="JSON list"),
        sa.PrimaryKeyConstraint("owner_id", "place", name=op.f("pk_record_author")),
    )
    op.create_table(
        "sign_in_failure",
        sa.Column("key", sa.String(length=64), nullable=False, comment="HMAC of the login or of the peer address"),
        sa.Column(
            "failures",
            sa.Integer(),
            nullable=False,
            comment="in a row, since the last success or the last long silence",
        ),
        sa.Column("last_at", sa.BigInteger(), nullable=False),
        sa.Column("blocked_until", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_sign_in_failure")),
    )
    op.create_index("ix_sign_in_failure_last_at", "sign_in_failure", ["last_at"], unique=False)
    op.create_table(
        "submission_rate",
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column(
            "slot", sa.BigInteger(), autoincrement=False, nullable=False, comment="ten minutes since 1970-01-01 UTC"
        ),
        sa.Column("messages", sa.BigInteger(), nullable=False),
        sa.Column("recipients", sa.BigInteger(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "slot", name=op.f("pk_submission_rate")),
    )
    op.create_index("ix_submission_rate_slot", "submission_rate", ["slot"], unique=False)
    op.create_table(
        "task",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False, comment="which handler"),
        sa.Column("key", sa.String(length=200), nullable=False, comment="same kind and key: same work, recorded once"),
        sa.Column("payload", sa.Text(), nullable=False, comment="JSON object of ids and codes; no health data"),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False, comment="not before; while leased: when the lease ends"),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("lease", sa.String(length=32), nullable=True, comment="id of the worker that holds it"),
        sa.Column("error", sa.String(length=80), nullable=True, comment="class of the last failure"),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_task")),
        sa.UniqueConstraint("kind", "key", name=op.f("uq_task_kind_key")),
    )
    op.create_index("ix_task_due", "task", ["state", "due_at"], unique=False)
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
        "trace_entry",
        sa.Column(
            "seq",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
            comment="1, 2, 3… without a hole",
        ),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("act", sa.String(length=40), nullable=False, comment="Act, or an event such as sign_in"),
        sa.Column("verdict", sa.String(length=6), nullable=False),
        sa.Column("reason", sa.String(length=40), nullable=False),
        sa.Column(
            "mode",
            sa.String(length=16),
            nullable=False,
            comment="access mode: normal, bris_de_glace, centre_15, secret",
        ),
        sa.Column(
            "subject_kind",
            sa.String(length=16),
            nullable=False,
            comment="sujet: pro, structure, titulaire, rl, systeme…",
        ),
        sa.Column(
            "subject_id", sa.String(length=32), nullable=True, comment="account or profile that acted, when it is ours"
        ),
        sa.Column("subject_label", sa.Text(), nullable=False, comment="who acted, as the patient reads it"),
        sa.Column("profile_id", sa.String(length=32), nullable=True, comment="patient concerned"),
        sa.Column("mailbox_id", sa.String(length=32), nullable=True, comment="mailbox concerned"),
        sa.Column("resource_kind", sa.String(length=16), nullable=True, comment="message, document, profile, account…"),
        sa.Column("resource_id", sa.String(length=128), nullable=True),
        sa.Column("message_id_header", sa.Text(), nullable=True, comment="Message-ID, with its angle brackets"),
        sa.Column("obligations", sa.Text(), nullable=False, comment="codes joined by ;"),
        sa.Column("matrix_version", sa.String(length=80), nullable=True),
        sa.Column("digest", sa.LargeBinary(), nullable=False, comment="SHA-256 over the digest before and this entry"),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_trace_entry")),
    )
    op.create_index(
        "ix_trace_entry_mailbox",
        "trace_entry",
        ["mailbox_id", "seq"],
        unique=False,
        sqlite_where=sa.text("mailbox_id IS NOT NULL"),
        postgresql_where=sa.text("mailbox_id IS NOT NULL"),
    )
    op.create_index(
        "ix_trace_entry_message",
        "trace_entry",
        ["message_id_header", "seq"],
        unique=False,
        sqlite_where=sa.text("message_id_header IS NOT NULL"),
        postgresql_where=sa.text("message_id_header IS NOT NULL"),
    )
    op.create_index(
        "ix_trace_entry_profile",
        "trace_entry",
        ["profile_id", "seq"],
        unique=False,
        sqlite_where=sa.text("profile_id IS NOT NULL"),
        postgresql_where=sa.text("profile_id IS NOT NULL"),
    )
    op.create_index(
        "ix_trace_entry_subject",
        "trace_entry",
        ["subject_id", "seq"],
        unique=False,
        sqlite_where=sa.text("subject_id IS NOT NULL"),
        postgresql_where=sa.text("subject_id IS NOT NULL"),
    )
    op.create_table(
        "trace_head",
        sa.Column(
            "id", sa.SmallInteger(), autoincrement=False, nullable=False, comment="1: one register for each catalogue"
        ),
        sa.Column("instance_id", sa.String(length=32), nullable=False, comment="the chain starts from its digest"),
        sa.Column("seq", sa.BigInteger(), nullable=False, comment="of the last entry, 0 before the first"),
        sa.Column("digest", sa.LargeBinary(), nullable=False, comment="of the last entry; SHA-256"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_trace_head")),
    )
    op.create_table(
        "used_assertion",
        sa.Column("id", sa.String(length=128), nullable=False, comment="ID of a VIHF, accepted once"),
        sa.Column("until", sa.BigInteger(), nullable=False, comment="when it is too old to be accepted again"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_used_assertion")),
    )
    op.create_index(op.f("ix_used_assertion_until"), "used_assertion", ["until"], unique=False)
    op.create_table(
        "watched_message",
        sa.Column(
            "watch", sa.String(length=64), nullable=False, comment="name of the mailbox elsewhere, in the settings"
        ),
        sa.Column(
            "uid_validity",
            sa.BigInteger(),
            autoincrement=False,
            nullable=False,
            comment="of its folder (RFC 9051 §2.3.1.1)",
        ),
        sa.Column("uid", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column(
            "fingerprint", sa.String(length=64), nullable=False, comment="of Message-ID and size, whatever the UID"
        ),
        sa.Column(
            "outcome", sa.String(length=80), nullable=False, comment="OK, why not, or that it carries no document"
        ),
        sa.Column("flagged", sa.Boolean(), nullable=False, comment="the other server knows that it was taken in"),
        sa.Column("taken_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("watch", "uid_validity", "uid", name=op.f("pk_watched_message")),
    )
    op.create_index("ix_watched_message_fingerprint", "watched_message", ["watch", "fingerprint"], unique=False)
    op.create_table(
        "application_password",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("label", sa.String(length=80), nullable=False, comment="what the holder calls the program"),
        sa.Column("scope", sa.String(length=4), nullable=False, comment="Scope: imap, smtp, all"),
        sa.Column("digest", sa.String(length=64), nullable=False, comment="HMAC of account and password"),
        sa.Column("scram", sa.LargeBinary(), nullable=False, comment="keys of SCRAM-SHA-256, sealed"),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=True, comment="None: it does not expire"),
        sa.Column(
            "last_used_at", sa.BigInteger(), nullable=True, comment="within the time that a process remembers a sign-in"
        ),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_application_password_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_application_password")),
        sa.UniqueConstraint("digest", name=op.f("uq_application_password_digest")),
    )
    op.create_index(op.f("ix_application_password_account_id"), "application_password", ["account_id"], unique=False)
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
        "folder_annotation",
        sa.Column(
            "folder_id", sa.BigInteger(), autoincrement=False, nullable=False, comment="0: of the mailbox itself"
        ),
        sa.Column("account_id", sa.String(length=32), nullable=False, comment="to whom it is private; empty: shared"),
        sa.Column("name", sa.String(length=250), nullable=False, comment="RFC 5464 entry, in lower case"),
        sa.Column("mailbox_id", sa.String(length=32), nullable=False, comment="its key seals it"),
        sa.Column("size_bytes", sa.Integer(), nullable=False),
        sa.Column("version", sa.String(length=32), nullable=False, comment="another one after each change"),
        sa.Column("wrapped_key", sa.LargeBinary(), nullable=False),
        sa.Column("sealed_value", sa.LargeBinary(), nullable=False, comment="segments, joined"),
        sa.ForeignKeyConstraint(["mailbox_id"], ["mailbox.id"], name=op.f("fk_folder_annotation_mailbox_id")),
        sa.PrimaryKeyConstraint("folder_id", "account_id", "name", name=op.f("pk_folder_annotation")),
    )
    op.create_index(op.f("ix_folder_annotation_mailbox_id"), "folder_annotation", ["mailbox_id"], unique=False)
    op.create_table(
        "imported_message",
        sa.Column("mailbox_id", sa.String(length=32), nullable=False),
        sa.Column(
            "origin", sa.LargeBinary(length=16), nullable=False, comment="keyed digest: which folder of which source"
        ),
        sa.Column(
            "mark", sa.LargeBinary(length=16), nullable=False, comment="keyed digest: which message of that folder"
        ),
        sa.Column("validity", sa.BigInteger(), nullable=True, comment="UIDVALIDITY that the mark holds for (IMAP)"),
        sa.Column("content", sa.LargeBinary(length=16), nullable=True, comment="keyed digest of its bytes (IMAP)"),
        sa.ForeignKeyConstraint(["mailbox_id"], ["mailbox.id"], name=op.f("fk_imported_message_mailbox_id")),
        sa.PrimaryKeyConstraint("mailbox_id", "origin", "mark", name=op.f("pk_imported_message")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "mailbox_filing",
        sa.Column("account_id", sa.String(length=32), nullable=False, comment="professional mailbox"),
        sa.Column(
            "type_code", sa.String(length=32), nullable=False, comment="JDV_J07, under which its plain files are filed"
        ),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_mailbox_filing_account_id")),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_mailbox_filing")),
    )
    op.create_table(
        "mailbox_key",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("mailbox_id", sa.String(length=32), nullable=False),
        sa.Column("sealed_key", sa.LargeBinary(), nullable=False, comment="wrapped by the instance key"),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["mailbox_id"], ["mailbox.id"], name=op.f("fk_mailbox_key_mailbox_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mailbox_key")),
    )
    op.create_index(op.f("ix_mailbox_key_mailbox_id"), "mailbox_key", ["mailbox_id"], unique=False)
    op.create_table(
        "password_credential",
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("encoded", sa.String(length=200), nullable=False, comment="Argon2id, PHC string (RFC 9106)"),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.Column(
            "scram",
            sa.LargeBinary(),
            nullable=True,
            comment="keys of SCRAM-SHA-256, sealed; None until they are derived",
        ),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_password_credential_account_id")),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_password_credential")),
    )
    op.create_table(
        "professional",
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("type", sa.String(length=3), nullable=False, comment="MailboxType, TRE_R257"),
        sa.Column("rpps", sa.String(length=11), nullable=True),
        sa.Column("profession", sa.String(length=8), nullable=True, comment="TRE_G15"),
        sa.Column("structure", sa.String(length=20), nullable=True, comment="FINESS or SIRET based identifier"),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_professional_account_id")),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_professional")),
    )
    op.create_index(op.f("ix_professional_rpps"), "professional", ["rpps"], unique=False)
    op.create_index(op.f("ix_professional_structure"), "professional", ["structure"], unique=False)
    op.create_table(
        "profile",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("ins", sa.String(length=15), nullable=False, comment="matricule (13) and key (2)"),
        sa.Column("oid", sa.String(length=40), nullable=False, comment="authority of the INS"),
        sa.Column("family", sa.String(length=100), nullable=False),
        sa.Column("given", sa.String(length=100), nullable=False),
        sa.Column("birth_date", sa.Date(), nullable=False),
        sa.Column("sex", sa.String(length=1), nullable=False, comment="M or F"),
        sa.Column(
            "email", sa.String(length=254), nullable=True, comment="ordinary e-mail, for notices without health data"
        ),
        sa.Column("status", sa.String(length=12), nullable=False, comment="ProfileStatus"),
        sa.Column("status_since", sa.BigInteger(), nullable=False),
        sa.Column("activated_at", sa.BigInteger(), nullable=True),
        sa.Column(
            "opens_at",
            sa.BigInteger(),
            nullable=True,
            comment="announced: opens by itself then unless opposed (R1111-28)",
        ),
        sa.Column(
            "closes_at", sa.BigInteger(), nullable=True, comment="suspended: closes then without objection (R1111-36)"
        ),
        sa.Column(
            "erase_at",
            sa.BigInteger(),
            nullable=True,
            comment="closed or dead: what it holds is erased then (R1111-36)",
        ),
        sa.Column("erased_at", sa.BigInteger(), nullable=True, comment="what it held is gone; NULL once open again"),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_profile_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_profile")),
        sa.UniqueConstraint("account_id", name=op.f("uq_profile_account_id")),
        sa.UniqueConstraint("ins", name=op.f("uq_profile_ins")),
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
    op.create_table(
        "sealed_content",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("mailbox_id", sa.String(length=32), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("wrapped_key", sa.LargeBinary(), nullable=False),
        sa.Column("sealed_data", sa.LargeBinary(), nullable=False, comment="segments, joined"),
        sa.ForeignKeyConstraint(["mailbox_id"], ["mailbox.id"], name=op.f("fk_sealed_content_mailbox_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sealed_content")),
    )
    op.create_index(op.f("ix_sealed_content_mailbox_id"), "sealed_content", ["mailbox_id"], unique=False)
    op.create_table(
        "totp_credential",
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column(
            "sealed", sa.LargeBinary(), nullable=False, comment="secret under the instance key, bound to the account"
        ),
        sa.Column(
            "last_step", sa.BigInteger(), nullable=False, comment="last 30 s step accepted (RFC 6238 §5.2), -1 before"
        ),
        sa.Column("enrolled_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_totp_credential_account_id")),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_totp_credential")),
    )
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
        "care_relation",
        sa.Column("profile_id", sa.String(length=32), nullable=False),
        sa.Column("professional_id", sa.String(length=32), nullable=False),
        sa.Column("declared_at", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=True, comment="exclusive; NULL while no end is known"),
        sa.Column(
            "informed", sa.Boolean(), nullable=False, comment="the patient was informed of this care team (R1111-46)"
        ),
        sa.Column(
            "presumed_until", sa.BigInteger(), nullable=True, comment="exclusive; end of the consent that care presumes"
        ),
        sa.ForeignKeyConstraint(
            ["professional_id"], ["professional.account_id"], name=op.f("fk_care_relation_professional_id")
        ),
        sa.ForeignKeyConstraint(["profile_id"], ["profile.id"], name=op.f("fk_care_relation_profile_id")),
        sa.PrimaryKeyConstraint("profile_id", "professional_id", name=op.f("pk_care_relation")),
    )
    op.create_index(op.f("ix_care_relation_professional_id"), "care_relation", ["professional_id"], unique=False)
    op.create_table(
        "conversation",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column(
            "patient_address",
            sa.String(length=254),
            nullable=False,
            comment="lower case; of another operator when profile_id is NULL",
        ),
        sa.Column("profile_id", sa.String(length=32), nullable=True, comment="our patient"),
        sa.Column("professional", sa.String(length=254), nullable=False, comment="address that opened it, lower case"),
        sa.Column(
            "correspondent",
            sa.String(length=254),
            nullable=False,
            comment="address that may be answered: Reply-To, else professional",
        ),
        sa.Column("state", sa.String(length=6), nullable=False, comment="open or closed by [FIN]"),
        sa.Column("answerable", sa.Boolean(), nullable=False, comment="false: the last message takes no answer"),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False, comment="last message or change of state"),
        sa.Column("closed_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["profile_id"], ["profile.id"], name=op.f("fk_conversation_profile_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_conversation")),
    )
    op.create_index("ix_conversation_patient", "conversation", ["patient_address", "professional"], unique=False)
    op.create_index("ix_conversation_profile", "conversation", ["profile_id", "changed_at"], unique=False)
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
        "document_folder",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("entry_uuid", sa.String(length=45), nullable=False, comment="urn:uuid:…"),
        sa.Column("unique_id", sa.String(length=128), nullable=False, comment="OID given by the source"),
        sa.Column("profile_id", sa.String(length=32), nullable=False),
        sa.Column("patient_id", sa.String(length=255), nullable=True, comment="CX as sent"),
        sa.Column("updated_at", sa.String(length=14), nullable=False, comment="lastUpdateTime: UTC, HL7 DTM"),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("comments", sa.Text(), nullable=False),
        sa.Column("codes", sa.Text(), nullable=False, comment="JSON list of [code, scheme, display]"),
        sa.Column("filed_by", sa.String(length=32), nullable=True, comment="account that made it"),
        sa.ForeignKeyConstraint(["profile_id"], ["profile.id"], name=op.f("fk_document_folder_profile_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_document_folder")),
        sa.UniqueConstraint("entry_uuid", name=op.f("uq_document_folder_entry_uuid")),
        sa.UniqueConstraint("unique_id", name=op.f("uq_document_folder_unique_id")),
    )
    op.create_index(op.f("ix_document_folder_profile_id"), "document_folder", ["profile_id"], unique=False)
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
        "first_access",
        sa.Column("profile_id", sa.String(length=32), nullable=False),
        sa.Column("professional_id", sa.String(length=32), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["professional_id"], ["professional.account_id"], name=op.f("fk_first_access_professional_id")
        ),
        sa.ForeignKeyConstraint(["profile_id"], ["profile.id"], name=op.f("fk_first_access_profile_id")),
        sa.PrimaryKeyConstraint("profile_id", "professional_id", name=op.f("pk_first_access")),
    )
    op.create_table(
        "folder",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("mailbox_id", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False, comment="Unicode NFC; levels separated by /"),
        sa.Column("special_use", sa.String(length=20), nullable=True, comment="RFC 6154 attribute"),
        sa.Column("subscribed", sa.Boolean(), nullable=False),
        sa.Column("uidvalidity", sa.BigInteger(), nullable=False, comment="RFC 3501 §2.3.1.1"),
        sa.Column("uidnext", sa.BigInteger(), nullable=False),
        sa.Column("highest_modseq", sa.BigInteger(), nullable=False, comment="RFC 7162 §3.1.2"),
        sa.Column(
            "pruned_modseq", sa.BigInteger(), nullable=False, comment="up to here the log of expunged UIDs was pruned"
        ),
        sa.Column(
            "recent_from", sa.BigInteger(), nullable=False, comment="first UID that no read-write session has seen"
        ),
        sa.Column("key_id", sa.String(length=32), nullable=False, comment="wraps new message keys"),
        sa.ForeignKeyConstraint(["key_id"], ["mailbox_key.id"], name=op.f("fk_folder_key_id")),
        sa.ForeignKeyConstraint(["mailbox_id"], ["mailbox.id"], name=op.f("fk_folder_mailbox_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_folder")),
        sa.UniqueConstraint("mailbox_id", "name", name=op.f("uq_folder_mailbox_id_name")),
        sqlite_autoincrement=True,
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
    op.create_table(
        "member",
        sa.Column("mailbox_id", sa.String(length=32), nullable=False, comment="ORG, APP or CAB"),
        sa.Column("account_id", sa.String(length=32), nullable=False, comment="its member"),
        sa.ForeignKeyConstraint(["account_id"], ["professional.account_id"], name=op.f("fk_member_account_id")),
        sa.ForeignKeyConstraint(["mailbox_id"], ["professional.account_id"], name=op.f("fk_member_mailbox_id")),
        sa.PrimaryKeyConstraint("mailbox_id", "account_id", name=op.f("pk_member")),
    )
    op.create_index(op.f("ix_member_account_id"), "member", ["account_id"], unique=False)
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
        "notice_preference",
        sa.Column("profile_id", sa.String(length=32), nullable=False),
        sa.Column(
            "topic", sa.String(length=20), nullable=False, comment="message, document…: what a person may choose about"
        ),
        sa.Column(
            "choice", sa.String(length=10), nullable=False, comment="immediate, daily or none; no row: immediate"
        ),
        sa.ForeignKeyConstraint(["profile_id"], ["profile.id"], name=op.f("fk_notice_preference_profile_id")),
        sa.PrimaryKeyConstraint("profile_id", "topic", name=op.f("pk_notice_preference")),
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
    op.create_table(
        "protection",
        sa.Column("profile_id", sa.String(length=32), nullable=False, comment="an adult under a judge's protection"),
        sa.Column("declared_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["profile_id"], ["profile.id"], name=op.f("fk_protection_profile_id")),
        sa.PrimaryKeyConstraint("profile_id", name=op.f("pk_protection")),
    )
    op.create_table(
        "representation",
        sa.Column("child_id", sa.String(length=32), nullable=False),
        sa.Column("representative_id", sa.String(length=32), nullable=False),
        sa.Column("declared_at", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=True, comment="exclusive; NULL until majority"),
        sa.Column("ended_at", sa.BigInteger(), nullable=True, comment="ended by decision: no clock brings it back"),
        sa.ForeignKeyConstraint(["child_id"], ["profile.id"], name=op.f("fk_representation_child_id")),
        sa.ForeignKeyConstraint(
            ["representative_id"], ["profile.id"], name=op.f("fk_representation_representative_id")
        ),
        sa.PrimaryKeyConstraint("child_id", "representative_id", name=op.f("pk_representation")),
    )
    op.create_index(op.f("ix_representation_representative_id"), "representation", ["representative_id"], unique=False)
    op.create_table(
        "submission_set",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("entry_uuid", sa.String(length=45), nullable=False, comment="urn:uuid:…"),
        sa.Column(
            "unique_id", sa.String(length=128), nullable=False, comment="OID given by the sender, ITI TF-3 §4.2.3.3.12"
        ),
        sa.Column("source_id", sa.String(length=128), nullable=False, comment="OID of the sending system"),
        sa.Column("profile_id", sa.String(length=32), nullable=False),
        sa.Column("patient_id", sa.String(length=255), nullable=True, comment="CX as sent"),
        sa.Column("submission_time", sa.String(length=14), nullable=True, comment="UTC, HL7 DTM"),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("comments", sa.Text(), nullable=False),
        sa.Column("content_type_code", sa.String(length=128), nullable=True),
        sa.Column("content_type_scheme", sa.String(length=128), nullable=True),
        sa.Column("content_type_display", sa.String(length=255), nullable=True),
        sa.Column("filed_at", sa.BigInteger(), nullable=False),
        sa.Column("filed_by", sa.String(length=32), nullable=True, comment="account, when it is ours"),
        sa.Column("message_id", sa.String(length=32), nullable=True, comment="message that carried it"),
        sa.ForeignKeyConstraint(["profile_id"], ["profile.id"], name=op.f("fk_submission_set_profile_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_submission_set")),
        sa.UniqueConstraint("entry_uuid", name=op.f("uq_submission_set_entry_uuid")),
        sa.UniqueConstraint("profile_id", "unique_id", name=op.f("uq_submission_set_profile_id_unique_id")),
    )
    op.create_index(op.f("ix_submission_set_profile_id"), "submission_set", ["profile_id"], unique=False)
    op.create_table(
        "conversation_message",
        sa.Column("id", sa.String(length=32), nullable=False, comment="ordered by time"),
        sa.Column("conversation_id", sa.String(length=32), nullable=False),
        sa.Column("message_id", sa.String(length=32), nullable=False, comment="of the store"),
        sa.Column(
            "message_id_header", sa.Text(), nullable=True, comment="with its angle brackets; what References name"
        ),
        sa.Column(
            "direction",
            sa.String(length=3),
            nullable=False,
            comment="in: from the professional side; out: from the patient",
        ),
        sa.Column("sender", sa.String(length=254), nullable=False, comment="address of the From field, lower case"),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["conversation_id"], ["conversation.id"], name=op.f("fk_conversation_message_conversation_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_conversation_message")),
    )
    op.create_index(
        op.f("ix_conversation_message_conversation_id"), "conversation_message", ["conversation_id"], unique=False
    )
    op.create_index("ix_conversation_message_header", "conversation_message", ["message_id_header"], unique=False)
    op.create_table(
        "document_association",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=96), nullable=False, comment="URN of the association type"),
        sa.Column("source_uuid", sa.String(length=45), nullable=False),
        sa.Column("target_uuid", sa.String(length=45), nullable=False),
        sa.Column("submission_set_id", sa.String(length=32), nullable=False),
        sa.Column("slots", sa.Text(), nullable=False, comment="JSON object of lists"),
        sa.ForeignKeyConstraint(
            ["submission_set_id"], ["submission_set.id"], name=op.f("fk_document_association_submission_set_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_document_association")),
    )
    op.create_index(op.f("ix_document_association_source_uuid"), "document_association", ["source_uuid"], unique=False)
    op.create_index(
        op.f("ix_document_association_submission_set_id"), "document_association", ["submission_set_id"], unique=False
    )
    op.create_index(op.f("ix_document_association_target_uuid"), "document_association", ["target_uuid"], unique=False)
    op.create_table(
        "document_entry",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column(
            "entry_uuid", sa.String(length=45), nullable=False, comment="urn:uuid:…, new at each metadata update"
        ),
        sa.Column("logical_id", sa.String(length=45), nullable=False, comment="lid, constant over metadata updates"),
        sa.Column("metadata_version", sa.Integer(), nullable=False, comment="VersionInfo, from 1 (ITI-57)"),
        sa.Column("unique_id", sa.String(length=128), nullable=False, comment="CDA id: OID, or OID^extension"),
        sa.Column("submission_set_id", sa.String(length=32), nullable=False),
        sa.Column("profile_id", sa.String(length=32), nullable=False),
        sa.Column("mailbox_id", sa.String(length=32), nullable=False, comment="whose key seals the content"),
        sa.Column("content_id", sa.String(length=64), nullable=False, comment="sealed bytes, as received"),
        sa.Column("availability", sa.String(length=10), nullable=False, comment="Availability (JDV_J52)"),
        sa.Column("mime_type", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=40), nullable=False, comment="SHA-1, lower case"),
        sa.Column("size_bytes", sa.Integer(), nullable=False),
        sa.Column("repository_id", sa.String(length=64), nullable=False, comment="OID of this repository"),
        sa.Column("language", sa.String(length=16), nullable=True),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("comments", sa.Text(), nullable=False),
        sa.Column("creation_time", sa.String(length=14), nullable=True, comment="UTC, HL7 DTM, precision as sent"),
        sa.Column("service_start", sa.String(length=14), nullable=True, comment="UTC, HL7 DTM"),
        sa.Column("service_stop", sa.String(length=14), nullable=True, comment="UTC, HL7 DTM"),
        sa.Column("patient_id", sa.String(length=255), nullable=True, comment="CX as sent"),
        sa.Column("source_patient_id", sa.String(length=255), nullable=True, comment="CX as sent"),
        sa.Column("source_patient_info", sa.Text(), nullable=False, comment="JSON list of PID lines"),
        sa.Column("legal_authenticator", sa.String(length=255), nullable=True, comment="XCN"),
        sa.Column("class_code", sa.String(length=128), nullable=True),
        sa.Column("class_scheme", sa.String(length=128), nullable=True),
        sa.Column("class_display", sa.String(length=255), nullable=True),
        sa.Column("type_code", sa.String(length=128), nullable=True),
        sa.Column("type_scheme", sa.String(length=128), nullable=True),
        sa.Column("type_display", sa.String(length=255), nullable=True),
        sa.Column("format_code", sa.String(length=128), nullable=True),
        sa.Column("format_scheme", sa.String(length=128), nullable=True),
        sa.Column("format_display", sa.String(length=255), nullable=True),
        sa.Column("facility_code", sa.String(length=128), nullable=True),
        sa.Column("facility_scheme", sa.String(length=128), nullable=True),
        sa.Column("facility_display", sa.String(length=255), nullable=True),
        sa.Column("practice_code", sa.String(length=128), nullable=True),
        sa.Column("practice_scheme", sa.String(length=128), nullable=True),
        sa.Column("practice_display", sa.String(length=255), nullable=True),
        sa.Column("set_id", sa.String(length=128), nullable=True, comment="CDA setId, constant over versions"),
        sa.Column("cda_version", sa.Integer(), nullable=True, comment="CDA versionNumber"),
        sa.Column("masked", sa.Boolean(), nullable=False, comment="MASQUE_PS: hidden from professionals"),
        sa.Column("masked_by", sa.String(length=10), nullable=True, comment="MaskSetter: titulaire, auteur, or defaut"),
        sa.Column(
            "invisible_patient", sa.Boolean(), nullable=False, comment="INVISIBLE_PATIENT: waits for the announcement"
        ),
        sa.Column("invisible_representatives", sa.Boolean(), nullable=False, comment="INVISIBLE_REPRESENTANTS_LEGAUX"),
        sa.Column("origin", sa.String(length=10), nullable=False, comment="pro, patient, assurance, systeme"),
        sa.Column("filed_at", sa.BigInteger(), nullable=False),
        sa.Column("filed_by", sa.String(length=32), nullable=True, comment="account, when it is ours"),
        sa.Column("filed_by_label", sa.String(length=254), nullable=False, comment="who filed, as people read it"),
        sa.Column("message_id", sa.String(length=32), nullable=True, comment="message that carried it"),
        sa.Column("warnings", sa.Text(), nullable=False, comment="codes joined by ;"),
        sa.ForeignKeyConstraint(["profile_id"], ["profile.id"], name=op.f("fk_document_entry_profile_id")),
        sa.ForeignKeyConstraint(
            ["submission_set_id"], ["submission_set.id"], name=op.f("fk_document_entry_submission_set_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_document_entry")),
        sa.UniqueConstraint("entry_uuid", name=op.f("uq_document_entry_entry_uuid")),
        sa.UniqueConstraint("unique_id", "metadata_version", name=op.f("uq_document_entry_unique_id_metadata_version")),
    )
    op.create_index(op.f("ix_document_entry_logical_id"), "document_entry", ["logical_id"], unique=False)
    op.create_index(
        "ix_document_entry_profile", "document_entry", ["profile_id", "availability", "creation_time"], unique=False
    )
    op.create_index("ix_document_entry_set", "document_entry", ["profile_id", "set_id"], unique=False)
    op.create_index(op.f("ix_document_entry_submission_set_id"), "document_entry", ["submission_set_id"], unique=False)
    op.create_table(
        "entry",
        sa.Column("folder_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("uid", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("message_id", sa.String(length=32), nullable=False),
        sa.Column("modseq", sa.BigInteger(), nullable=False),
        sa.Column("flags", sa.Integer(), nullable=False, comment="bits of flags.py"),
        sa.Column("keywords", sa.String(length=4000), nullable=False, comment="separated by blanks, sorted"),
        sa.Column("internal_date", sa.BigInteger(), nullable=False),
        sa.Column("saved_at", sa.BigInteger(), nullable=False, comment="when it came into this folder (RFC 8514)"),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column(
            "wrapped_key", sa.LargeBinary(), nullable=False, comment="the message's key for this mailbox (keyring.py)"
        ),
        sa.ForeignKeyConstraint(["folder_id"], ["folder.id"], name=op.f("fk_entry_folder_id")),
        sa.ForeignKeyConstraint(["message_id"], ["message.id"], name=op.f("fk_entry_message_id")),
        sa.PrimaryKeyConstraint("folder_id", "uid", name=op.f("pk_entry")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_entry_message_id"), "entry", ["message_id"], unique=False)
    op.create_index("ix_entry_modseq", "entry", ["folder_id", "modseq"], unique=False)
    op.create_table(
        "expunged",
        sa.Column("folder_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("modseq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("uid", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("removed_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["folder_id"], ["folder.id"], name=op.f("fk_expunged_folder_id")),
        sa.PrimaryKeyConstraint("folder_id", "modseq", "uid", name=op.f("pk_expunged")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "folder_block",
        sa.Column("folder_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False, comment="of 128 UIDs (blocks.py)"),
        sa.Column("wrapped_key", sa.LargeBinary(), nullable=False, comment="the block's key for the mailbox"),
        sa.Column("sealed_strings", sa.LargeBinary(), nullable=False, comment="for lists"),
        sa.Column("sealed_texts", sa.LargeBinary(), nullable=False, comment="for searches"),
        sa.ForeignKeyConstraint(["folder_id"], ["folder.id"], name=op.f("fk_folder_block_folder_id")),
        sa.PrimaryKeyConstraint("folder_id", "number", name=op.f("pk_folder_block")),
    )
    op.create_table(
        "member_seen",
        sa.Column("folder_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("account_id", sa.String(length=32), nullable=False, comment="a member of a shared mailbox"),
        sa.Column(
            "uid", sa.BigInteger(), autoincrement=False, nullable=False, comment="of a message that she has seen"
        ),
        sa.ForeignKeyConstraint(["folder_id"], ["folder.id"], name=op.f("fk_member_seen_folder_id")),
        sa.PrimaryKeyConstraint("folder_id", "account_id", "uid", name=op.f("pk_member_seen")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "document_code",
        sa.Column("document_id", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False, comment="confidentiality, event, reference"),
        sa.Column("place", sa.Integer(), nullable=False, comment="0, 1… as sent"),
        sa.Column("code", sa.String(length=255), nullable=False),
        sa.Column("scheme", sa.String(length=128), nullable=False),
        sa.Column("display", sa.String(length=255), nullable=False),
        sa.ForeignKeyConstraint(["document_id"], ["document_entry.id"], name=op.f("fk_document_code_document_id")),
        sa.PrimaryKeyConstraint("document_id", "kind", "place", name=op.f("pk_document_code")),
    )
    op.create_index("ix_document_code_code", "document_code", ["kind", "code"], unique=False)
    op.create_table(
        "external_filing",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("document_id", sa.String(length=32), nullable=False),
        sa.Column("unique_id", sa.String(length=128), nullable=False, comment="of the document, OID"),
        sa.Column("profile_id", sa.String(length=32), nullable=False),
        sa.Column("mailbox_id", sa.String(length=32), nullable=False, comment="whose key seals content and submission"),
        sa.Column("content_id", sa.String(length=64), nullable=False, comment="sealed bytes of the document"),
        sa.Column(
            "submission_id", sa.String(length=64), nullable=True, comment="sealed metadata, as every attempt sends them"
        ),
        sa.Column("message_id", sa.String(length=32), nullable=True, comment="message that carried it"),
        sa.Column(
            "message_id_header", sa.Text(), nullable=True, comment="its Message-ID, by which the trace is searched"
        ),
        sa.Column("state", sa.String(length=10), nullable=False, comment="FilingState"),
        sa.Column("code", sa.String(length=80), nullable=True, comment="why it waits or ended so; no data"),
        sa.Column("queued_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["document_id"], ["document_entry.id"], name=op.f("fk_external_filing_document_id")),
        sa.ForeignKeyConstraint(["profile_id"], ["profile.id"], name=op.f("fk_external_filing_profile_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_external_filing")),
        sa.UniqueConstraint("document_id", name=op.f("uq_external_filing_document_id")),
    )
    op.create_index(op.f("ix_external_filing_message_id"), "external_filing", ["message_id"], unique=False)
    op.create_index(op.f("ix_external_filing_profile_id"), "external_filing", ["profile_id"], unique=False)
    op.create_index(op.f("ix_external_filing_state"), "external_filing", ["state"], unique=False)
    op.create_index(op.f("ix_external_filing_unique_id"), "external_filing", ["unique_id"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f("ix_external_filing_unique_id"), table_name="external_filing")
    op.drop_index(op.f("ix_external_filing_state"), table_name="external_filing")
    op.drop_index(op.f("ix_external_filing_profile_id"), table_name="external_filing")
    op.drop_index(op.f("ix_external_filing_message_id"), table_name="external_filing")
    op.drop_table("external_filing")
    op.drop_index("ix_document_code_code", table_name="document_code")
    op.drop_table("document_code")
    op.drop_table("member_seen")
    op.drop_table("folder_block")
    op.drop_table("expunged")
    op.drop_index("ix_entry_modseq", table_name="entry")
    op.drop_index(op.f("ix_entry_message_id"), table_name="entry")
    op.drop_table("entry")
    op.drop_index(op.f("ix_document_entry_submission_set_id"), table_name="document_entry")
    op.drop_index("ix_document_entry_set", table_name="document_entry")
    op.drop_index("ix_document_entry_profile", table_name="document_entry")
    op.drop_index(op.f("ix_document_entry_logical_id"), table_name="document_entry")
    op.drop_table("document_entry")
    op.drop_index(op.f("ix_document_association_target_uuid"), table_name="document_association")
    op.drop_index(op.f("ix_document_association_submission_set_id"), table_name="document_association")
    op.drop_index(op.f("ix_document_association_source_uuid"), table_name="document_association")
    op.drop_table("document_association")
    op.drop_index("ix_conversation_message_header", table_name="conversation_message")
    op.drop_index(op.f("ix_conversation_message_conversation_id"), table_name="conversation_message")
    op.drop_table("conversation_message")
    op.drop_index(op.f("ix_submission_set_profile_id"), table_name="submission_set")
    op.drop_table("submission_set")
    op.drop_index(op.f("ix_representation_representative_id"), table_name="representation")
    op.drop_table("representation")
    op.drop_table("protection")
    op.drop_table("preference")
    op.drop_table("notice_preference")
    op.drop_table("minor_secret")
    op.drop_index(op.f("ix_member_account_id"), table_name="member")
    op.drop_table("member")
    op.drop_table("identity_check")
    op.drop_table("folder")
    op.drop_table("first_access")
    op.drop_index(op.f("ix_filing_objection_profile_id"), table_name="filing_objection")
    op.drop_table("filing_objection")
    op.drop_index(op.f("ix_document_folder_profile_id"), table_name="document_folder")
    op.drop_table("document_folder")
    op.drop_table("directory_standing")
    op.drop_index(op.f("ix_delegation_profile_id"), table_name="delegation")
    op.drop_index(op.f("ix_delegation_delegate_id"), table_name="delegation")
    op.drop_table("delegation")
    op.drop_index("ix_conversation_profile", table_name="conversation")
    op.drop_index("ix_conversation_patient", table_name="conversation")
    op.drop_table("conversation")
    op.drop_index(op.f("ix_care_relation_professional_id"), table_name="care_relation")
    op.drop_table("care_relation")
    op.drop_index(op.f("ix_authorisation_professional_id"), table_name="authorisation")
    op.drop_table("authorisation")
    op.drop_index(op.f("ix_attestation_profile_id"), table_name="attestation")
    op.drop_table("attestation")
    op.drop_table("totp_credential")
    op.drop_index(op.f("ix_sealed_content_mailbox_id"), table_name="sealed_content")
    op.drop_table("sealed_content")
    op.drop_index(op.f("ix_queue_entry_queue_id"), table_name="queue_entry")
    op.drop_index("ix_queue_entry_due", table_name="queue_entry")
    op.drop_table("queue_entry")
    op.drop_table("profile")
    op.drop_index(op.f("ix_professional_structure"), table_name="professional")
    op.drop_index(op.f("ix_professional_rpps"), table_name="professional")
    op.drop_table("professional")
    op.drop_table("password_credential")
    op.drop_index(op.f("ix_mailbox_key_mailbox_id"), table_name="mailbox_key")
    op.drop_table("mailbox_key")
    op.drop_table("mailbox_filing")
    op.drop_table("imported_message")
    op.drop_index(op.f("ix_folder_annotation_mailbox_id"), table_name="folder_annotation")
    op.drop_table("folder_annotation")
    op.drop_index("ix_directory_mailbox_rpps", table_name="directory_mailbox")
    op.drop_index("ix_directory_mailbox_address", table_name="directory_mailbox")
    op.drop_table("directory_mailbox")
    op.drop_index("ix_directory_activity_rpps", table_name="directory_activity")
    op.drop_table("directory_activity")
    op.drop_index(op.f("ix_application_password_account_id"), table_name="application_password")
    op.drop_table("application_password")
    op.drop_index("ix_watched_message_fingerprint", table_name="watched_message")
    op.drop_table("watched_message")
    op.drop_index(op.f("ix_used_assertion_until"), table_name="used_assertion")
    op.drop_table("used_assertion")
    op.drop_table("trace_head")
    op.drop_index(
        "ix_trace_entry_subject",
        table_name="trace_entry",
        sqlite_where=sa.text("subject_id IS NOT NULL"),
        postgresql_where=sa.text("subject_id IS NOT NULL"),
    )
    op.drop_index(
        "ix_trace_entry_profile",
        table_name="trace_entry",
        sqlite_where=sa.text("profile_id IS NOT NULL"),
        postgresql_where=sa.text("profile_id IS NOT NULL"),
    )
    op.drop_index(
        "ix_trace_entry_message",
        table_name="trace_entry",
        sqlite_where=sa.text("message_id_header IS NOT NULL"),
        postgresql_where=sa.text("message_id_header IS NOT NULL"),
    )
    op.drop_index(
        "ix_trace_entry_mailbox",
        table_name="trace_entry",
        sqlite_where=sa.text("mailbox_id IS NOT NULL"),
        postgresql_where=sa.text("mailbox_id IS NOT NULL"),
    )
    op.drop_table("trace_entry")
    op.drop_table("trace_checkpoint")
    op.drop_index("ix_task_due", table_name="task")
    op.drop_table("task")
    op.drop_index("ix_submission_rate_slot", table_name="submission_rate")
    op.drop_table("submission_rate")
    op.drop_index("ix_sign_in_failure_last_at", table_name="sign_in_failure")
    op.drop_table("sign_in_failure")
    op.drop_table("record_author")
    op.drop_index("ix_recipient_state_sent", table_name="recipient_state")
    op.drop_index("ix_recipient_state_header", table_name="recipient_state")
    op.drop_table("recipient_state")
    op.drop_table("queue_message")
    op.drop_table("queue_lane")
    op.drop_index("ix_portal_session_seen", table_name="portal_session")
    op.drop_index("ix_portal_session_account", table_name="portal_session")
    op.drop_table("portal_session")
    op.drop_table("notice_state")
    op.drop_table("message_orphan")
    op.drop_index(
        "ix_message_blob_ref",
        table_name="message",
        sqlite_where=sa.text("blob_ref IS NOT NULL"),
        postgresql_where=sa.text("blob_ref IS NOT NULL"),
    )
    op.drop_table("message")
    op.drop_table("mailbox")
    op.drop_table("machine_start")
    op.drop_index("ix_known_identity_traits", table_name="known_identity")
    op.drop_table("known_identity")
    op.drop_table("directory_extract")
    op.drop_table("account")
