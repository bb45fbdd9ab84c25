"""DKIM verification at the MX: which signatures of a message verify, as Authentication-Results (RFC 8601).

Trust between operators comes from certificates and the whitelist; DKIM only informs, it refuses nothing. The
body is hashed while it streams to the store, and keys are parsed once. Source: RFC 6376 §6.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from smtp_gateway.dkim_body import BodyHash
from smtp_gateway.dkim_signature import (
    PublishedKey,
    Signature,
    body_forms,
    parse_key,
    parse_signature,
    verify,
)
from smtp_gateway.header import HeaderBlock
from vaguemestre.kernel.clock import Clock
from vaguemestre.kernel.errors import (
    ConfigurationError,
    IntegrityError,
    ProtocolError,
    TemporaryFailure,
    VaguemestreError,
)

KEY_LIFETIME_S = 3_600.0
FAILURE_LIFETIME_S = 60.0
MAX_KEYS = 1_000
LEEWAY_S = 36_000  # for signers whose clock is wrong, as dkimpy has it


class Outcome(StrEnum):
    """The results of RFC 8601 §2.7.1 that occur here."""

    PASS = "pass"  # noqa: S105  a result, not a secret
    FAIL = "fail"
    NONE = "none"
    POLICY = "policy"
    TEMPERROR = "temperror"
    PERMERROR = "permerror"


@dataclass(frozen=True, slots=True)
class DkimResult:
    """What became of one signature."""

    outcome: Outcome
    domain: str = ""
    selector: str = ""

    def __str__(self) -> str:
        properties = f" header.d={self.domain} header.s={self.selector}" if self.domain else ""
        return f"dkim={self.outcome}{properties}"


class KeyRecords(Protocol):
    """Where key records are published."""

    async def record(self, name: str) -> str | None:
        """Return the text of the TXT record of NAME, None when there is none.

        Raises:
            TemporaryFailure: nobody answered.
        """


class KeyCache:
    """Public keys by name: those of the settings for ever, those of DNS for an hour, failures for a minute.

    Raises:
        ConfigurationError: a key of the settings is not usable.
    """

    def __init__(self, fixed: Mapping[str, str], records: KeyRecords | None, clock: Clock) -> None:
        self._fixed = {name.lower().rstrip("."): _configured(name, record) for name, record in fixed.items()}
        self._records = records
        self._clock = clock
        self._found: dict[str, tuple[float, PublishedKey | VaguemestreError]] = {}

    async def key(self, name: str) -> PublishedKey:
        """Return the key published under NAME.

        Raises:
            ProtocolError: there is no usable key.
            TemporaryFailure: DNS does not answer.
        """
        fixed = self._fixed.get(name)
        if fixed is not None:
            return fixed
        found = self._found.get(name)
        if found is None or found[0] <= self._clock.monotonic():
            found = await self._ask(name)
        if isinstance(found[1], VaguemestreError):
            raise found[1]
        return found[1]

    async def _ask(self, name: str) -> tuple[float, PublishedKey | VaguemestreError]:
        key: PublishedKey | VaguemestreError
        try:
            record = await self._records.record(name) if self._records is not None else None
            key = parse_key(record) if record is not None else ProtocolError("DKIM: no key record")
        except (ProtocolError, TemporaryFailure) as error:
            key = error.with_traceback(None)
        lifetime = FAILURE_LIFETIME_S if isinstance(key, VaguemestreError) else KEY_LIFETIME_S
        if len(self._found) >= MAX_KEYS:
            self._found.clear()
        self._found[name] = found = (self._clock.monotonic() + lifetime, key)
        return found


def _configured(name: str, record: str) -> PublishedKey:
    try:
        return parse_key(record)
    except ProtocolError as error:
        raise ConfigurationError(f'[dkim.public_keys] "{name}": {error}') from None


class DkimCheck:
    """The check of one message: made from its header, fed with its body."""

    __slots__ = ("_bodies", "_broken", "_header", "_signatures")

    def __init__(self, header: HeaderBlock, *, max_signatures: int) -> None:
        self._header = header
        self._signatures: list[Signature] = []
        self._broken = 0
        for field in header.all(b"dkim-signature")[:max_signatures]:
            try:
                self._signatures.append(parse_signature(field))
            except ProtocolError:
                self._broken += 1
        self._bodies = {
            (relaxed, length): BodyHash(relaxed=relaxed, length=length)
            for relaxed, length in body_forms(self._signatures)
        }

    def update(self, chunk: bytes) -> None:
        """Take the next bytes of the body."""
        for body in self._bodies.values():
            body.update(chunk)

    async def finish(self, keys: KeyCache, *, now_s: float) -> list[DkimResult]:
        """Return one result per signature, or a single `none`; NOW_S is Unix time."""
        digests = {form: (body.digest(), body.size_bytes) for form, body in self._bodies.items()}
        results = []
        for signature in self._signatures:
            digest, size_bytes = digests[signature.relaxed_body, signature.length]
            whole = digest == signature.body_hash and size_bytes >= (signature.length or 0)
            if not whole or _is_out_of_date(signature, now_s):
                outcome = Outcome.FAIL
            else:
                outcome = await self._signature_outcome(signature, keys)
            if outcome is Outcome.PASS and signature.length is not None and signature.length < size_bytes:
                outcome = Outcome.POLICY  # the rest of the body is unsigned: anybody could have added it
            results.append(DkimResult(outcome, signature.domain, signature.selector))
        results += [DkimResult(Outcome.PERMERROR)] * self._broken
        return results or [DkimResult(Outcome.NONE)]

    async def _signature_outcome(self, signature: Signature, keys: KeyCache) -> Outcome:
        try:
            verify(signature, self._header, await keys.key(signature.key_name))
        except IntegrityError:
            return Outcome.FAIL
        except ProtocolError:
            return Outcome.PERMERROR
        except TemporaryFailure:
            return Outcome.TEMPERROR
        return Outcome.PASS


def _is_out_of_date(signature: Signature, now_s: float) -> bool:
    signed_at, expires_at = signature.signed_at or 0, signature.expires_at
    if expires_at is not None and (expires_at < now_s - LEEWAY_S or expires_at < signed_at):
        return True
    return signed_at > now_s + LEEWAY_S


def authentication_results(hostname: str, results: list[DkimResult]) -> bytes:
    """Return the header field that tells the results (RFC 8601 §2.2)."""
    lines = ";\r\n\t".join([f"Authentication-Results: {hostname}", *map(str, results)])
    return lines.encode("ascii") + b"\r\n"
