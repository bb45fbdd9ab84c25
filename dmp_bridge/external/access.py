"""From settings to what calls are made with: the certificates, the key that signs, the identity of the gateway.

The gateway is an automaton of its structure: its VIHF names who answers for it, and no profession.
"""

from pathlib import Path

from dmp_bridge.external.client import Access
from dmp_bridge.external.config import ExternalSettings
from dmp_bridge.external.wire import mutual_tls
from dmp_bridge.transport.vihf_writer import AUTOMATON, Identity, Software
from vaguemestre.kernel.clock import Clock
from vaguemestre.kernel.errors import ConfigurationError
from vaguemestre.kernel.signing_keys import SigningKey, load_signing_key


def load_access(settings: ExternalSettings, clock: Clock) -> Access:
    """Read certificates and keys, and prove that they can be used.

    Raises:
        ConfigurationError: one of them cannot.
    """
    return Access(
        settings=settings,
        tls=mutual_tls(settings),
        key=_signing_key(settings),
        identity=gateway_identity(settings),
        clock=clock,
    )


def gateway_identity(settings: ExternalSettings) -> Identity:
    """Describe the gateway as an automaton of its structure."""
    return Identity(
        subject=settings.responsible,
        name=f"{settings.software} {settings.software_version} {settings.structure_name}",
        roles=(AUTOMATON,),
        mode=settings.mode,
        structure=settings.structure,
        sector=settings.sector,
        version=settings.vihf_version,
        software=Software(
            identifier=settings.software_id,
            name=settings.software,
            version=settings.software_version,
            homologation=settings.homologation,
        ),
    )


def _signing_key(settings: ExternalSettings) -> SigningKey:
    if settings.token_module is None:
        return load_signing_key(settings.signing_certificate, settings.signing_key)
    from vaguemestre.kernel.pkcs11_keys import TokenKey, open_token_key

    place = TokenKey(
        module=settings.token_module, token=settings.token_label, label=settings.token_key, pin=_pin(settings)
    )
    return open_token_key(place, settings.signing_certificate)


def _pin(settings: ExternalSettings) -> str:
    """Return the PIN from the environment, else from its file, which only its owner may read."""
    if settings.pin is not None:
        return settings.pin.get_secret_value()
    if settings.pin_file is None:
        raise ConfigurationError("DMP: token_module needs pin_file, or the PIN in VAGUEMESTRE__DMP__EXTERNAL__PIN")
    return _secret(settings.pin_file)


def _secret(path: Path) -> str:
    try:
        if path.stat().st_mode & 0o077:
            raise ConfigurationError(f"{path.name}: readable by others; chmod 600 it")
        return path.read_text("utf-8").strip()
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{path.name}: cannot be read: {type(error).__name__}") from None
