"""A real Postfix as the other operator: private, on loopback, mutual TLS both ways, mail in a Maildir."""

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.standins.ports import free_port, wait_for_port

MASTER = Path("/usr/share/postfix/master.cf.dist")
MAIN = """compatibility_level = 3.6
queue_directory = {folder}/spool
data_directory = {folder}/data
maillog_file_prefixes = {folder}
maillog_file = {folder}/maillog
syslog_name = operator-{port}
multi_instance_name = postfix-{port}
myhostname = mx.peer.test
mydomain = peer.test
myorigin = {domain}
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
alias_maps =
alias_database =
disable_dns_lookups = yes
smtp_host_lookup = native
virtual_mailbox_domains = {domain}
virtual_mailbox_maps = inline:{{ {known}=mail/ }}
virtual_mailbox_base = {folder}/boxes
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
virtual_minimum_uid = 1
virtual_transport = virtual
transport_maps = inline:{{ {transports} }}
smtpd_tls_cert_file = {pki}/peer.pem
smtpd_tls_key_file = {pki}/peer.key
smtpd_tls_CAfile = {pki}/ca.pem
smtpd_tls_security_level = may
smtpd_tls_protocols = >=TLSv1.2
smtpd_tls_ask_ccert = yes
smtpd_tls_ccert_verifydepth = 3
smtpd_tls_received_header = yes
smtp_tls_cert_file = {pki}/peer.pem
smtp_tls_key_file = {pki}/peer.key
smtp_tls_CAfile = {pki}/ca.pem
smtp_tls_loglevel = 1
smtp_tls_security_level = secure
smtp_tls_secure_cert_match = localhost
smtp_tls_mandatory_protocols = >=TLSv1.2
minimal_backoff_time = 1s
maximal_backoff_time = 2s
queue_run_delay = 1s
delay_warning_time = {delay}
confirm_delay_cleared = no
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_recipient_restrictions = reject_unlisted_recipient
"""


@dataclass(frozen=True)
class Site:
    """What a Postfix is told: its domain, the one mailbox it has, where other domains are (domain -> port)."""

    pki: Path
    domain: str
    known: str
    routes: dict[str, int]
    delay: str = "0h"
    """When it tells a sender that it is still trying."""


class PostfixServer:
    """A running Postfix."""

    def __init__(self, folder: Path, site: Site) -> None:
        self.folder = folder
        self.port = free_port()
        """Of operators: TLS with a client certificate that it verifies."""
        self.inside = free_port()
        """Of its own people."""
        for name in ("etc", "spool", "data", "boxes"):
            (folder / name).mkdir()
        shutil.copytree(site.pki, folder / "pki")
        shutil.chown(folder / "data", "postfix")
        shutil.chown(folder / "boxes", "nobody", "nogroup")
        nobody = (folder / "boxes").stat()
        routes = ", ".join(f"{{{domain}=smtp:[127.0.0.1]:{port}}}" for domain, port in site.routes.items())
        text = MAIN.format(
            folder=folder,
            pki=folder / "pki",
            port=self.port,
            domain=site.domain,
            known=site.known,
            transports=routes,
            delay=site.delay,
            uid=nobody.st_uid,
            gid=nobody.st_gid,
        )
        (folder / "etc/main.cf").write_text(text, encoding="ascii")
        (folder / "etc/master.cf").write_text("".join(self._services()), encoding="ascii")

    def _services(self) -> Iterator[str]:
        """Yield Debian's own services, none in a chroot, no listener but ours."""
        elsewhere = {"maildrop", "uucp", "ifmail", "bsmtp", "scalemail-backend", "mailman", "postlog"}
        for line in MASTER.read_text(encoding="ascii").splitlines():
            fields = line.split()
            if not line[:1].strip(" \t#") or len(fields) < 8 or fields[1] == "inet" or fields[0] in elsewhere:
                continue
            fields[4] = "n"
            yield " ".join(fields) + "\n"
        yield f"127.0.0.1:{self.port} inet n - n - - smtpd\n"
        yield " -o smtpd_tls_security_level=encrypt\n -o smtpd_tls_req_ccert=yes\n"
        yield f"127.0.0.1:{self.inside} inet n - n - - smtpd\n"
        yield " -o smtpd_tls_security_level=none\n"
        yield "postlog unix-dgram n - n - 1 postlogd\n"

    def control(self, word: str) -> None:
        """Run `postfix WORD` on this instance.

        Raises:
            CalledProcessError: it refuses; its log says why.
        """
        subprocess.run(["postfix", "-c", str(self.folder / "etc"), word], check=True, capture_output=True)

    def messages(self) -> list[bytes]:
        """Return what its mailbox holds, oldest first."""
        found = sorted((self.folder / "boxes/mail/new").glob("*"), key=lambda path: path.stat().st_mtime_ns)
        return [path.read_bytes() for path in found]

    def log(self) -> str:
        """Return what it wrote to its log."""
        path = self.folder / "maillog"
        return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""


@contextlib.contextmanager
def start_postfix(site: Site) -> Iterator[PostfixServer]:
    """Start a Postfix on a free port of the loopback interface; stop it and remove its files afterwards."""
    assert os.geteuid() == 0
    folder = Path(tempfile.mkdtemp(prefix="vaguemestre-postfix-"))
    folder.chmod(0o755)
    try:
        server = PostfixServer(folder, site)
        server.control("start")
        try:
            wait_for_port(server.port)
            yield server
        finally:
            server.control("stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
