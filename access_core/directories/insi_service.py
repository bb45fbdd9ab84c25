"""The téléservice INSi over HTTPS: an `IdentityService` that asks the national service, by the structure's certificate.

Nothing is trusted of the answer but its meaning: its size is bounded, redirects are not followed. Never called inside
a transaction. What goes wrong is a `TemporaryFailure` that names no person.
"""

import http.client
import ssl
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

from access_core.directories.identities import AnswerCode, IdentityAnswer, Traits
from access_core.directories.insi_messages import (
    ACTION,
    ANSWER_LIMIT_BYTES,
    Software,
    given_names_to_try,
    read_answer,
    write_search,
)
from vaguemestre.kernel.errors import ConfigurationError, TemporaryFailure
from vaguemestre.kernel.tls import CIPHERS_1_2


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class InsiEndpoint:
    """Where the service is: https URL, certificate and key of the structure (PEM), its authorities, wait in seconds.

    AUTHORITY None: those of the system.
    """

    url: str
    certificate: Path
    key: Path
    authority: Path | None
    timeout_s: float


class InsiService:
    """Asks the téléservice for one person at a time.

    Raises:
        ConfigurationError: the URL is not https, or a file is not what it should be.
    """

    def __init__(self, endpoint: InsiEndpoint, software: Software, now: Callable[[], datetime]) -> None:
        parts = urlsplit(endpoint.url)
        if parts.scheme != "https" or parts.hostname is None:
            raise ConfigurationError("INSi: url must be https")
        self._host, self._port, self._path = parts.hostname, parts.port, parts.path or "/"
        self._timeout_s = endpoint.timeout_s
        self._context = _context(endpoint)
        self._software = software
        self._now = now

    def by_traits(self, traits: Traits) -> IdentityAnswer:
        """Look for the one person of these traits, by her given names, then by the first of them alone.

        Raises:
            TemporaryFailure: no answer in time, a fault of the service, or an answer that cannot be used.
        """
        answer = IdentityAnswer(AnswerCode.NONE)
        for given in given_names_to_try(traits.given):
            message = write_search(traits, given, self._software, message_id=str(uuid.uuid4()), now=self._now())
            answer = read_answer(self._post(message))
            if answer.code is not AnswerCode.NONE:
                break
        return answer

    def _post(self, message: bytes) -> bytes:
        headers = {"Content-Type": f'application/soap+xml;charset=utf-8;action="{ACTION}"', "User-Agent": "vaguemestre"}
        connection = http.client.HTTPSConnection(self._host, self._port, timeout=self._timeout_s, context=self._context)
        try:
            connection.request("POST", self._path, message, headers)
            answer = connection.getresponse()
            body = answer.read(ANSWER_LIMIT_BYTES + 1)
        except (OSError, http.client.HTTPException) as error:
            raise TemporaryFailure(f"INSi: no answer: {type(error).__name__}") from None
        finally:
            connection.close()
        # A fault comes with 500 (SOAP 1.2 part 2 §7.5.2.2); its code says more than the status.
        if answer.status not in (http.HTTPStatus.OK, http.HTTPStatus.INTERNAL_SERVER_ERROR):
            raise TemporaryFailure(f"INSi: answered {answer.status}")
        return body


def _context(endpoint: InsiEndpoint) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=endpoint.authority)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers(CIPHERS_1_2)
        context.load_cert_chain(endpoint.certificate, endpoint.key)
    except (OSError, ssl.SSLError) as error:
        raise ConfigurationError(f"INSi: certificate, key or authority: {type(error).__name__}") from None
    return context
