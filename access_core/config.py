"""Settings of access_core: signing in, issuers of tokens, care, the delays of a space's life."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from access_core.matrix import MatrixMode


class AuthenticationSettings(BaseModel):
    """How sign-ins are slowed down when they fail, and made cheap when they repeat."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    account_failures: int = Field(5, ge=1, le=100, description="failures in a row of one login before it must wait")
    peer_failures: int = Field(
        20, ge=1, le=10_000, description="failures in a row from one address (IPv6: /64) before it must wait"
    )
    first_delay_s: int = Field(2, ge=1, le=60, description="first wait, in seconds; each further failure doubles it")
    longest_delay_s: int = Field(900, ge=1, le=3_600, description="longest wait, in seconds")
    forget_after_s: int = Field(
        3_600, ge=3_600, le=604_800, description="silence, in seconds, after which failures are forgotten"
    )
    remember_s: int = Field(
        300, ge=0, le=3_600, description="how long, in seconds, a process remembers a right password; 0 never"
    )
    concurrent_hashes: int = Field(2, ge=1, le=64, description="passwords verified at once in a process (46 MiB each)")
    waiting_limit: int = Field(200, ge=1, le=10_000, description="sign-ins that may wait for their turn in a process")
    account_password_in_mail: bool = Field(
        True, description="whether the account's own password opens IMAP and SMTP; else application passwords only"
    )
    client_certificates: bool = Field(
        True, description="whether IMAP and submission ask mail programs for a certificate, which EXTERNAL then uses"
    )
    certificate_names: tuple[Literal["email", "rpps", "structure"], ...] = Field(
        ("email", "rpps", "structure"),
        description="what in a client certificate may name a mailbox: an e-mail address, a national person id (8 and"
        " RPPS, as common name), a structure id (organisational unit; its ORG, APP and CAB mailboxes) [inferred]",
    )
    channel_binding: bool = Field(
        False,
        description="offer SCRAM-SHA-256-PLUS, bound to our certificate (tls-server-end-point); programs that only bind"
        " to the session (tls-exporter, those of libgsasl) then cannot sign in by SCRAM",
    )


class TraceSettings(BaseModel):
    """How the trace is made provable: signed checkpoints, kept in the catalogue and in a file outside it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    checkpoint_every_s: int = Field(
        300, ge=1, le=86_400, description="seconds between two signed checkpoints of the trace, written by the worker"
    )
    checkpoint_file: Path = Field(
        Path("trace-checkpoints.jsonl"),
        description="append-only file of the checkpoints; lay it, or a copy, where the catalogue's keeper cannot write",
    )


class DirectorySettings(BaseModel):
    """Where the state of a professional (`annuaire`) and the identity of a patient are checked."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: Literal["extract", "fhir"] = Field(
        "extract",
        description="what answers for professionals: the national extraction loaded by `directory load`, or the"
        " national directory by FHIR, asked by `directory refresh`",
    )
    fhir_url: str = Field(
        "https://gateway.api.esante.gouv.fr/fhir/v2", description="FHIR R4 base of the national directory"
    )
    api_key: SecretStr = Field(SecretStr(""), description="key sent as ESANTE-API-KEY; empty: none is sent")
    timeout_s: float = Field(10.0, gt=0, le=60, description="longest wait, in seconds, for one answer of a service")
    refresh_every_s: int = Field(
        86_400, ge=60, le=2_592_000, description="seconds between two look-ups of every professional by FHIR"
    )


class IdentitySettings(BaseModel):
    """Where the identity of a patient is checked: the téléservice INSi, or the registry that stands in for it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: Literal["local", "insi"] = Field(
        "local",
        description="what answers for patients: the registry loaded by `directory load --identities`, or the"
        " téléservice INSi, by the certificate of the structure",
    )
    url: str = Field("https://services-ps-tlsm.ameli.fr/lps", description="téléservice INSi with mutual TLS (https)")
    certificate: Path | None = Field(
        None, description="PEM certificate ORG AUTH_CLI of the IGC-Santé that the téléservice knows; with its chain"
    )
    key: Path | None = Field(None, description="PEM private key of that certificate")
    authority: Path | None = Field(
        None, description="PEM authorities of the téléservice's own certificate; absent: those of the system"
    )
    idam: str = Field("", max_length=20, description="authorisation number of the software (CNDA), `IDAM`")
    emitter: str = Field("", max_length=20, description="identifier of the structure that asks, `Emetteur`")
    timeout_s: float = Field(10.0, gt=0, le=60, description="longest wait, in seconds, for one answer")


class LifeSettings(BaseModel):
    """The delays of a patient's space and of what she grants; each default is the law's where the law says one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    opening_days: int = Field(
        42, ge=1, le=365, description="days from the announcement of a space to its opening, unless opposed (R1111-28)"
    )
    suspension_days: int = Field(
        42, ge=1, le=365, description="days after which a suspended space closes without objection (R1111-36)"
    )
    deletion_days: int = Field(
        60,
        ge=0,
        le=89,
        description="days from a closure with deletion to the deletion, three months at most (R1111-36)",
    )
    archive_years: int = Field(
        10, ge=10, le=100, description="years for which a closed space is archived before its deletion (L1111-18)"
    )
    consent_days: int = Field(
        365, ge=1, le=3_650, description="days for which a consent to consult holds, presumed or explicit"
    )
    invitation_days: int = Field(
        30, ge=1, le=365, description="days in which a representative or carer may answer an invitation"
    )


class IssuerSettings(BaseModel):
    """One issuer of access tokens, such as Pro Santé Connect."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    issuer: str = Field(description="its address, as the claim `iss` of its tokens writes it")
    method: Literal["jwt", "introspection"] = Field(
        "jwt", description="whether its tokens are JWT that it signs, or are shown to it (RFC 7662)"
    )
    audience: tuple[str, ...] = Field(
        min_length=1, description="names by which the issuer knows this service; a token must be for one of them"
    )
    audience_claim: Literal["aud", "azp", "client_id"] = Field("aud", description="claim that says for whom a token is")
    scope: tuple[str, ...] = Field((), description="scopes that a token must have, all of them")
    claim: str = Field("SubjectNameID", description="claim that names the holder")
    names: Literal["rpps", "address"] = Field(
        "rpps", description="whether that claim is a national person id (8 and RPPS) or the address of the mailbox"
    )
    algorithms: tuple[Literal["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA"], ...] = (
        Field(("RS256", "PS256", "ES256"), description="signatures that are believed")
    )
    jwks_url: str = Field("", description="where its public keys are; empty: as its OpenID configuration says")
    introspection_url: str = Field("", description="where tokens are shown to it; empty: as its configuration says")
    client_id: str = Field("", description="who we are to it, for introspection")
    client_secret: SecretStr = Field(SecretStr(""), description="its password, best from the environment")
    authority: Path | None = Field(None, description="PEM authorities of its server; none: the system's")
    leeway_s: int = Field(30, ge=0, le=300, description="how far the clocks may differ, in seconds")
    keys_lifetime_s: int = Field(3_600, ge=60, le=86_400, description="how long its keys are kept, in seconds")
    timeout_s: float = Field(5, gt=0, le=30, description="longest wait for one answer of it, in seconds")


class OAuthSettings(BaseModel):
    """The `[oauth]` section: whose access tokens open IMAP and SMTP; without any, no such mechanism is offered."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    issuers: dict[str, IssuerSettings] = Field(
        default_factory=dict, description="`[oauth.issuers.NAME]`: one table for each issuer, name free"
    )


class AccessSettings(BaseModel):
    """The `[access]` section."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    authentication: AuthenticationSettings = Field(
        default_factory=AuthenticationSettings, description="signing in; a table of its own"
    )
    filing_care: Literal["declared", "presumed"] = Field(
        "declared",
        description="whether filing by message needs a declared care relation, or the message itself shows it",
    )
    matrix_mode: MatrixMode = Field(
        MatrixMode.RECONSTRUCTED,
        description="how much of the habilitation matrix is believed: `strict`, only the cells that a public source"
        " supports, the one for real people; or `reconstructed`, all of it",
    )
    matrix_file: Path = Field(
        Path("habilitation_matrix.csv"),
        description="the matrix that `matrix import` wrote; while it is absent, the one that comes with the program",
    )
    majority_years: int = Field(
        18, ge=15, le=25, description="age of majority, in years: until then the legal representatives act for a minor"
    )
    trace: TraceSettings = Field(default_factory=TraceSettings, description="checkpoints; a table of its own")
    directory: DirectorySettings = Field(
        default_factory=DirectorySettings, description="national directory; a table of its own"
    )
    identity: IdentitySettings = Field(
        default_factory=IdentitySettings, description="check of a patient's identity; a table of its own"
    )
    life: LifeSettings = Field(
        default_factory=LifeSettings, description="delays of a space and of consents; a table of its own"
    )
