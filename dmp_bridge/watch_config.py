"""Settings of one watched mailbox: `[[dmp.watch]]`."""

import re
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, field_validator

MEBIBYTE = 1024 * 1024
_FLAG = re.compile(r"\\Seen|\\Flagged|[A-Za-z0-9$_.-]{1,64}")


class WatchSettings(BaseModel):
    """A mailbox at another operator, whose documents are filed as they arrive."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1, max_length=64, description="name of the watch; do not change it afterwards")
    host: str = Field(min_length=1, description="IMAP server of the other operator, as its certificate names it")
    port: int = Field(default=993, ge=1, le=65_535, description="its port, with implicit TLS")
    login: str = Field(min_length=1, description="login of the mailbox, usually its address")
    password_file: Path = Field(description="file of its password, mode 0600")
    authority: Path | None = Field(
        default=None, description="PEM certificates of the authorities of its server; absent: those of the machine"
    )
    folder: str = Field(default="INBOX", min_length=1, description="folder that is watched")
    flag: str = Field(
        default="$Depose", description="flag or keyword set on a message once it is taken in, e.g. `\\Seen`"
    )
    max_message_bytes: int = Field(
        default=40 * MEBIBYTE,
        ge=1_000,
        description="largest message that is fetched, in bytes; a larger one is refused",
    )
    idle_s: int = Field(
        default=300, ge=1, le=1_740, description="longest wait for the server's word before asking again, in seconds"
    )
    timeout_s: float = Field(default=60, ge=1, le=600, description="longest wait for one answer, in seconds")
    reconnect_longest_s: float = Field(
        default=300, ge=1, le=86_400, description="longest pause before connecting again, in seconds"
    )

    @field_validator("flag")
    @classmethod
    def _is_flag(cls, flag: str) -> str:
        if not _FLAG.fullmatch(flag):
            raise ValueError("un drapeau IMAP ou un mot-clé, par exemple \\Seen ou $Depose")
        return flag
