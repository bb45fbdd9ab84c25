"""The tables of the store. Nothing of a message lies here in clear but its size and its flags."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    UniqueConstraint,
)

from vaguemestre.kernel.database import ROW_NUMBER, Instant, metadata

mailbox = Table(
    "mailbox",
    metadata,
    Column("id", String(32), primary_key=True, comment="the account's id"),
    Column("created_at", Instant, nullable=False),
    Column("erased_at", Instant, nullable=True, comment="when its keys were destroyed; the id is not used again"),
    Column("last_uidvalidity", BigInteger, nullable=False, comment="UIDVALIDITY of the youngest folder"),
)

mailbox_key = Table(
    "mailbox_key",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("mailbox_id", String(32), ForeignKey("mailbox.id"), nullable=False, index=True),
    Column("sealed_key", LargeBinary, nullable=False, comment="wrapped by the instance key"),
    Column("created_at", Instant, nullable=False),
)

folder = Table(
    "folder",
    metadata,
    Column("id", ROW_NUMBER, primary_key=True, autoincrement=True),
    Column("mailbox_id", String(32), ForeignKey("mailbox.id"), nullable=False),
    Column("name", String(255), nullable=False, comment="Unicode NFC; levels separated by /"),
    Column("special_use", String(20), nullable=True, comment="RFC 6154 attribute"),
    Column("subscribed", Boolean, nullable=False),
    Column("uidvalidity", BigInteger, nullable=False, comment="RFC 3501 §2.3.1.1"),
    Column("uidnext", BigInteger, nullable=False),
    Column("highest_modseq", BigInteger, nullable=False, comment="RFC 7162 §3.1.2"),
    Column("pruned_modseq", BigInteger, nullable=False, comment="up to here the log of expunged UIDs was pruned"),
    Column("recent_from", BigInteger, nullable=False, comment="first UID that no read-write session has seen"),
    Column("key_id", String(32), ForeignKey("mailbox_key.id"), nullable=False, comment="wraps new message keys"),
    UniqueConstraint("mailbox_id", "name"),
    sqlite_autoincrement=True,
)

machine_start = Table(
    "machine_start",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False, comment="always 1"),
    Column("boot_id", String(36), nullable=False, comment="the last start of the machine that was met (restarts.py)"),
)

message = Table(
    "message",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("stored_at", Instant, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("sealed_header", LargeBinary, nullable=False),
    Column("sealed_index", LargeBinary, nullable=False, comment="ENVELOPE, BODYSTRUCTURE, parts (mime/index.py)"),
    Column("sealed_body", LargeBinary, nullable=True, comment="one segment; NULL when blob_ref says where it is"),
    Column("blob_ref", String(2000), nullable=True),
)
Index(
    "ix_message_blob_ref",
    message.c.blob_ref,
    sqlite_where=message.c.blob_ref.is_not(None),
    postgresql_where=message.c.blob_ref.is_not(None),
)

entry = Table(
    "entry",
    metadata,
    Column("folder_id", BigInteger, ForeignKey("folder.id"), primary_key=True, autoincrement=False),
    Column("uid", BigInteger, primary_key=True, autoincrement=False),
    Column("message_id", String(32), ForeignKey("message.id"), nullable=False, index=True),
    Column("modseq", BigInteger, nullable=False),
    Column("flags", Integer, nullable=False, comment="bits of flags.py"),
    Column("keywords", String(4000), nullable=False, comment="separated by blanks, sorted"),
    Column("internal_date", Instant, nullable=False),
    Column("saved_at", Instant, nullable=False, comment="when it came into this folder (RFC 8514)"),
    Column("size_bytes", BigInteger, nullable=False),
    Column("wrapped_key", LargeBinary, nullable=False, comment="the message's key for this mailbox (keyring.py)"),
    Index("ix_entry_modseq", "folder_id", "modseq"),
    sqlite_with_rowid=False,
)

expunged = Table(
    "expunged",
    metadata,
    Column("folder_id", BigInteger, ForeignKey("folder.id"), primary_key=True, autoincrement=False),
    Column("modseq", BigInteger, primary_key=True, autoincrement=False),
    Column("uid", BigInteger, primary_key=True, autoincrement=False),
    Column("removed_at", Instant, nullable=False),
    sqlite_with_rowid=False,
)

block = Table(
    "folder_block",
    metadata,
    Column("folder_id", BigInteger, ForeignKey("folder.id"), primary_key=True, autoincrement=False),
    Column("number", BigInteger, primary_key=True, autoincrement=False, comment="of 128 UIDs (blocks.py)"),
    Column("wrapped_key", LargeBinary, nullable=False, comment="the block's key for the mailbox"),
    Column("sealed_strings", LargeBinary, nullable=False, comment="for lists"),
    Column("sealed_texts", LargeBinary, nullable=False, comment="for searches"),
)

member_seen = Table(
    "member_seen",
    metadata,
    Column("folder_id", BigInteger, ForeignKey("folder.id"), primary_key=True, autoincrement=False),
    Column("account_id", String(32), primary_key=True, comment="a member of a shared mailbox"),
    Column("uid", BigInteger, primary_key=True, autoincrement=False, comment="of a message that she has seen"),
    sqlite_with_rowid=False,
)

annotation = Table(
    "folder_annotation",
    metadata,
    Column("folder_id", BigInteger, primary_key=True, autoincrement=False, comment="0: of the mailbox itself"),
    Column("account_id", String(32), primary_key=True, comment="to whom it is private; empty: shared"),
    Column("name", String(250), primary_key=True, comment="RFC 5464 entry, in lower case"),
    Column("mailbox_id", String(32), ForeignKey("mailbox.id"), nullable=False, index=True, comment="its key seals it"),
    Column("size_bytes", Integer, nullable=False),
    Column("version", String(32), nullable=False, comment="another one after each change"),
    Column("wrapped_key", LargeBinary, nullable=False),
    Column("sealed_value", LargeBinary, nullable=False, comment="segments, joined"),
)

orphan = Table(
    "message_orphan",
    metadata,
    Column("message_id", String(32), primary_key=True, comment="lost an entry: may have none left"),
)

content = Table(
    "sealed_content",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("mailbox_id", String(32), ForeignKey("mailbox.id"), nullable=False, index=True),
    Column("size_bytes", BigInteger, nullable=False),
    Column("wrapped_key", LargeBinary, nullable=False),
    Column("sealed_data", LargeBinary, nullable=False, comment="segments, joined"),
)

imported = Table(
    "imported_message",
    metadata,
    Column("mailbox_id", String(32), ForeignKey("mailbox.id"), primary_key=True),
    Column("origin", LargeBinary(16), primary_key=True, comment="keyed digest: which folder of which source"),
    Column("mark", LargeBinary(16), primary_key=True, comment="keyed digest: which message of that folder"),
    Column("validity", BigInteger, nullable=True, comment="UIDVALIDITY that the mark holds for (IMAP)"),
    Column("content", LargeBinary(16), nullable=True, comment="keyed digest of its bytes (IMAP)"),
    sqlite_with_rowid=False,
)
