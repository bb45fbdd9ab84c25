"""From bytes to a whitelist that may be used: parsed once, its signature checked as the settings want it.

Every list enters here, the one in force at start included. Source: domain note §3.1, setting `[trust] signature`.
"""

from dataclasses import replace
from datetime import datetime

from lxml import etree

from smtp_gateway.config import TrustSettings
from smtp_gateway.trust.signature import Signers, is_signed, read_signed
from smtp_gateway.trust.whitelist import Whitelist, instant_of, read_whitelist
from vaguemestre.kernel.errors import ConfigurationError, ProtocolError
from vaguemestre.kernel.xml import parse_xml


def admit_list(data: bytes, settings: TrustSettings, at: datetime | None = None) -> Whitelist:
    """Read a list.

    Args:
        data: the national XML.
        settings: how large it may be, whether it must be signed and by whom.
        at: when the signer's certificate must be valid; None: when the list says it was made (a list that was
            taken once stays good after its signer's certificate ended).

    Raises:
        ProtocolError: not a list, or not signed as wanted.
        ConfigurationError: it is signed and nothing says by whom it may be.
    """
    root = parse_xml(data, max_bytes=settings.max_bytes)
    if settings.signature == "ignored" or (settings.signature == "if_present" and not is_signed(root)):
        return read_whitelist(root)
    if not is_signed(root):
        raise ProtocolError("whitelist: not signed (setting trust.signature)")
    if settings.signers is None:
        raise ConfigurationError("trust.signers : la liste est signée, dites par quels certificats elle peut l'être")
    return _admit_signed(root, Signers.load(settings.signers, settings.signer), settings, at)


def load_list(settings: TrustSettings) -> Whitelist:
    """Read the list in force from its file.

    Raises:
        ConfigurationError: the file cannot be read or may not be used; says which.
    """
    try:
        return admit_list(settings.whitelist.read_bytes(), settings)
    except (OSError, ProtocolError) as error:
        raise ConfigurationError(f"{settings.whitelist.name}: no usable whitelist: {error}") from None


def _admit_signed(root: etree._Element, signers: Signers, settings: TrustSettings, at: datetime | None) -> Whitelist:
    signed = read_signed(root, signers, at or instant_of(root))
    found = read_whitelist(parse_xml(signed.content, max_bytes=settings.max_bytes))
    return replace(found, signer=signed.signer)
