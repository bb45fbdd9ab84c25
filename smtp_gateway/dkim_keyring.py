"""Which keys sign what leaves: those of the settings, or those that a rotation put in their place.

`dkim-signing.json` in the key folder names the selectors that sign, those that wait to be published, and when the
change was made. A rotation replaces that file whole; every relay sees it before its next message, without a signal.
"""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from smtp_gateway.config import DkimSettings
from smtp_gateway.dkim_sign import SigningKey, load_signing_keys
from vaguemestre.kernel.errors import ConfigurationError
from vaguemestre.kernel.log import get_logger

STATE_FILE = "dkim-signing.json"
log = get_logger(__name__)


class SigningState(msgspec.Struct, frozen=True, kw_only=True):
    """What a rotation has come to; SIGNING is in use, NEXT waits to be published, CHANGED_AT is ISO 8601."""

    signing: tuple[str, ...]
    next: tuple[str, ...] = ()
    retired: tuple[str, ...] = ()
    """Selectors whose public keys must stay published for mail under way."""
    changed_at: str | None = None


def read_state(settings: DkimSettings) -> SigningState:
    """Return which selectors sign: those of the settings until the first rotation.

    Raises:
        ConfigurationError: the file cannot be read.
    """
    try:
        return msgspec.json.decode((settings.key_folder / STATE_FILE).read_bytes(), type=SigningState)
    except FileNotFoundError:
        return SigningState(signing=settings.selectors)
    except (OSError, msgspec.DecodeError):
        raise ConfigurationError(f"DKIM: {STATE_FILE} cannot be read") from None


def write_state(folder: Path, state: SigningState) -> None:
    """Replace the file whole."""
    fresh = folder / f"{STATE_FILE}.new"
    fresh.write_bytes(msgspec.json.format(msgspec.json.encode(state), indent=2) + b"\n")
    fresh.replace(folder / STATE_FILE)


class SigningKeyring:
    """The keys that sign now.

    Raises:
        ConfigurationError: one of them cannot be used.
    """

    def __init__(self, settings: DkimSettings) -> None:
        self._settings = settings
        self._seen = self._stamp()
        self._keys = self._load()

    def __call__(self) -> Sequence[SigningKey]:
        """Return the keys; after a rotation the new ones, unless these cannot be read."""
        stamp = self._stamp()
        if stamp != self._seen:
            self._seen = stamp
            self.reload()
        return self._keys

    def reload(self) -> None:
        """Read the keys again; those that do not read leave the old ones in use."""
        try:
            self._keys = self._load()
        except ConfigurationError as error:
            log.error("dkim_keys_not_reloaded", error=error)
        else:
            log.info("dkim_keys_reloaded", count=len(self._keys))

    def _load(self) -> tuple[SigningKey, ...]:
        return load_signing_keys(self._settings.key_folder, read_state(self._settings).signing)

    def _stamp(self) -> int:
        try:
            return (self._settings.key_folder / STATE_FILE).stat().st_mtime_ns
        except OSError:
            return 0
