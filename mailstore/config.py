"""Settings of the store."""

from pydantic import BaseModel, ConfigDict, Field


class MailStoreSettings(BaseModel):
    """Section `[mailstore]` of vaguemestre.toml."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    inline_body_bytes: int = Field(
        default=32_768,
        ge=0,
        le=65_536,
        description="Bodies up to this size lie in the catalogue, others in the blobs (bytes).",
    )
    mime_depth: int = Field(default=32, ge=1, le=100, description="Levels of nested parts that are looked into.")
    mime_parts: int = Field(default=1_000, ge=1, le=10_000, description="Parts of a message that are told apart.")
    garbage_delay_s: int = Field(
        default=600, ge=1, description="How long a message that is in no folder any more may stay stored (seconds)."
    )
    expunged_keep_s: int = Field(
        default=31_536_000,
        ge=1,
        description="How long expunged UIDs are logged for clients that come back (seconds); later ones learn all that "
        "is missing.",
    )
    expunged_keep: int = Field(default=100_000, ge=0, description="Expunged UIDs logged of one folder (count).")
