"""The settings of the whole program: one frozen section per package, read once.

They come from a TOML file, then from environment variables `VAGUEMESTRE__SECTION__KEY` (for secrets and
containers), which win. A key that nobody knows stops the program, with the place and the likely spelling.
"""

import copy
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from access_core.config import AccessSettings, OAuthSettings
from dmp_bridge.config import BridgeSettings
from mailstore.config import MailStoreSettings
from mailstore.imap.config import ImapSettings
from portal.config import PortalSettings
from smtp_gateway.config import (
    AntivirusSettings,
    ContentSettings,
    ConversationSettings,
    DkimSettings,
    NoticeSettings,
    RateSettings,
    RelaySettings,
    SetupSettings,
    SmtpSettings,
    TrustSettings,
)
from vaguemestre.app.config import BlobsSettings, CatalogueSettings, InstanceSettings, KeysSettings, PkiSettings
from vaguemestre.app.roles import Role
from vaguemestre.app.settings_file import SettingsFile, explain

CONFIG_VARIABLE = "VAGUEMESTRE_CONFIG"
DEFAULT_CONFIG = Path("vaguemestre.toml")
PREFIX = "VAGUEMESTRE__"
MOST_PROCESSES = 4  # of one role, when the settings do not say


class Settings(BaseModel):
    """Every setting; `folder` is where the settings file lies and what relative paths start from."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    folder: Path = Field(exclude=True)
    instance: InstanceSettings = Field(default_factory=InstanceSettings)
    catalogue: CatalogueSettings = Field(default_factory=CatalogueSettings)
    blobs: BlobsSettings = Field(default_factory=BlobsSettings)
    keys: KeysSettings = Field(default_factory=KeysSettings)
    pki: PkiSettings = Field(default_factory=PkiSettings)
    smtp: SmtpSettings = Field(default_factory=SmtpSettings)
    rates: RateSettings = Field(default_factory=RateSettings)
    content: ContentSettings = Field(default_factory=ContentSettings)
    antivirus: AntivirusSettings = Field(default_factory=AntivirusSettings)
    dkim: DkimSettings = Field(default_factory=DkimSettings)
    conversation: ConversationSettings = Field(default_factory=ConversationSettings)
    trust: TrustSettings = Field(default_factory=TrustSettings)
    relay: RelaySettings = Field(default_factory=RelaySettings)
    notices: NoticeSettings = Field(default_factory=NoticeSettings)
    setup: SetupSettings = Field(default_factory=SetupSettings)
    access: AccessSettings = Field(default_factory=AccessSettings)
    oauth: OAuthSettings = Field(default_factory=OAuthSettings)
    mailstore: MailStoreSettings = Field(default_factory=MailStoreSettings)
    imap: ImapSettings = Field(default_factory=ImapSettings)
    dmp: BridgeSettings = Field(default_factory=BridgeSettings)
    portal: PortalSettings = Field(default_factory=PortalSettings)

    def database_url(self) -> str:
        """Return the catalogue's SQLAlchemy URL; the file of SQLite is made absolute."""
        url = self.catalogue.url.get_secret_value()
        scheme, separator, path = url.partition(":///")
        return f"{scheme}:///{self.folder / path}" if separator and scheme.startswith("sqlite") else url

    def blobs_url(self) -> str:
        """Return the URL of the blob store; a folder is made absolute."""
        if not self.blobs.url.startswith("file:"):
            return self.blobs.url
        return f"file://{self.folder / self.blobs.url.removeprefix('file:').removeprefix('//')}"

    def processes(self, role: Role) -> int:
        """Return how many processes serve ROLE; only the MX may have more than one (they share its port)."""
        if role is not Role.MX:
            return 1
        return self.smtp.processes or min(os.cpu_count() or 1, MOST_PROCESSES)

    def run_folder(self) -> Path:
        """Return the folder of pid files, sockets and metrics of the running processes."""
        return self.folder / "run"


def find_config(option: Path | None, environ: Mapping[str, str] = os.environ) -> Path:
    """Return the settings file to read: the option, then $VAGUEMESTRE_CONFIG, then ./vaguemestre.toml."""
    return option or Path(environ.get(CONFIG_VARIABLE) or DEFAULT_CONFIG)


def load_settings(path: Path, environ: Mapping[str, str] = os.environ) -> Settings:
    """Read PATH and the environment.

    Raises:
        ConfigurationError: no such file, not TOML, an unknown key, a value out of its bounds; one line for each
            fault, with file, line and key.
    """
    file = SettingsFile.read(path)
    values, variables = _with_environment(file.values, environ)
    folder = path.resolve().parent
    try:
        settings = Settings.model_validate({**values, "folder": folder})
    except ValidationError as error:
        raise explain(error, file, variables, Settings) from None
    sections = {name: _absolute(getattr(settings, name), folder) for name in sections_of(Settings)}
    return settings.model_copy(update={**sections, "smtp": _named_after(settings.instance, settings.smtp)})


def sections_of(model: type[BaseModel]) -> dict[str, type[BaseModel]]:
    """Return the sections that MODEL is made of, by name."""
    return {
        name: field.annotation
        for name, field in model.model_fields.items()
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)
    }


def _named_after(instance: InstanceSettings, smtp: SmtpSettings) -> SmtpSettings:
    """Give the gateway the names of the instance where `[smtp]` says nothing else."""
    names = {
        "hostname": next(iter(instance.domains), "localhost"),
        "domains": instance.domains,
        "patient_domains": instance.patient_domains,
    }
    return smtp.model_copy(update={key: name for key, name in names.items() if key not in smtp.model_fields_set})


def _with_environment(
    values: Mapping[str, Any], environ: Mapping[str, str]
) -> tuple[dict[str, Any], dict[tuple[str, ...], str]]:
    """Lay the variables over the file's values; returns also which variable gave which key."""
    merged = copy.deepcopy(dict(values))
    variables: dict[tuple[str, ...], str] = {}
    for name in sorted(environ):
        if not name.startswith(PREFIX):
            continue
        keys = tuple(part.lower() for part in name.removeprefix(PREFIX).split("__"))
        table = merged
        for key in keys[:-1]:
            table = table.setdefault(key, {})
        table[keys[-1]] = _typed(environ[name])
        variables[keys] = name
    return merged, variables


def _typed(text: str) -> Any:
    """Read a list or table written as JSON; anything else stays text, which pydantic converts."""
    if text[:1] in "[{":
        try:
            return json.loads(text)
        except ValueError:
            return text
    return text


def _absolute(section: BaseModel, folder: Path) -> BaseModel:
    """Return SECTION with its relative paths taken from FOLDER."""
    update: dict[str, Any] = {}
    for name in type(section).model_fields:
        value = getattr(section, name)
        if isinstance(value, Path):
            update[name] = folder / value
        elif isinstance(value, BaseModel):
            update[name] = _absolute(value, folder)
        elif isinstance(value, tuple) and value and isinstance(value[0], BaseModel):
            update[name] = tuple(_absolute(each, folder) for each in value)
    return section.model_copy(update=update)
