"""The TLS context of a listener and the files that it was made from, so that it can be read again."""

import ssl
from dataclasses import dataclass
from pathlib import Path

from vaguemestre.app.config import PkiSettings
from vaguemestre.kernel.errors import ConfigurationError
from vaguemestre.kernel.log import get_logger
from vaguemestre.kernel.tls import client_context, server_context

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ListenerTls:
    """A context in use. CLIENT_CA is None for a listener that asks no certificate of its clients."""

    context: ssl.SSLContext
    certificate: Path
    key: Path
    client_ca: Path | None = None
    revocation: Path | None = None

    @classmethod
    def of_server(cls, pki: PkiSettings) -> "ListenerTls":
        """Build the context that mail programs meet.

        Raises:
            ConfigurationError: a file cannot be used.
        """
        return cls(server_context(pki.server_certificate, pki.server_key), pki.server_certificate, pki.server_key)

    @classmethod
    def of_operator(cls, pki: PkiSettings) -> "ListenerTls":
        """Build the context that other operators meet: they must show a certificate that is not revoked.

        Raises:
            ConfigurationError: a file cannot be used.
        """
        lists = _lists(pki.revocation)
        context = server_context(pki.operator_certificate, pki.operator_key, client_ca=pki.authority, crls=lists)
        return cls(context, pki.operator_certificate, pki.operator_key, pki.authority, pki.revocation)

    @classmethod
    def of_relay(cls, pki: PkiSettings) -> "ListenerTls":
        """Build the context with which the relay meets other operators, as the one that the MX shows them.

        Raises:
            ConfigurationError: a file cannot be used.
        """
        lists = _lists(pki.revocation)
        context = client_context(pki.operator_certificate, pki.operator_key, authority=pki.authority, crls=lists)
        return cls(context, pki.operator_certificate, pki.operator_key, pki.authority, pki.revocation)

    def reload(self) -> None:
        """Read the files again into the context in use; those that cannot be used leave the old ones in force."""
        lists = _lists(self.revocation)
        try:
            server_context(self.certificate, self.key, client_ca=self.client_ca, crls=lists)
            self.context.load_cert_chain(self.certificate, self.key)
            if lists:
                self.context.verify_flags |= ssl.VerifyFlags.VERIFY_CRL_CHECK_LEAF
            for path in (self.client_ca, *lists):
                if path is not None:
                    self.context.load_verify_locations(path)
        except (ConfigurationError, OSError) as error:
            log.warning("certificate_not_reloaded", error=error)


def _lists(folder: Path | None) -> list[Path]:
    return [] if folder is None else sorted(folder.glob("*.crl.pem"))
