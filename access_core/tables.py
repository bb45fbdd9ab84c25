"""The tables of access_core: accounts, profiles, care, trace.

Every table of the package is here. Names of people live in these tables and in the trace, nowhere else. The trace
is append-only: no statement of the program updates or deletes a row of `trace_entry`.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    String,
    Table,
    Text,
)

from vaguemestre.kernel.database import ROW_NUMBER, Instant, metadata

ID = String(32)

account = Table(
    "account",
    metadata,
    Column("id", ID, primary_key=True, comment="also the id of its mail store"),
    Column("kind", String(12), nullable=False, comment="AccountKind"),
    Column("login", String(254), nullable=False, unique=True, comment="lower case: MSSanté address, or INS (15 chars)"),
    Column("display_name", String(200), nullable=False),
    Column("state", String(10), nullable=False, comment="AccountState"),
    Column("created_at", Instant, nullable=False),
)

password_credential = Table(
    "password_credential",
    metadata,
    Column("account_id", ID, ForeignKey("account.id"), primary_key=True),
    Column("encoded", String(200), nullable=False, comment="Argon2id, PHC string (RFC 9106)"),
    Column("changed_at", Instant, nullable=False),
    Column("scram", LargeBinary, nullable=True, comment="keys of SCRAM-SHA-256, sealed; None until they are derived"),
)

application_password = Table(
    "application_password",
    metadata,
    Column("id", ID, primary_key=True),
    Column("account_id", ID, ForeignKey("account.id"), nullable=False, index=True),
    Column("label", String(80), nullable=False, comment="what the holder calls the program"),
    Column("scope", String(4), nullable=False, comment="Scope: imap, smtp, all"),
    Column("digest", String(64), nullable=False, unique=True, comment="HMAC of account and password"),
    Column("scram", LargeBinary, nullable=False, comment="keys of SCRAM-SHA-256, sealed"),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=True, comment="None: it does not expire"),
    Column("last_used_at", Instant, nullable=True, comment="within the time that a process remembers a sign-in"),
    Column("revoked_at", Instant, nullable=True),
)

totp_credential = Table(
    "totp_credential",
    metadata,
    Column("account_id", ID, ForeignKey("account.id"), primary_key=True),
    Column("sealed", LargeBinary, nullable=False, comment="secret under the instance key, bound to the account"),
    Column("last_step", BigInteger, nullable=False, comment="last 30 s step accepted (RFC 6238 §5.2), -1 before"),
    Column("enrolled_at", Instant, nullable=False),
)

sign_in_failure = Table(
    "sign_in_failure",
    metadata,
    Column("key", String(64), primary_key=True, comment="HMAC of the login or of the peer address"),
    Column("failures", Integer, nullable=False, comment="in a row, since the last success or the last long silence"),
    Column("last_at", Instant, nullable=False),
    Column("blocked_until", Instant, nullable=False),
    Index("ix_sign_in_failure_last_at", "last_at"),
)

professional = Table(
    "professional",
    metadata,
    Column("account_id", ID, ForeignKey("account.id"), primary_key=True),
    Column("type", String(3), nullable=False, comment="MailboxType, TRE_R257"),
    Column("rpps", String(11), nullable=True, index=True),
    Column("profession", String(8), nullable=True, comment="TRE_G15"),
    Column("structure", String(20), nullable=True, index=True, comment="FINESS or SIRET based identifier"),
)

member = Table(
    "member",
    metadata,
    Column("mailbox_id", ID, ForeignKey("professional.account_id"), primary_key=True, comment="ORG, APP or CAB"),
    Column("account_id", ID, ForeignKey("professional.account_id"), primary_key=True, index=True, comment="its member"),
)

profile = Table(
    "profile",
    metadata,
    Column("id", ID, primary_key=True),
    Column("account_id", ID, ForeignKey("account.id"), nullable=False, unique=True),
    Column("ins", String(15), nullable=False, unique=True, comment="matricule (13) and key (2)"),
    Column("oid", String(40), nullable=False, comment="authority of the INS"),
    Column("family", String(100), nullable=False),
    Column("given", String(100), nullable=False),
    Column("birth_date", Date, nullable=False),
    Column("sex", String(1), nullable=False, comment="M or F"),
    Column("email", String(254), nullable=True, comment="ordinary e-mail, for notices without health data"),
    Column("status", String(12), nullable=False, comment="ProfileStatus"),
    Column("status_since", Instant, nullable=False),
    Column("activated_at", Instant, nullable=True),
    Column("opens_at", Instant, nullable=True, comment="announced: opens by itself then unless opposed (R1111-28)"),
    Column("closes_at", Instant, nullable=True, comment="suspended: closes then without objection (R1111-36)"),
    Column("erase_at", Instant, nullable=True, comment="closed or dead: what it holds is erased then (R1111-36)"),
    Column("erased_at", Instant, nullable=True, comment="what it held is gone; NULL once open again"),
)

representation = Table(
    "representation",
    metadata,
    Column("child_id", ID, ForeignKey("profile.id"), primary_key=True),
    Column("representative_id", ID, ForeignKey("profile.id"), primary_key=True, index=True),
    Column("declared_at", Instant, nullable=False),
    Column("until", Instant, nullable=True, comment="exclusive; NULL until majority"),
    Column("ended_at", Instant, nullable=True, comment="ended by decision: no clock brings it back"),
)

protection = Table(
    "protection",
    metadata,
    Column("profile_id", ID, ForeignKey("profile.id"), primary_key=True, comment="an adult under a judge's protection"),
    Column("declared_at", Instant, nullable=False),
    Column("ended_at", Instant, nullable=True),
)

care_relation = Table(
    "care_relation",
    metadata,
    Column("profile_id", ID, ForeignKey("profile.id"), primary_key=True),
    Column("professional_id", ID, ForeignKey("professional.account_id"), primary_key=True, index=True),
    Column("declared_at", Instant, nullable=False),
    Column("until", Instant, nullable=True, comment="exclusive; NULL while no end is known"),
    Column("informed", Boolean, nullable=False, comment="the patient was informed of this care team (R1111-46)"),
    Column("presumed_until", Instant, nullable=True, comment="exclusive; end of the consent that care presumes"),
)

authorisation = Table(
    "authorisation",
    metadata,
    Column("profile_id", ID, ForeignKey("profile.id"), primary_key=True),
    Column("professional_id", ID, ForeignKey("professional.account_id"), primary_key=True, index=True),
    Column("consent", String(12), nullable=True, comment="ConsentState; NULL: she has said nothing"),
    Column("level", String(12), nullable=False, comment="AccessLevel that she grants"),
    Column("consent_at", Instant, nullable=True),
    Column("consent_until", Instant, nullable=True, comment="exclusive; NULL without an end"),
    Column("blocked_at", Instant, nullable=True),
    Column("standing", String(24), nullable=False, comment="Standing: what the professional is to this patient"),
)

filing_objection = Table(
    "filing_objection",
    metadata,
    Column("id", ID, primary_key=True),
    Column("profile_id", ID, ForeignKey("profile.id"), nullable=False, index=True),
    Column("professional_id", ID, ForeignKey("professional.account_id"), nullable=True, comment="NULL: any"),
    Column("type_code", String(32), nullable=True, comment="JDV_J07; NULL: any"),
    Column("motive", Text, nullable=False, comment="legitimate motive, in her words (R1111-47)"),
    Column("objected_at", Instant, nullable=False),
    Column("lifted_at", Instant, nullable=True, comment="NULL: it stands"),
)

preference = Table(
    "preference",
    metadata,
    Column("profile_id", ID, ForeignKey("profile.id"), primary_key=True),
    Column("samu", Boolean, nullable=False, comment="ETREAT: the SAMU may open the record"),
    Column("break_glass", Boolean, nullable=False, comment="BTG: other professionals may, in an emergency"),
    Column("masked_documents", Boolean, nullable=False, comment="MASKED: masked documents open in an emergency"),
    Column("masked_by_default", Boolean, nullable=False, comment="documents are hidden from professionals"),
)

delegation = Table(
    "delegation",
    metadata,
    Column("id", ID, primary_key=True),
    Column("profile_id", ID, ForeignKey("profile.id"), nullable=False, index=True),
    Column("delegate_id", ID, ForeignKey("profile.id"), nullable=False, index=True, comment="with whom it is shared"),
    Column("kind", String(12), nullable=False, comment="fact delegation: second_rl or aidant"),
    Column("state", String(12), nullable=False, comment="DelegationState"),
    Column("asked_by", ID, ForeignKey("profile.id"), nullable=False, comment="holder or representative"),
    Column("asked_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False, comment="exclusive; an invitation without answer is void then"),
    Column("answered_at", Instant, nullable=True),
    Column("until", Instant, nullable=True, comment="exclusive; NULL without an end"),
)

minor_secret = Table(
    "minor_secret",
    metadata,
    Column("profile_id", ID, ForeignKey("profile.id"), primary_key=True),
    Column("professional_id", ID, ForeignKey("professional.account_id"), primary_key=True),
    Column("kind", String(12), nullable=False, comment="SecretKind: hidden from the parents, or no mention at all"),
    Column("agreed_at", Instant, nullable=False),
    Column("lifted_at", Instant, nullable=True, comment="the minor agreed to end it"),
)

attestation = Table(
    "attestation",
    metadata,
    Column("id", ID, primary_key=True, comment="also its reference"),
    Column("profile_id", ID, ForeignKey("profile.id"), nullable=False, index=True),
    Column("kind", String(16), nullable=False, comment="AttestationKind"),
    Column("statement", Text, nullable=False, comment="French, as the person receives it"),
    Column("issued_at", Instant, nullable=False),
)

first_access = Table(
    "first_access",
    metadata,
    Column("profile_id", ID, ForeignKey("profile.id"), primary_key=True),
    Column("professional_id", ID, ForeignKey("professional.account_id"), primary_key=True),
    Column("at", Instant, nullable=False),
)

trace_head = Table(
    "trace_head",
    metadata,
    Column("id", SmallInteger, primary_key=True, autoincrement=False, comment="1: one register for each catalogue"),
    Column("instance_id", ID, nullable=False, comment="the chain starts from its digest"),
    Column("seq", BigInteger, nullable=False, comment="of the last entry, 0 before the first"),
    Column("digest", LargeBinary, nullable=False, comment="of the last entry; SHA-256"),
)

trace_entry = Table(
    "trace_entry",
    metadata,
    Column("seq", ROW_NUMBER, primary_key=True, autoincrement=False, comment="1, 2, 3… without a hole"),
    Column("at", Instant, nullable=False),
    Column("act", String(40), nullable=False, comment="Act, or an event such as sign_in"),
    Column("verdict", String(6), nullable=False),
    Column("reason", String(40), nullable=False),
    Column("mode", String(16), nullable=False, comment="access mode: normal, bris_de_glace, centre_15, secret"),
    Column("subject_kind", String(16), nullable=False, comment="sujet: pro, structure, titulaire, rl, systeme…"),
    Column("subject_id", ID, nullable=True, comment="account or profile that acted, when it is ours"),
    Column("subject_label", Text, nullable=False, comment="who acted, as the patient reads it"),
    Column("profile_id", ID, nullable=True, comment="patient concerned"),
    Column("mailbox_id", ID, nullable=True, comment="mailbox concerned"),
    Column("resource_kind", String(16), nullable=True, comment="message, document, profile, account…"),
    Column("resource_id", String(128), nullable=True),
    Column("message_id_header", Text, nullable=True, comment="Message-ID, with its angle brackets"),
    Column("obligations", Text, nullable=False, comment="codes joined by ;"),
    Column("matrix_version", String(80), nullable=True),
    Column("digest", LargeBinary, nullable=False, comment="SHA-256 over the digest before and this entry"),
)
for _name, _column in (
    ("profile", trace_entry.c.profile_id),
    ("mailbox", trace_entry.c.mailbox_id),
    ("subject", trace_entry.c.subject_id),
    ("message", trace_entry.c.message_id_header),
):
    _named = _column.is_not(None)  # of what an entry does not name, the index says nothing
    Index(f"ix_trace_entry_{_name}", _column, trace_entry.c.seq, sqlite_where=_named, postgresql_where=_named)

trace_checkpoint = Table(
    "trace_checkpoint",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False, comment="of the last entry that it covers"),
    Column("first_seq", BigInteger, nullable=False, comment="of the first entry of its tree"),
    Column("statement", Text, nullable=False, comment="JSON that is signed; see trace/checkpoints.py"),
    Column("signature", LargeBinary, nullable=False, comment="Ed25519 (RFC 8032)"),
)

directory_extract = Table(
    "directory_extract",
    metadata,
    Column("id", ID, primary_key=True),
    Column("layout", String(24), nullable=False, comment="Layout: which national file"),
    Column("loaded_at", Instant, nullable=False),
    Column("digest", String(64), nullable=False, comment="SHA-256 of the file, hexadecimal"),
    Column("lines", Integer, nullable=False, comment="kept lines; 0 while it is being loaded"),
    Column("in_force", Boolean, nullable=False, comment="one for each layout; the others are going away"),
)

directory_activity = Table(
    "directory_activity",
    metadata,
    Column("extract_id", ID, ForeignKey("directory_extract.id"), primary_key=True),
    Column("line", Integer, primary_key=True, autoincrement=False, comment="of the file"),
    Column("rpps", String(11), nullable=False),
    Column("family", String(100), nullable=False, comment="name of exercise"),
    Column("given", String(100), nullable=False),
    Column("profession", String(8), nullable=False, comment="TRE_G15"),
    Column("skill", String(8), nullable=False, comment="savoir-faire, TRE_R38 and others"),
    Column("mode", String(8), nullable=False, comment="mode of exercise: L, S, B; empty without activity"),
    Column("sector", String(8), nullable=False, comment="TRE_R02"),
    Column("structure", String(40), nullable=False, comment="technical identifier, FINESS or SIRET"),
    Column("structure_name", String(200), nullable=False),
    Index("ix_directory_activity_rpps", "rpps"),
)

directory_mailbox = Table(
    "directory_mailbox",
    metadata,
    Column("extract_id", ID, ForeignKey("directory_extract.id"), primary_key=True),
    Column("line", Integer, primary_key=True, autoincrement=False, comment="of the file"),
    Column("address", String(254), nullable=False, comment="lower case"),
    Column("type", String(3), nullable=False, comment="TRE_R257"),
    Column("rpps", String(11), nullable=False, comment="empty for a mailbox of a structure"),
    Column("profession", String(8), nullable=False, comment="TRE_G15"),
    Column("structure", String(40), nullable=False),
    Column("service", String(200), nullable=False),
    Index("ix_directory_mailbox_rpps", "rpps"),
    Index("ix_directory_mailbox_address", "address"),
)

directory_standing = Table(
    "directory_standing",
    metadata,
    Column("account_id", ID, ForeignKey("professional.account_id"), primary_key=True),
    Column("state", String(8), nullable=False, comment="fact annuaire: actif, inactif, inconnu"),
    Column("checked_at", Instant, nullable=False),
)

known_identity = Table(
    "known_identity",
    metadata,
    Column("ins", String(15), primary_key=True, comment="matricule (13) and key (2)"),
    Column("oid", String(40), nullable=False),
    Column("family", String(100), nullable=False, comment="name of birth"),
    Column("given", String(200), nullable=False, comment="every given name, separated by blanks"),
    Column("birth_date", Date, nullable=False),
    Column("sex", String(1), nullable=False),
    Column("birth_place", String(5), nullable=False, comment="COG, 99999 when not known"),
    Index("ix_known_identity_traits", "birth_date", "family"),
)

identity_check = Table(
    "identity_check",
    metadata,
    Column("profile_id", ID, ForeignKey("profile.id"), primary_key=True),
    Column("status", String(12), nullable=False, comment="fact ins: provisoire, validee, recuperee, qualifiee"),
    Column("checked_at", Instant, nullable=False),
)
