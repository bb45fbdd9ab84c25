"""Is a peer's certificate still good? Asked at each greeting, of resumed TLS sessions too: they verify nothing.

Lists first (`crl_folder.py`), then the responder that the certificate names, if any; what was learnt is remembered
until it is due again or a list changes. `standing.py` judges. Source: RFC 5280 §6.3, RFC 6960, domain note §4.1 step 2,
MSS2:ECO.1.1.6.
"""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TypeVar

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256

from smtp_gateway.config import TrustSettings
from smtp_gateway.trust import ocsp
from smtp_gateway.trust.crl import distribution_points, issuer_of
from smtp_gateway.trust.crl_folder import CrlFolder, FetchLimits
from smtp_gateway.trust.standing import Known, Source, Standing, Verdict, judge
from vaguemestre.kernel.clock import Clock
from vaguemestre.kernel.errors import ConfigurationError, ProtocolError, TemporaryFailure
from vaguemestre.kernel.fetch import HTTP_TOO, Request, fetch
from vaguemestre.kernel.log import get_logger

T = TypeVar("T")
MEMORY_LIMIT = 10_000
OCSP_BYTES = 65_536
FAILURE_PAUSE = timedelta(seconds=60)
LONGEST_MEMORY = timedelta(hours=1)
log = get_logger(__name__)


class Revocation:
    """Checks certificates; one per process, safe to share between threads."""

    def __init__(self, folder: CrlFolder, settings: TrustSettings, clock: Clock) -> None:
        self.folder = folder
        self._settings = settings
        self._clock = clock
        self._known: dict[bytes, tuple[int, Verdict]] = {}
        self._answers: dict[bytes, ocsp.Answer] = {}
        self._asked_in_vain: dict[str, datetime] = {}
        self._under_way: dict[bytes, asyncio.Task[Verdict]] = {}

    @classmethod
    def build(cls, authority: Path, lists: Path, settings: TrustSettings, clock: Clock) -> "Revocation":
        """Read the authorities and the lists.

        Raises:
            ConfigurationError: the authorities cannot be read.
        """
        try:
            authorities: Sequence[x509.Certificate] = x509.load_pem_x509_certificates(authority.read_bytes())
        except (OSError, ValueError):
            raise ConfigurationError(f"{authority.name} : autorités illisibles") from None
        limits = FetchLimits(settings.revocation_timeout_s, settings.max_crl_bytes)
        return cls(CrlFolder(lists, authorities, limits), settings, clock)

    def lets_pass(self, verdict: Verdict) -> bool:
        """Tell whether a peer whose certificate stands so may go on."""
        accepted = self._settings.revocation_unknown == "accept"
        return verdict.standing is Standing.GOOD or (verdict.standing is Standing.UNKNOWN and accepted)

    async def check(self, certificate: bytes) -> Verdict:
        """Say how a certificate (DER, its chain verified by the handshake) stands now.

        Raises:
            ValueError: not a certificate.
        """
        remembered = self._remembered(certificate)
        if remembered is not None:
            return remembered
        task = self._under_way.get(certificate)
        if task is None:
            task = asyncio.create_task(asyncio.to_thread(self.check_now, certificate))
            self._under_way[certificate] = task
            task.add_done_callback(lambda _done: self._under_way.pop(certificate, None))
        return await asyncio.shield(task)

    def check_now(self, certificate: bytes) -> Verdict:
        """Do as `check` does, blocking the calling thread."""
        generation, now = self.folder.generation, self._clock.now()
        verdict = self._examine(x509.load_der_x509_certificate(certificate), now)
        if len(self._known) >= MEMORY_LIMIT:
            self._known.clear()
            self._answers.clear()
        self._known[certificate] = (generation, verdict)
        return verdict

    def reload(self) -> None:
        """Read the lists again, now."""
        self.folder.look(now=True)

    def _remembered(self, certificate: bytes) -> Verdict | None:
        self.folder.look()
        generation, verdict = self._known.get(certificate, (0, None))
        if verdict is None or generation != self.folder.generation or verdict.until <= self._clock.now():
            return None
        return verdict

    def _examine(self, certificate: x509.Certificate, now: datetime) -> Verdict:
        if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
            return Verdict(Standing.EXPIRED, "hors de ses dates de validité", now)
        issuer = issuer_of(certificate, self.folder.authorities)
        if issuer is None:
            return Verdict(Standing.UNKNOWN, "son autorité n'est pas dans [pki] authority", now)
        above = issuer_of(issuer, self.folder.authorities)
        if above is not None and self._by_list(issuer, above, now)[0] is Source.REVOKED:
            return Verdict(Standing.REVOKED, "son autorité est révoquée", now)
        return self._verdict(certificate, issuer, now)

    def _verdict(self, certificate: x509.Certificate, issuer: x509.Certificate, now: datetime) -> Verdict:
        by_list, list_until = self._by_list(certificate, issuer, now)
        by_responder, answer_until = self._by_responder(certificate, issuer, now)
        known = Known(
            by_list,
            by_responder,
            names_list=bool(distribution_points(certificate)),
            names_responder=bool(ocsp.responders(certificate)),
        )
        standing, why = judge(known, expired_list=self._settings.expired_crl, responder=self._settings.ocsp)
        until = min(now + LONGEST_MEMORY, list_until, answer_until)
        if standing is Standing.UNKNOWN:
            until = min(until, now + FAILURE_PAUSE)
            log.warning("revocation_unknown", state=known.by_list, status=known.by_responder)
        return Verdict(standing, why, until)

    def _by_list(
        self, certificate: x509.Certificate, issuer: x509.Certificate, now: datetime
    ) -> tuple[Source, datetime]:
        held = self.folder.newest(issuer)
        if held is None or not held.is_current(now):
            for url in distribution_points(certificate):
                self._try(url, now, partial(self.folder.refresh, url))
            held = self.folder.newest(issuer)
        if held is None:
            return Source.ABSENT, now + FAILURE_PAUSE
        if certificate.serial_number in held.serials:
            return Source.REVOKED, now + LONGEST_MEMORY
        if not held.is_current(now):
            return Source.OUTDATED, now + FAILURE_PAUSE
        return Source.GOOD, held.due_at or now + LONGEST_MEMORY

    def _by_responder(
        self, certificate: x509.Certificate, issuer: x509.Certificate, now: datetime
    ) -> tuple[Source, datetime]:
        addresses = ocsp.responders(certificate) if self._settings.ocsp != "off" else ()
        answer = self._ask_once(addresses, certificate, issuer, now)
        if answer is None or answer.status is ocsp.Status.UNKNOWN:
            return Source.ABSENT, now + (FAILURE_PAUSE if addresses else LONGEST_MEMORY)
        return (Source.GOOD if answer.status is ocsp.Status.GOOD else Source.REVOKED), answer.good_until

    def _ask_once(
        self, addresses: Sequence[str], certificate: x509.Certificate, issuer: x509.Certificate, now: datetime
    ) -> ocsp.Answer | None:
        """Return the answer that is still good, else a new one; None when no responder answers."""
        key = certificate.fingerprint(SHA256())
        held = self._answers.get(key)
        if held is not None and now < held.good_until:
            return held
        for url in addresses:
            answer = self._try(url, now, partial(self._ask, url, certificate, issuer, now))
            if answer is not None:
                self._answers[key] = answer
                return answer
        return None

    def _ask(self, url: str, certificate: x509.Certificate, issuer: x509.Certificate, now: datetime) -> ocsp.Answer:
        question = ocsp.Question.about(certificate, issuer)
        request = Request(
            url=url,
            timeout_s=self._settings.revocation_timeout_s,
            max_bytes=OCSP_BYTES,
            schemes=HTTP_TOO,
            headers={"Content-Type": ocsp.MEDIA_TYPE},
            body=question.to_bytes(),
        )
        fetched = fetch(request)
        held = self.folder.newest(issuer)
        wanted = ocsp.Wanted(
            nonce=self._settings.ocsp_nonce == "required", revoked=held.serials if held is not None else frozenset()
        )
        return ocsp.read_answer(fetched.data if fetched is not None else b"", question, now, wanted)

    def _try(self, url: str, now: datetime, ask: Callable[[], T]) -> T | None:
        """Ask somebody on the network, unless it was in vain a moment ago; None when nothing good came."""
        if self._asked_in_vain.get(url, now) > now:
            return None
        try:
            return ask()
        except (ConfigurationError, ProtocolError, TemporaryFailure) as error:
            self._asked_in_vain[url] = now + FAILURE_PAUSE
            log.warning("revocation_source_failed", error=error)
            return None
