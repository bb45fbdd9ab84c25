"""Settings of the gateway: `[smtp]`, `[dkim]`, `[conversation]`, `[trust]` of vaguemestre.toml.

Read once at start and passed on as values; a duration is in seconds, a size in bytes.
"""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class SmtpSettings(BaseModel):
    """What the listeners 25, 587 and 465 allow."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    hostname: str = Field("localhost", description="name said in the greeting, Received and Authentication-Results")
    domains: tuple[str, ...] = Field((), description="domains whose professional mailboxes live here")
    patient_domains: tuple[str, ...] = Field(
        ("patient.mssante.fr",), description="domains whose local part is an INS; profiles live here"
    )
    max_message_bytes: int = Field(26_214_400, ge=65_536, description="largest message, bytes (MES accepts 25 MB)")
    max_header_bytes: int = Field(262_144, ge=8_192, description="largest header part, bytes")
    max_line_bytes: int = Field(1_048_576, ge=1_000, description="longest line of a message, bytes, CRLF included")
    max_recipients: int = Field(100, ge=1, description="recipients of one message (RFC 5321 §4.5.3.1.8: at least 100)")
    max_received: int = Field(50, ge=2, description="Received fields before a message counts as looping")
    max_errors: int = Field(10, ge=1, description="refused commands of one connection before it is closed")
    max_connections: int = Field(2_000, ge=1, description="connections of one listener at the same time")
    max_connections_per_address: int = Field(100, ge=1, description="the same from one peer address")
    command_timeout_s: float = Field(300, gt=0, description="wait for the next command or chunk, seconds (RFC 5321)")
    before_trust_s: float = Field(60, gt=0, description="time to identify (TLS and AUTH) after connecting, seconds")
    data_floor_bytes_s: int = Field(1_000, ge=1, description="slowest average sending of data, bytes per second")
    recipient_memory_s: float = Field(
        1, ge=0, le=60, description="how long an accepted recipient is remembered at RCPT, seconds; 0: asked each time"
    )
    smtputf8: bool = Field(False, description="offer SMTPUTF8 (no MSSanté domain or mailbox needs it)")
    ins_key: Literal["strict", "lenient"] = Field(
        "strict", description="lenient accepts a matricule whose key is wrong (ANS samples), for tests"
    )
    one_patient_per_message: bool = Field(
        True, description="refuse a second patient at submission: each would learn the other's address [inferred]"
    )


class DkimSettings(BaseModel):
    """Verification of DKIM signatures at the MX."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    public_keys: dict[str, str] = Field(
        default_factory=dict, description='"selector._domainkey.domain" = "v=DKIM1; …"; looked at before DNS'
    )
    dns: bool = Field(True, description="ask DNS for keys that are not listed")
    dns_timeout_s: float = Field(5, gt=0, description="longest wait for DNS, seconds")
    max_signatures: int = Field(3, ge=1, description="signatures looked at per message")


class ConversationSettings(BaseModel):
    """Who may answer whom."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    fin_match: Literal["mention", "exact"] = Field(
        "mention",
        description="mention: [FIN] anywhere in a subject, any case, ends that conversation; "
        "exact: only a subject that is [FIN], capitals, nothing else (MES rule, ENS-1.3 §7)",
    )
    patient_new_conversation: Literal["never", "open_contacts"] = Field(
        "never", description="whether a patient may open a conversation with a professional who wrote and did not end"
    )
    automatic_messages_answerable: bool = Field(
        False, description="whether a patient may answer a message marked Auto-Submitted without Reply-To [inferred]"
    )


class TrustSettings(BaseModel):
    """The MSSanté whitelist."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    whitelist: Path = Field(Path("whitelist.xml"), description="file of the national list, as last accepted")
    max_bytes: int = Field(50_000_000, ge=1, description="largest list read, bytes")
    max_age_s: float = Field(0, ge=0, description="age at which the list stops being used, seconds; 0: never")
