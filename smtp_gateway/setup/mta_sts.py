"""The policy by which senders insist on our TLS, and the record that announces it. Source: RFC 8461 §3.1, §3.2."""

import hashlib

from smtp_gateway.setup.servers import MailServers


def policy(servers: MailServers) -> bytes:
    """Write `/.well-known/mta-sts.txt`; it is the same for every domain."""
    settings = servers.settings
    lines = [
        "version: STSv1",
        f"mode: {settings.mta_sts_mode}",
        *(f"mx: {host}" for host in servers.mx_hosts),
        f"max_age: {settings.mta_sts_max_age_s}",
    ]
    return "".join(f"{line}\r\n" for line in lines).encode("ascii")


def announcement(servers: MailServers) -> str:
    """Return the TXT record; its id changes when the policy does."""
    return f"v=STSv1; id={hashlib.sha256(policy(servers)).hexdigest()[:20]};"
