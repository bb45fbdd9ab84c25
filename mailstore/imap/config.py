"""The `[imap]` section of the settings."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class ImapSettings(BaseModel):
    """Limits and choices of the IMAP listeners."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    patients: bool = Field(False, description="whether patients may sign in by IMAP; they have the portal (yes or no)")
    login_timeout_s: float = Field(60.0, gt=0, description="time to sign in after connecting (seconds)")
    idle_timeout_s: float = Field(1_800.0, gt=0, description="silence after which a session is closed (seconds)")
    write_timeout_s: float = Field(120.0, gt=0, description="time for a slow reader to take what was sent (seconds)")
    handshake_timeout_s: float = Field(30.0, gt=0, description="time for the TLS handshake (seconds)")
    recheck_s: float = Field(30.0, gt=0, description="longest time between two looks at a selected folder (seconds)")
    search_time_s: float = Field(10.0, gt=0, description="longest time for one SEARCH that opens messages (seconds)")
    shared_seen: Literal["common", "member"] = Field(
        "common",
        description="in an organisational mailbox, a message that one member has read is read for all (`common`), "
        "or each member has a mark of her own (`member`)",
    )
    message_bytes: int = Field(52_428_800, gt=0, description="largest message that APPEND takes (octets)")
    quota_bytes: int = Field(0, ge=0, description="what a mailbox may hold (octets); 0 sets no limit")
    metadata_value_bytes: int = Field(16_384, gt=0, le=65_000, description="largest annotation of a folder (octets)")
    metadata_entries: int = Field(
        100, gt=0, description="annotations of one folder, shared and of each member apart (count)"
    )
    notify_folders: int = Field(1_000, gt=0, description="folders that one session may watch by NOTIFY (count)")
    contact: str | None = Field(
        None, description="where users reach the operator, told as the server's `/shared/admin` annotation (a URI)"
    )
    connections: int = Field(20_000, gt=0, description="open connections of one process (count)")
    connections_per_address: int = Field(10_000, gt=0, description="open connections from one IP address (count)")
    unauthenticated_per_address: int = Field(
        200,
        gt=0,
        description="connections from one IP address that have not signed in yet, and its TLS handshakes (count)",
    )
    handshakes: int = Field(1_000, gt=0, description="TLS handshakes of one process under way at a time (count)")
    sessions_per_account: int = Field(100, gt=0, description="sessions of one account at a time (count)")
    refused_sign_ins: int = Field(5, gt=0, description="refused sign-ins after which a connection is closed (count)")
    refused_commands: int = Field(50, gt=0, description="malformed commands in a row that end a session (count)")
    write_buffer_bytes: int = Field(
        131_072, gt=0, description="what waits for a slow reader before the server stops producing (octets)"
    )
