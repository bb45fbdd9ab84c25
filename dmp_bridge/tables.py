"""The tables of the embedded health record: an XDS registry, and which sealed content belongs to which entry.

Coded metadata, titles and authors are in clear columns, since ITI-18 searches them; bodies are sealed under the
patient's mailbox key and only named here. Rows of `document_entry` are never deleted: their availability changes.
"""

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, String, Table, Text, UniqueConstraint

import access_core.tables  # noqa: F401 - declares the profile that rows refer to
from vaguemestre.kernel.database import Instant, metadata

ID = String(32)
CX_LENGTH = String(255)


def _coded(name: str) -> tuple[Column[str], Column[str], Column[str]]:
    """Return the three columns of a coded attribute."""
    return (
        Column(f"{name}_code", String(128), nullable=True),
        Column(f"{name}_scheme", String(128), nullable=True),
        Column(f"{name}_display", String(255), nullable=True),
    )


submission_set = Table(
    "submission_set",
    metadata,
    Column("id", ID, primary_key=True),
    Column("entry_uuid", String(45), nullable=False, unique=True, comment="urn:uuid:…"),
    Column("unique_id", String(128), nullable=False, comment="OID given by the sender, ITI TF-3 §4.2.3.3.12"),
    Column("source_id", String(128), nullable=False, comment="OID of the sending system"),
    Column("profile_id", ID, ForeignKey("profile.id"), nullable=False, index=True),
    Column("patient_id", CX_LENGTH, nullable=True, comment="CX as sent"),
    Column("submission_time", String(14), nullable=True, comment="UTC, HL7 DTM"),
    Column("title", Text, nullable=False),
    Column("comments", Text, nullable=False),
    *_coded("content_type"),
    Column("filed_at", Instant, nullable=False),
    Column("filed_by", ID, nullable=True, comment="account, when it is ours"),
    Column("message_id", ID, nullable=True, comment="message that carried it"),
    UniqueConstraint("profile_id", "unique_id"),
)

document_entry = Table(
    "document_entry",
    metadata,
    Column("id", ID, primary_key=True),
    Column("entry_uuid", String(45), nullable=False, unique=True, comment="urn:uuid:…, new at each metadata update"),
    Column("logical_id", String(45), nullable=False, index=True, comment="lid, constant over metadata updates"),
    Column("metadata_version", Integer, nullable=False, comment="VersionInfo, from 1 (ITI-57)"),
    Column("unique_id", String(128), nullable=False, comment="CDA id: OID, or OID^extension"),
    Column("submission_set_id", ID, ForeignKey("submission_set.id"), nullable=False, index=True),
    Column("profile_id", ID, ForeignKey("profile.id"), nullable=False),
    Column("mailbox_id", ID, nullable=False, comment="whose key seals the content"),
    Column("content_id", String(64), nullable=False, comment="sealed bytes, as received"),
    Column("availability", String(10), nullable=False, comment="Availability (JDV_J52)"),
    Column("mime_type", String(64), nullable=False),
    Column("hash", String(40), nullable=False, comment="SHA-1, lower case"),
    Column("size_bytes", Integer, nullable=False),
    Column("repository_id", String(64), nullable=False, comment="OID of this repository"),
    Column("language", String(16), nullable=True),
    Column("title", Text, nullable=False),
    Column("comments", Text, nullable=False),
    Column("creation_time", String(14), nullable=True, comment="UTC, HL7 DTM, precision as sent"),
    Column("service_start", String(14), nullable=True, comment="UTC, HL7 DTM"),
    Column("service_stop", String(14), nullable=True, comment="UTC, HL7 DTM"),
    Column("patient_id", CX_LENGTH, nullable=True, comment="CX as sent"),
    Column("source_patient_id", CX_LENGTH, nullable=True, comment="CX as sent"),
    Column("source_patient_info", Text, nullable=False, comment="JSON list of PID lines"),
    Column("legal_authenticator", CX_LENGTH, nullable=True, comment="XCN"),
    *_coded("class"),
    *_coded("type"),
    *_coded("format"),
    *_coded("facility"),
    *_coded("practice"),
    Column("set_id", String(128), nullable=True, comment="CDA setId, constant over versions"),
    Column("cda_version", Integer, nullable=True, comment="CDA versionNumber"),
    Column("masked", Boolean, nullable=False, comment="MASQUE_PS: hidden from professionals"),
    Column("masked_by", String(10), nullable=True, comment="MaskSetter: titulaire, auteur, or defaut"),
    Column("invisible_patient", Boolean, nullable=False, comment="INVISIBLE_PATIENT: waits for the announcement"),
    Column("invisible_representatives", Boolean, nullable=False, comment="INVISIBLE_REPRESENTANTS_LEGAUX"),
    Column("origin", String(10), nullable=False, comment="pro, patient, assurance, systeme"),
    Column("filed_at", Instant, nullable=False),
    Column("filed_by", ID, nullable=True, comment="account, when it is ours"),
    Column("filed_by_label", String(254), nullable=False, comment="who filed, as people read it"),
    Column("message_id", ID, nullable=True, comment="message that carried it"),
    Column("warnings", Text, nullable=False, comment="codes joined by ;"),
    UniqueConstraint("unique_id", "metadata_version"),
    Index("ix_document_entry_profile", "profile_id", "availability", "creation_time"),
    Index("ix_document_entry_set", "profile_id", "set_id"),
)

record_author = Table(
    "record_author",
    metadata,
    Column("owner_id", ID, primary_key=True, comment="document_entry or submission_set"),
    Column("place", Integer, primary_key=True, comment="0, 1… as sent"),
    Column("person", Text, nullable=True, comment="XCN"),
    Column("institutions", Text, nullable=False, comment="JSON list of XON"),
    Column("roles", Text, nullable=False, comment="JSON list"),
    Column("specialties", Text, nullable=False, comment="JSON list"),
)

document_code = Table(
    "document_code",
    metadata,
    Column("document_id", ID, ForeignKey("document_entry.id"), primary_key=True),
    Column("kind", String(16), primary_key=True, comment="confidentiality, event, reference"),
    Column("place", Integer, primary_key=True, comment="0, 1… as sent"),
    Column("code", String(255), nullable=False),
    Column("scheme", String(128), nullable=False),
    Column("display", String(255), nullable=False),
    Index("ix_document_code_code", "kind", "code"),
)

document_association = Table(
    "document_association",
    metadata,
    Column("id", ID, primary_key=True),
    Column("kind", String(96), nullable=False, comment="URN of the association type"),
    Column("source_uuid", String(45), nullable=False, index=True),
    Column("target_uuid", String(45), nullable=False, index=True),
    Column("submission_set_id", ID, ForeignKey("submission_set.id"), nullable=False, index=True),
    Column("slots", Text, nullable=False, comment="JSON object of lists"),
)

document_folder = Table(
    "document_folder",
    metadata,
    Column("id", ID, primary_key=True),
    Column("entry_uuid", String(45), nullable=False, unique=True, comment="urn:uuid:…"),
    Column("unique_id", String(128), nullable=False, unique=True, comment="OID given by the source"),
    Column("profile_id", ID, ForeignKey("profile.id"), nullable=False, index=True),
    Column("patient_id", CX_LENGTH, nullable=True, comment="CX as sent"),
    Column("updated_at", String(14), nullable=False, comment="lastUpdateTime: UTC, HL7 DTM"),
    Column("title", Text, nullable=False),
    Column("comments", Text, nullable=False),
    Column("codes", Text, nullable=False, comment="JSON list of [code, scheme, display]"),
    Column("filed_by", ID, nullable=True, comment="account that made it"),
)

used_assertion = Table(
    "used_assertion",
    metadata,
    Column("id", String(128), primary_key=True, comment="ID of a VIHF, accepted once"),
    Column("until", Instant, nullable=False, index=True, comment="when it is too old to be accepted again"),
)

external_filing = Table(
    "external_filing",
    metadata,
    Column("id", ID, primary_key=True),
    Column("document_id", ID, ForeignKey("document_entry.id"), nullable=False, unique=True),
    Column("unique_id", String(128), nullable=False, index=True, comment="of the document, OID"),
    Column("profile_id", ID, ForeignKey("profile.id"), nullable=False, index=True),
    Column("mailbox_id", ID, nullable=False, comment="whose key seals content and submission"),
    Column("content_id", String(64), nullable=False, comment="sealed bytes of the document"),
    Column("submission_id", String(64), nullable=True, comment="sealed metadata, as every attempt sends them"),
    Column("message_id", ID, nullable=True, index=True, comment="message that carried it"),
    Column("message_id_header", Text, nullable=True, comment="its Message-ID, by which the trace is searched"),
    Column("state", String(10), nullable=False, index=True, comment="FilingState"),
    Column("code", String(80), nullable=True, comment="why it waits or ended so; no data"),
    Column("queued_at", Instant, nullable=False),
    Column("ended_at", Instant, nullable=True),
)

watched_message = Table(
    "watched_message",
    metadata,
    Column("watch", String(64), primary_key=True, comment="name of the mailbox elsewhere, in the settings"),
    Column(
        "uid_validity", BigInteger, primary_key=True, autoincrement=False, comment="of its folder (RFC 9051 §2.3.1.1)"
    ),
    Column("uid", BigInteger, primary_key=True, autoincrement=False),
    Column("fingerprint", String(64), nullable=False, comment="of Message-ID and size, whatever the UID"),
    Column("outcome", String(80), nullable=False, comment="OK, why not, or that it carries no document"),
    Column("flagged", Boolean, nullable=False, comment="the other server knows that it was taken in"),
    Column("taken_at", Instant, nullable=False),
    Index("ix_watched_message_fingerprint", "watch", "fingerprint"),
)

mailbox_filing = Table(
    "mailbox_filing",
    metadata,
    Column("account_id", ID, ForeignKey("account.id"), primary_key=True, comment="professional mailbox"),
    Column("type_code", String(32), nullable=False, comment="JDV_J07, under which its plain files are filed"),
    Column("since", Instant, nullable=False),
)
