"""The national directory, asked by FHIR R4: a `ProfessionalDirectory` over HTTPS.

Nothing is trusted of the answer but its meaning: its size is bounded, redirects are not followed, a list or a text
where another thing is expected is an answer that cannot be used. Never called inside a transaction.

Source: mssante.md §10; IG Annuaire Santé (https://gateway.api.esante.gouv.fr/fhir/v2)
"""

import http.client
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

import msgspec

from access_core.directories.directory import Activity, DirectoryEntry
from access_core.identifiers import RPPS, MssAddress
from vaguemestre.kernel.errors import ConfigurationError, InvalidIdentifier, TemporaryFailure

ANSWER_LIMIT_BYTES: Final = 1_000_000
MAILBOX: Final = "https://interop.esante.gouv.fr/ig/fhir/annuaire/StructureDefinition/as-ext-mailbox-mss-metadata"
_PROFESSIONS: Final = "TRE_G15"
_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})
_Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class FhirEndpoint:
    """Where the directory is: base URL (https, or http on loopback), API key, longest wait in seconds."""

    url: str
    api_key: str = ""
    timeout_s: float = 10.0


class FhirDirectory:
    """Asks the service for one professional at a time."""

    def __init__(self, endpoint: FhirEndpoint) -> None:
        parts = urlsplit(endpoint.url)
        if parts.hostname is None or parts.scheme not in ("https", "http"):
            raise ConfigurationError("directory: fhir_url is not an http(s) URL")
        if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
            raise ConfigurationError("directory: fhir_url must be https")
        self._endpoint = endpoint
        self._secure, self._host, self._port = parts.scheme == "https", parts.hostname, parts.port
        self._path = parts.path.rstrip("/")

    def find(self, rpps: RPPS) -> DirectoryEntry | None:
        """Ask for a professional.

        Raises:
            TemporaryFailure: no answer in time, an error of the service, or an answer that cannot be used.
        """
        for wanted in (rpps.national_id, rpps.number):
            bundle = self._get("Practitioner", {"identifier": wanted})
            found = next((each for each in _resources(bundle) if _identifies(each, rpps)), None)
            if found is not None:
                return _entry(rpps, found)
        return None

    def _get(self, resource: str, parameters: Mapping[str, str]) -> _Json:
        headers = {"Accept": "application/fhir+json", "User-Agent": "vaguemestre"}
        if self._endpoint.api_key:
            headers["ESANTE-API-KEY"] = self._endpoint.api_key
        connection = self._connection()
        try:
            connection.request("GET", f"{self._path}/{resource}?{urlencode(parameters)}", headers=headers)
            answer = connection.getresponse()
            body = answer.read(ANSWER_LIMIT_BYTES + 1)
            if answer.status != http.HTTPStatus.OK or len(body) > ANSWER_LIMIT_BYTES:
                raise TemporaryFailure(f"directory: answered {answer.status}, {len(body)} bytes")
            return msgspec.json.decode(body, type=dict[str, Any])
        except (OSError, http.client.HTTPException, msgspec.DecodeError) as error:
            raise TemporaryFailure(f"directory: no usable answer: {type(error).__name__}") from None
        finally:
            connection.close()

    def _connection(self) -> http.client.HTTPConnection:
        timeout = self._endpoint.timeout_s
        if not self._secure:
            return http.client.HTTPConnection(self._host, self._port, timeout=timeout)
        return http.client.HTTPSConnection(
            self._host, self._port, timeout=timeout, context=ssl.create_default_context()
        )


def _resources(bundle: _Json) -> Iterator[_Json]:
    for each in _list(bundle, "entry"):
        resource = each.get("resource")
        if isinstance(resource, dict) and resource.get("resourceType") == "Practitioner":
            yield resource


def _identifies(practitioner: _Json, rpps: RPPS) -> bool:
    values = {each.get("value") for each in _list(practitioner, "identifier")}
    return not values.isdisjoint({rpps.number, rpps.national_id})


def _entry(rpps: RPPS, practitioner: _Json) -> DirectoryEntry:
    name = next(iter(_list(practitioner, "name")), {})
    professions = sorted(
        {
            _text(coding, "code")
            for qualification in _list(practitioner, "qualification")
            for coding in _list(_object(qualification, "code"), "coding")
            if _PROFESSIONS in _text(coding, "system")
        }
    )
    return DirectoryEntry(
        rpps=rpps,
        family=_text(name, "family"),
        given=" ".join(each for each in name.get("given") or () if isinstance(each, str)),
        active=practitioner.get("active", True) is True,
        activities=tuple(Activity(profession=code) for code in professions if code),
        mailboxes=tuple(_mailboxes(practitioner)),
    )


def _mailboxes(practitioner: _Json) -> Iterator[str]:
    """Yield the MSSanté addresses; a mailbox of the red list is not published, even if the service sent it."""
    for telecom in _list(practitioner, "telecom"):
        metadata = [each for each in _list(telecom, "extension") if each.get("url") == MAILBOX]
        listed = any(
            part.get("url") == "listeRouge" and part.get("valueBoolean") is True
            for each in metadata
            for part in _list(each, "extension")
        )
        if metadata and not listed:
            try:
                yield str(MssAddress.parse(_text(telecom, "value")))
            except InvalidIdentifier:
                continue


def _list(value: _Json, key: str) -> list[_Json]:
    found = value.get(key)
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def _object(value: _Json, key: str) -> _Json:
    found = value.get(key)
    return found if isinstance(found, dict) else {}


def _text(value: _Json, key: str) -> str:
    found = value.get(key)
    return found if isinstance(found, str) else ""
