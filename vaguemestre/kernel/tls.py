"""TLS contexts: version 1.2 or better, forward secrecy and authenticated encryption only.

Source: MSS2:ECO.1.1.1, MSS2:ECO.1.1.3 (the exact list of ciphers is not public; this is the usual reading).
"""

import ssl
from collections.abc import Sequence
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.hashes import SHA256

from vaguemestre.kernel.errors import ConfigurationError

CIPHERS_1_2 = "ECDHE+AESGCM:ECDHE+CHACHA20:!aNULL:!eNULL:!PSK"


def server_context(
    certificate: Path, key: Path, *, client_ca: Path | None = None, crls: Sequence[Path] = (), demanded: bool = True
) -> ssl.SSLContext:
    """Build the context of a listener.

    Args:
        certificate: PEM chain, leaf first.
        key: PEM private key.
        client_ca: when given, a client certificate that chains to one of these authorities is asked for.
        crls: PEM revocation lists; when any is given each leaf certificate is checked against them.
        demanded: whether a client that has none, rather than a wrong one, is refused.

    Raises:
        ConfigurationError: a file is missing or is not what it should be.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(CIPHERS_1_2)
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION | ssl.OP_CIPHER_SERVER_PREFERENCE
    try:
        context.load_cert_chain(certificate, key)
        if client_ca is not None:
            context.verify_mode = ssl.CERT_REQUIRED if demanded else ssl.CERT_OPTIONAL
            context.num_tickets = 1  # one holds the client's chain, and costs a tenth of a handshake
            context.load_verify_locations(client_ca)
            for crl in crls:
                context.load_verify_locations(crl)
            check_leaves(context, wanted=bool(crls))
    except (OSError, ssl.SSLError) as error:
        raise ConfigurationError(f"TLS: cannot use {certificate.name} or a file beside it: {error}") from None
    return context


def client_context(certificate: Path, key: Path, *, authority: Path, crls: Sequence[Path] = ()) -> ssl.SSLContext:
    """Build the context of a client that shows a certificate and knows its peers by the subject of theirs.

    The chain is verified against AUTHORITY; the host name is not: the caller compares the subject.

    Raises:
        ConfigurationError: a file is missing or is not what it should be.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(CIPHERS_1_2)
    context.options |= ssl.OP_NO_COMPRESSION
    context.check_hostname = False
    try:
        context.load_cert_chain(certificate, key)
        context.load_verify_locations(authority)
        for crl in crls:
            context.load_verify_locations(crl)
        check_leaves(context, wanted=bool(crls))
    except (OSError, ssl.SSLError) as error:
        raise ConfigurationError(f"TLS: cannot use {certificate.name} or a file beside it: {error}") from None
    return context


def end_point_of(certificate: Path) -> bytes | None:
    """Return the hash of the leaf of a PEM chain to which clients bind SCRAM, None when it has none (RFC 5929 §4.1).

    Raises:
        ConfigurationError: the file cannot be read.
    """
    try:
        leaf = x509.load_pem_x509_certificates(certificate.read_bytes())[0]
        signed_with = leaf.signature_hash_algorithm
    except UnsupportedAlgorithm:
        return None
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"TLS: {certificate.name}: {type(error).__name__}") from None
    if signed_with is None:
        return None  # EdDSA: the RFC names no hash for it
    return leaf.fingerprint(SHA256() if signed_with.name in ("md5", "sha1") else signed_with)


def check_leaves(context: ssl.SSLContext, *, wanted: bool) -> None:
    """Have the handshake look the peer's certificate up in the lists loaded, or not; without one it refuses all."""
    if wanted:
        context.verify_flags |= ssl.VerifyFlags.VERIFY_CRL_CHECK_LEAF
    else:
        context.verify_flags &= ~ssl.VerifyFlags.VERIFY_CRL_CHECK_LEAF
