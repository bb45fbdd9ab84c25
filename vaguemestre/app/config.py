"""Settings that belong to the instance as a whole: where it listens, where it keeps things, whose keys it uses.

A path that is not absolute is taken from the folder of the settings file.
"""

import re
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

STANDARD_PORTS = {
    "mx": 25,
    "submission": 587,
    "submissions": 465,
    "imap": 143,
    "imaps": 993,
    "portal": 443,
    "metrics": 9090,
}
"""Where each service listens when `port_base` is 0."""

_DOMAIN = re.compile(r"(?=.{1,253}\Z)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*\Z")


class InstanceSettings(BaseModel):
    """`[instance]`: the names, addresses and ports of the program."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = Field("127.0.0.1", description="IP address on which every listener but metrics accepts.")
    port_base: int = Field(0, ge=0, le=55_000, description="Added to the standard port of every service.")
    domains: tuple[str, ...] = Field(
        (), description="Domains of the professional mailboxes kept here, e.g. `hopital.mssante.fr`."
    )
    patient_domains: tuple[str, ...] = Field(
        ("patient.mssante.fr",), description="Domains whose local part is a patient's INS."
    )
    grace_s: float = Field(
        20.0, ge=0, le=300, description="Seconds given to what is under way when the program is told to stop."
    )

    restart_longest_s: float = Field(
        30.0, ge=0.5, le=3_600, description="Longest pause in seconds before a role that keeps dying is started again."
    )

    @field_validator("domains", "patient_domains")
    @classmethod
    def _names(cls, domains: tuple[str, ...]) -> tuple[str, ...]:
        """Fold letter case; refuse what no address could end with (RFC 5321 §2.3.5)."""
        folded = tuple(domain.strip().lower() for domain in domains)
        for domain in folded:
            if not _DOMAIN.match(domain):
                raise ValueError(f"« {domain} » n'est pas un nom de domaine")
        return folded

    def ports(self) -> dict[str, int]:
        """Return the port of each service: standard port plus `port_base`."""
        return {name: port + self.port_base for name, port in STANDARD_PORTS.items()}


class CatalogueSettings(BaseModel):
    """`[catalogue]`: the SQL database that every process of the instance shares."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: SecretStr = Field(
        SecretStr("sqlite:///catalogue.db"),
        description="`sqlite:///FILE` or `postgresql+psycopg://USER:PASSWORD@HOST/NAME`; a secret, since it may hold"
        " a password.",
    )

    @field_validator("url")
    @classmethod
    def _known(cls, url: SecretStr) -> SecretStr:
        """Refuse a database that this program does not speak to, without repeating the URL."""
        if not url.get_secret_value().startswith(("sqlite:///", "postgresql+psycopg://")):
            raise ValueError("commence par sqlite:/// ou postgresql+psycopg://")
        return url


class BlobsSettings(BaseModel):
    """`[blobs]`: where sealed bodies that are too large for a row lie."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str = Field(
        "file:blobs", description="`file:FOLDER` or `s3://BUCKET/PREFIX?endpoint=…`; only sealed bytes go there."
    )

    @field_validator("url")
    @classmethod
    def _known(cls, url: str) -> str:
        if not url.startswith(("file:", "s3://")):
            raise ValueError("commence par file: ou s3://")
        return url


class KeysSettings(BaseModel):
    """`[keys]`: the secret under which every other key of the store is wrapped."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    instance: Path = Field(Path("keys/instance.key"), description="File of the instance key, mode 0600.")


class PkiSettings(BaseModel):
    """`[pki]`: certificates of this instance and the authority that its peers must chain to."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    authority: Path = Field(Path("pki/ca.pem"), description="PEM certificates of the authorities that peers chain to.")
    revocation: Path = Field(Path("pki"), description="Folder whose `*.crl.pem` files are the revocation lists.")
    server_certificate: Path = Field(
        Path("pki/server.pem"), description="PEM chain shown to mail programs and browsers."
    )
    server_key: Path = Field(Path("pki/server.key"), description="PEM key of that certificate.")
    operator_certificate: Path = Field(
        Path("pki/operator.pem"), description="PEM chain shown to other operators; its subject is on the whitelist."
    )
    operator_key: Path = Field(Path("pki/operator.key"), description="PEM key of that certificate.")
