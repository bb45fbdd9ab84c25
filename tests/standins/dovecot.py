"""A Dovecot of Debian's with one mailbox, private to the test run: IMAP with implicit TLS on a free port."""

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.fictional.structure_keys import RsaPair
from tests.fictional.watched_mailbox import WatchedMailbox
from tests.standins.ports import free_port, wait_for_port

LOGIN, PASSWORD = "integration@ch.test", "Facteur-des-couloirs-7"
CONFIGURATION = """
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/dovecot.log
protocols = imap
listen = 127.0.0.1
ssl = required
ssl_cert = <{folder}/server.pem
ssl_key = <{folder}/server.key
disable_plaintext_auth = yes
mail_location = maildir:{folder}/mail
first_valid_uid = 1
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid=nobody gid=nogroup home={folder}/mail
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = 0
  }}
  inet_listener imaps {{
    port = {port}
    ssl = yes
  }}
}}
"""


@contextlib.contextmanager
def start_dovecot(pair: RsaPair, authority: bytes) -> Iterator[WatchedMailbox]:
    """Serve until the block ends; needs to be root, as Dovecot does."""
    folder = Path(tempfile.mkdtemp(prefix="vaguemestre-dovecot-"))
    folder.chmod(0o755)
    pair.write(folder, "server")
    (folder / "ca.pem").write_bytes(authority)
    (folder / "mail").mkdir()
    shutil.chown(folder / "mail", "nobody", "nogroup")
    port = free_port()
    file = folder / "dovecot.conf"
    file.write_text(CONFIGURATION.format(folder=folder, password=PASSWORD, port=port))
    environment = {**os.environ, "PATH": f"{os.environ['PATH']}:/usr/sbin"}
    with subprocess.Popen(["dovecot", "-F", "-c", str(file)], env=environment) as process:
        try:
            wait_for_port(port)
            yield WatchedMailbox(port, folder / "ca.pem", LOGIN, PASSWORD)
        finally:
            process.terminate()
            process.wait(30)
            shutil.rmtree(folder, ignore_errors=True)
