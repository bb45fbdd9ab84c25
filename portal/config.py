"""Settings of the web spaces: one frozen section, `[portal]` of vaguemestre.toml."""

from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, field_validator


class PortalSettings(BaseModel):
    """What an operator may change in the portal."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    idle_minutes: int = Field(30, ge=1, le=30, description="A session without any request for this many minutes ends.")
    lifetime_minutes: int = Field(
        240, ge=1, le=240, description="A session ends this many minutes after the second factor, used or not."
    )
    code_minutes: int = Field(5, ge=1, le=15, description="Minutes between the password and the one-time code.")
    attachments_count: int = Field(10, ge=1, le=50, description="Number of attachments of one reply.")
    text_characters: int = Field(20_000, ge=1, description="Characters that the text of one reply may have.")
    time_zone: str = Field("Europe/Paris", description="Time zone of the dates on the pages (IANA name).")
    image_pixels: int = Field(
        60_000_000, ge=1, description="Pixels above which a photo is refused instead of being decoded."
    )
    image_edge_pixels: int = Field(4096, ge=256, description="Long edge to which a larger photo is reduced, in pixels.")
    image_seconds: int = Field(20, ge=1, le=60, description="Seconds after which the reading of a photo is given up.")
    simultaneous_uploads: int = Field(
        16, ge=1, description="Replies that one process receives at a time; others wait, then are told to come back."
    )
    upload_wait_seconds: int = Field(30, ge=1, le=300, description="Seconds that a reply waits for its turn.")
    simultaneous_images: int = Field(
        2, ge=1, description="Photos that one process has cleaned, and thumbnails that it has drawn, at a time."
    )
    thumbnails_bytes: int = Field(
        16_000_000, ge=100_000, description="Memory of one process for thumbnails and previews, in bytes."
    )

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError):
            raise ValueError("not a time zone of this machine (is the tzdata package installed?)") from None
        return name
