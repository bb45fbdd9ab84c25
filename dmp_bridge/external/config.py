"""Settings of the record elsewhere: `[dmp.external]`."""

from enum import StrEnum
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from dmp_bridge.external.rights import Mode

MEBIBYTE = 1024 * 1024
DMP_REPOSITORY = "1.2.250.1.213.4.1.1.1.2"
DMP_DEVICE = "1.2.250.1.213.4.1.1.1"
_NEEDED = ("structure", "structure_name", "responsible", "homologation")


class RecordChoice(StrEnum):
    """Where documents are filed."""

    EMBEDDED = "embedded"
    EXTERNAL = "external"
    BOTH = "both"


class ExternalSettings(BaseModel):
    """The section `[dmp.external]`: where the record is, who we are for it, with what patience we feed it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str = Field(
        default="",
        description="address of the services, without `/registry`, e.g. "
        "`https://lps2.dmp.gouv.fr/si-dmp-server/v2/services`; empty: there is none",
    )
    authority: Path = Field(
        default=Path("pki/dmp-ca.pem"), description="PEM certificates of the authorities of the record's server"
    )
    client_certificate: Path = Field(
        default=Path("pki/auth-cli.pem"), description="PEM chain of the AUTH_CLI certificate, shown in mutual TLS"
    )
    client_key: Path = Field(default=Path("pki/auth-cli.key"), description="PEM key of that certificate, mode 0600")
    signing_certificate: Path = Field(
        default=Path("pki/sign.pem"), description="PEM of the SIGN certificate, of VIHF and submissions"
    )
    signing_key: Path = Field(
        default=Path("pki/sign.key"),
        description="PEM key of that certificate, mode 0600; not read when it is on a token",
    )
    token_module: Path | None = Field(
        default=None, description="PKCS#11 library of the token that holds the SIGN key, e.g. libsofthsm2.so"
    )
    token_label: str = Field(default="", description="label of the token")
    token_key: str = Field(default="", description="label of the key on the token")
    pin_file: Path | None = Field(default=None, description="file of the token's PIN, mode 0600")
    pin: SecretStr | None = Field(
        default=None, description="the PIN, by the environment variable VAGUEMESTRE__DMP__EXTERNAL__PIN only"
    )
    mode: Mode = Field(
        default=Mode.ORGANISATION,
        description="how calls are authenticated: INDIRECTE (organisation certificate: feeds, never reads), "
        "INDIRECTE_RENFORCEE (Pro Santé Connect: reads, never feeds) or DIRECTE (card)",
    )
    structure: str = Field(default="", description="Struct_IdNat of the structure, as in the certificates")
    structure_name: str = Field(default="", description="name of the structure, as authors' institution")
    sector: str = Field(default="SA01", description="sector of the structure (JDV_J61), e.g. SA01, SA07")
    responsible: str = Field(default="", description="PS_IdNat of who answers for what the gateway sends")
    software: str = Field(default="Vaguemestre", description="LPS_Nom: name of the software")
    software_id: str = Field(default="0", description="LPS_ID: number of the software")
    software_version: str = Field(default="1.0", description="LPS_Version: version that was homologated")
    homologation: str = Field(default="", description="LPS_ID_HOMOLOGATION_DMP: number given by the CNDA")
    vihf_version: str = Field(default="3.0", description="VIHF_Version: 3.0 (DMPi up to 2.9) or 4.0 (DMPi 2.10)")
    source_id: str = Field(
        default="2.25.171523897231806571236510983745612090818",
        description="OID of this system, as source of submissions",
    )
    repository_id: str = Field(default=DMP_REPOSITORY, description="OID of the record's repository")
    device_id: str = Field(default=DMP_DEVICE, description="OID of the record's device, receiver of HL7 v3 messages")
    existence_test: bool = Field(
        default=True, description="ask whether the patient has a record there before sending (TD0.2)"
    )
    connect_timeout_s: float = Field(default=10, gt=0, le=60, description="longest wait for a connection, in seconds")
    request_timeout_s: float = Field(
        default=60, gt=0, le=80, description="longest call, from connection to last byte, in seconds"
    )
    max_answer_bytes: int = Field(default=64 * MEBIBYTE, ge=1_000, description="longest answer, in bytes")
    max_document_bytes: int = Field(
        default=5 * MEBIBYTE, ge=1, description="largest document that is sent there, in bytes; larger ones stay here"
    )
    pdf_a_only: bool = Field(
        default=False,
        description="keep here the documents whose PDF does not say that it is PDF/A-1; they are sent otherwise",
    )
    attempts: int = Field(
        default=100,
        ge=1,
        description="how often a document is tried before it waits for a person (about 4 days), a count",
    )

    @model_validator(mode="after")
    def _complete(self) -> Self:
        """Refuse an address without what every call must say, or one that is not of HTTPS."""
        if not self.url:
            return self
        if not self.url.startswith("https://"):
            raise ValueError("url : commence par https://")
        missing = [name for name in _NEEDED if not getattr(self, name)]
        if missing:
            raise ValueError(f"à renseigner avec url : {', '.join(missing)}")
        if self.token_module is not None and not (self.token_label and self.token_key):
            raise ValueError("token_module demande token_label et token_key")
        return self
