"""Settings of access_core: signing in, care presumed or declared."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


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
