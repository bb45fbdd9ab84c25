"""What mail programs and the DNS are told of this instance, from its settings: the one place where they meet."""

from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from smtp_gateway.dkim_keyring import read_state
from smtp_gateway.dkim_sign import load_signing_keys
from smtp_gateway.setup.apple import signed
from smtp_gateway.setup.dns_records import DnsRecord, records
from smtp_gateway.setup.servers import MailServers
from vaguemestre.app.dkim_keys import public_record
from vaguemestre.app.settings import Settings
from vaguemestre.kernel.signing_keys import load_signing_key


def mail_servers(settings: Settings) -> MailServers:
    """Return the names and ports of the instance."""
    return MailServers.of(
        settings.setup,
        settings.smtp.hostname,
        settings.instance.ports(),
        domains=settings.instance.domains,
        patient_domains=settings.instance.patient_domains,
    )


def dns_records(settings: Settings) -> list[DnsRecord]:
    """Return the records to publish for every domain.

    Raises:
        ConfigurationError: a DKIM key cannot be read.
    """
    form = (Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    state = read_state(settings.dkim)
    keys = load_signing_keys(settings.dkim.key_folder, (*state.signing, *state.next))
    dkim = {each.selector: public_record(each.key.public_key().public_bytes(*form)) for each in keys}
    return records(mail_servers(settings), dkim)


def sign_profile(certificate: Path, key: Path, content: bytes) -> bytes:
    """Sign an Apple profile with the certificate in force now.

    Raises:
        ConfigurationError: certificate or key cannot be used.
    """
    return signed(content, load_signing_key(certificate, key))
