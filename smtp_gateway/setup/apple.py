"""The profile that iPhone, iPad and Mac take: a property list, signed (CMS) with the key of the server.

Source: Apple Configuration Profile Reference, `com.apple.mail.managed`; RFC 5652.
"""

import plistlib
import uuid

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.hazmat.primitives.serialization.pkcs7 import PKCS7Options, PKCS7SignatureBuilder

from smtp_gateway.setup.servers import MailServers, Server
from vaguemestre.kernel.signing_keys import SigningKey


def profile(servers: MailServers, address: str) -> bytes:
    """Write the profile of one mailbox, not signed; the program asks its user for the password."""
    incoming = next(server for server in servers.servers if server.incoming)
    outgoing = next(server for server in servers.servers if not server.incoming)
    content = {
        "EmailAccountDescription": servers.settings.display_name,
        "EmailAccountType": "EmailTypeIMAP",
        "EmailAddress": address,
        "OutgoingPasswordSameAsIncomingPassword": True,
        **_server("Incoming", incoming, address),
        **_server("Outgoing", outgoing, address),
        **_payload("com.apple.mail.managed", f"mail.{address}", servers),
    }
    whole = {
        "PayloadContent": [content],
        "PayloadOrganization": servers.settings.display_name,
        "PayloadRemovalDisallowed": False,
        **_payload("Configuration", address, servers),
    }
    return plistlib.dumps(whole)


def signed(content: bytes, key: SigningKey) -> bytes:
    """Sign a profile: CMS in DER, content inside."""
    builder = PKCS7SignatureBuilder().set_data(content).add_signer(key.certificate, key.key, SHA256())
    return builder.sign(Encoding.DER, [PKCS7Options.Binary, PKCS7Options.NoCapabilities])


def _server(side: str, server: Server, address: str) -> dict[str, object]:
    return {
        f"{side}MailServerAuthentication": "EmailAuthPassword",
        f"{side}MailServerHostName": server.host,
        f"{side}MailServerPortNumber": server.port,
        f"{side}MailServerUseSSL": True,
        f"{side}MailServerUsername": address,
    }


def _payload(kind: str, name: str, servers: MailServers) -> dict[str, object]:
    """Name a payload; the same mailbox always has the same identifier, so that a new profile replaces the old."""
    identifier = uuid.uuid5(uuid.NAMESPACE_DNS, f"{name}.{servers.host}")
    return {
        "PayloadDisplayName": servers.settings.display_name,
        "PayloadIdentifier": f"{servers.host}.{identifier}",
        "PayloadType": kind,
        "PayloadUUID": str(identifier).upper(),
        "PayloadVersion": 1,
    }
