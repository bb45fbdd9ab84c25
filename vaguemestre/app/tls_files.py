"""The TLS context of a listener and the files that it was made from, so that they can be read again.

A handshake refuses a revoked certificate at once while the lists in the folder are current and cover every authority
that issues; else it would refuse everybody, and the gateway's own check (`smtp_gateway/trust/revocation.py`), which
follows in any case, judges alone by its settings.
"""

import ssl
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509

from smtp_gateway.trust.crl import fingerprint_of, read_crl
from vaguemestre.app.config import PkiSettings
from vaguemestre.kernel.errors import ConfigurationError, ProtocolError
from vaguemestre.kernel.log import get_logger
from vaguemestre.kernel.tls import check_leaves, client_context, end_point_of, server_context

PATTERN = "*.crl.pem"
log = get_logger(__name__)


@dataclass(slots=True)
class ListenerTls:
    """A context in use. CLIENT_CA is None for a listener that asks no certificate of its clients.

    END_POINT is the hash of our certificate to which clients bind SCRAM, None when it has none.
    """

    context: ssl.SSLContext
    certificate: Path
    key: Path
    client_ca: Path | None = None
    revocation: Path | None = None
    demanded: bool = True
    end_point: bytes | None = None
    _read: "tuple[Path, ...]" = field(default=(), repr=False)
    _marks: "tuple[tuple[str, int], ...]" = field(default=(), repr=False)

    @classmethod
    def of_server(cls, pki: PkiSettings, *, ask_clients: bool) -> "ListenerTls":
        """Build the context that mail programs meet.

        Args:
            ask_clients: whether they are asked for a certificate, which they need not have; whether it was revoked
                is looked at when they sign in with it, since a program may also sign in by something else.

        Raises:
            ConfigurationError: a file cannot be used.
        """
        authority = pki.authority if ask_clients else None
        context = server_context(pki.server_certificate, pki.server_key, client_ca=authority, demanded=False)
        return cls(
            context,
            pki.server_certificate,
            pki.server_key,
            authority,
            demanded=False,
            end_point=end_point_of(pki.server_certificate),
        )

    @classmethod
    def of_operator(cls, pki: PkiSettings, *, shared: bool = False) -> "ListenerTls":
        """Build the context that other operators meet: they must show a certificate that is not revoked.

        Args:
            pki: the files.
            shared: whether several processes serve the port. They give no tickets then: one costs a fifth of a
                handshake, and only the process that gave it could take it back.

        Raises:
            ConfigurationError: a file cannot be used.
        """
        lists = usable_lists(pki.revocation, pki.authority)
        context = server_context(pki.operator_certificate, pki.operator_key, client_ca=pki.authority, crls=lists)
        if shared:
            context.num_tickets = 0
        return cls._of_pair(context, pki, lists)

    @classmethod
    def of_relay(cls, pki: PkiSettings) -> "ListenerTls":
        """Build the context with which the relay meets other operators, as the one that the MX shows them.

        Raises:
            ConfigurationError: a file cannot be used.
        """
        lists = usable_lists(pki.revocation, pki.authority)
        context = client_context(pki.operator_certificate, pki.operator_key, authority=pki.authority, crls=lists)
        return cls._of_pair(context, pki, lists)

    @classmethod
    def _of_pair(cls, context: ssl.SSLContext, pki: PkiSettings, lists: tuple[Path, ...]) -> "ListenerTls":
        made = cls(context, pki.operator_certificate, pki.operator_key, pki.authority, pki.revocation, _read=lists)
        made._marks = made._marks_now()
        return made

    def reload(self) -> None:
        """Read the files again into the context in use; those that cannot be used leave the old ones in force."""
        try:
            lists = () if self.revocation is None or self.client_ca is None else self._lists_now()
            server_context(self.certificate, self.key, client_ca=self.client_ca, crls=lists)
            end_point = end_point_of(self.certificate)
            self.context.load_cert_chain(self.certificate, self.key)
            self.end_point = end_point
            for path in (self.client_ca, *lists):
                if path is not None:
                    self.context.load_verify_locations(path)
            check_leaves(self.context, wanted=bool(lists))
            self._read, self._marks = lists, self._marks_now()
        except (ConfigurationError, OSError) as error:
            log.warning("certificate_not_reloaded", error=error)

    def follow(self) -> bool:
        """Read the revocation lists again if one was added, replaced or has expired since; returns whether."""
        if self.revocation is None or (self._marks_now() == self._marks and self._lists_now() == self._read):
            return False
        self.reload()
        return True

    def _lists_now(self) -> tuple[Path, ...]:
        return usable_lists(self.revocation, self.client_ca)

    def _marks_now(self) -> tuple[tuple[str, int], ...]:
        files = sorted(self.revocation.glob(PATTERN)) if self.revocation is not None else []
        return tuple((file.name, file.stat().st_mtime_ns) for file in files)


def usable_lists(folder: Path | None, authority: Path | None) -> tuple[Path, ...]:
    """Return the lists that a handshake may ask for: current ones, when each authority that issues has one; else none.

    Raises:
        ConfigurationError: the authorities cannot be read.
    """
    if folder is None or authority is None:
        return ()
    try:
        authorities = x509.load_pem_x509_certificates(authority.read_bytes())
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"TLS: {authority.name}: {type(error).__name__}") from None
    now, covered, current = datetime.now(UTC), set(), []
    for file in sorted(folder.glob(PATTERN)):
        try:
            found = read_crl(file.read_bytes(), authorities)
        except (OSError, ProtocolError):
            continue
        if found.is_current(now):
            covered.add(found.issuer)
            current.append(file)
    below = [each for each in authorities if each.subject != each.issuer]
    needed = {fingerprint_of(each) for each in below or authorities}
    return tuple(current) if needed <= covered else ()
