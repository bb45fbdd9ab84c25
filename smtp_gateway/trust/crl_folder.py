"""The revocation lists on disk: those that an operator puts there, and those fetched from distribution points.

Both lie in `[pki] revocation` as `*.crl.pem`, so that TLS, the record and `doctor` read the same. A list that was
fetched has a note beside it (`fetched-….json`) with its address. It replaces another only when it reads, its authority
signed it, and it is not older; else the last good one stays. Source: RFC 5280 §6.3, MSS2:ECO.1.1.7.
"""

import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509

from smtp_gateway.trust.crl import RevocationList, fingerprint_of, read_crl, to_pem
from vaguemestre.kernel.errors import ProtocolError, TemporaryFailure
from vaguemestre.kernel.fetch import HTTP_TOO, Request, fetch
from vaguemestre.kernel.files import replace_file
from vaguemestre.kernel.log import get_logger

PATTERN = "*.crl.pem"
LOOK_EVERY_S = 1.0
log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class FetchLimits:
    """How long a fetch may take, seconds, and how many bytes a list may have."""

    timeout_s: float
    max_bytes: int


class CrlFolder:
    """The newest list of each authority. Safe to share between threads."""

    def __init__(self, folder: Path, authorities: Sequence[x509.Certificate], limits: FetchLimits) -> None:
        self._folder = folder
        self.authorities = tuple(authorities)
        self._limits = limits
        self._looked_at = 0.0
        self._seen: tuple[tuple[str, int, int], ...] = ()
        self._newest: dict[bytes, RevocationList] = {}
        self.generation = 0
        """Grows whenever a list changed."""
        self.look(now=True)

    def newest(self, authority: x509.Certificate) -> RevocationList | None:
        """Return the newest list of an authority, current or not; None when there is none."""
        return self._newest.get(fingerprint_of(authority))

    def look(self, *, now: bool = False) -> None:
        """Read the folder again if a file of it changed; at most once a second unless NOW."""
        if not now and time.monotonic() - self._looked_at < LOOK_EVERY_S:
            return
        self._looked_at = time.monotonic()
        files = sorted(self._folder.glob(PATTERN))
        seen = tuple((file.name, *_mark(file)) for file in files)
        if seen != self._seen:
            self._newest, self._seen = self._read(files), seen
            self.generation += 1

    def refresh(self, url: str) -> bool:
        """Fetch the list of a distribution point if it changed; returns whether a newer one was taken.

        Raises:
            TemporaryFailure: it cannot be fetched; the last good one stays.
            ProtocolError: what came is not a newer list of one of our authorities.
        """
        note = self._note(url)
        request = Request(
            url=url,
            timeout_s=self._limits.timeout_s,
            max_bytes=self._limits.max_bytes,
            schemes=HTTP_TOO,
            headers=_conditions(note),
        )
        fetched = fetch(request)
        if fetched is None:
            return False
        fresh = read_crl(fetched.data, self.authorities)
        held = self._newest.get(fresh.issuer)
        if not fresh.replaces(held):
            raise ProtocolError("revocation list: older than the one held")
        replace_file(note.with_name(note.name.replace(".json", ".crl.pem")), to_pem(fetched.data))
        kept = {"url": url, "If-None-Match": fetched.etag, "If-Modified-Since": fetched.modified}
        replace_file(note, json.dumps(kept).encode())
        self.look(now=True)
        log.info("revocation_list_fetched", count=len(fresh.serials))
        return True

    def refresh_all(self, more: Sequence[str] = ()) -> int:
        """Fetch again every list that was fetched before, and those of MORE; returns how many were replaced."""
        return sum(self._refresh_or_tell(url) for url in dict.fromkeys((*self.addresses(), *more)))

    def addresses(self) -> list[str]:
        """Return the distribution points from which lists were fetched."""
        notes = (_read_note(path).get("url") for path in sorted(self._folder.glob("fetched-*.json")))
        return [url for url in notes if isinstance(url, str)]

    def _refresh_or_tell(self, url: str) -> bool:
        try:
            return self.refresh(url)
        except (ProtocolError, TemporaryFailure) as error:
            log.warning("revocation_list_not_fetched", error=error)
            return False

    def _note(self, url: str) -> Path:
        return self._folder / f"fetched-{hashlib.sha256(url.encode()).hexdigest()[:32]}.json"

    def _read(self, files: Sequence[Path]) -> dict[bytes, RevocationList]:
        newest: dict[bytes, RevocationList] = {}
        for file in files:
            try:
                found = read_crl(file.read_bytes(), self.authorities)
            except (OSError, ProtocolError) as error:
                log.warning("revocation_list_unreadable", error=error)
                continue
            if found.replaces(newest.get(found.issuer)):
                newest[found.issuer] = found
        return newest


def _read_note(path: Path) -> dict[str, object]:
    try:
        note = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return note if isinstance(note, dict) else {}


def _conditions(note: Path) -> dict[str, str]:
    kept = _read_note(note) if note.with_name(note.name.replace(".json", ".crl.pem")).exists() else {}
    return {name: value for name, value in kept.items() if name.startswith("If-") and isinstance(value, str)}


def _mark(path: Path) -> tuple[int, int]:
    """Return what changes with a file's content."""
    try:
        stat = path.stat()
    except OSError:
        return 0, 0
    return stat.st_mtime_ns, stat.st_size
