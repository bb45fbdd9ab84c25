"""Make an instance ready to be measured, and say where it is, in the load generator's own format.

`vaguemestre init DIR --domain D --port-base N --json > init.json`, then
`python -m benchmarks.write_target init.json --output target.toml`: a second operator under the TEST authority plays
the sending side (certificate on the whitelist, DKIM key in the settings), and accounts `bench.0000@D` … are opened
in one transaction. The instance must not be running yet. It is for measuring only: its password is in the target.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from vaguemestre.app.dkim_keys import RSA_BITS, public_record
from vaguemestre.app.pki import Authority, CertificateRequest, operator_subject, write_secret
from vaguemestre.app.settings import load_settings
from vaguemestre.app.trust_file import ListedDomain, extend_whitelist
from vaguemestre.kernel.clock import SystemClock

PEER = "peer.mssante.fr"
SELECTOR = "bench"
PASSWORD = "Bench-secret-1"
ACCOUNTS = 1_000
TARGET = """\
# Written by benchmarks/write_target.py.
name = "vaguemestre"
description = "Vaguemestre"

[smtp]
host = {host}
port = {mx}
tls = "starttls"
ca = {ca}
cert = {certificate}
key = {key}
server_name = {domain}

[submission]
host = {host}
port = {submission}
tls = "starttls"
ca = {ca}
server_name = {domain}
auth = true

[imap]
host = {host}
port = {imaps}
tls = "implicit"
ca = {ca}
server_name = {domain}

[accounts]
pattern = {pattern}
count = {count}
password = {password}

[dkim]
domain = {peer}
selector = {selector}
key = {dkim_key}

[server]
pid_files = [{pid_file}]
store = {store}
"""


@dataclass(frozen=True, slots=True)
class SendingSide:
    """Files of the operator that plays the sender."""

    certificate: Path
    key: Path
    dkim_key: Path


def prepare(said: Mapping[str, Any], accounts: int) -> str:
    """Open the accounts, add the sending side, and return the text of the target file.

    Args:
        said: what `vaguemestre init --json` printed.
        accounts: how many mailboxes to open.
    """
    config = Path(said["config"])
    sender = _add_sending_side(config)
    settings = load_settings(config)
    domain = settings.instance.domains[0]
    _open_accounts(config, domain, accounts)
    values = {
        "host": settings.instance.host,
        "mx": said["ports"]["mx"],
        "submission": said["ports"]["submission"],
        "imaps": said["ports"]["imaps"],
        "ca": said["ca"],
        "certificate": sender.certificate,
        "key": sender.key,
        "domain": domain,
        "pattern": f"bench.{{n:04d}}@{domain}",
        "count": accounts,
        "password": PASSWORD,
        "peer": PEER,
        "selector": SELECTOR,
        "dkim_key": sender.dkim_key,
        "pid_file": settings.run_folder() / "vaguemestre.pid",
        "store": settings.folder,
    }
    return TARGET.format(**{name: json.dumps(_plain(value)) for name, value in values.items()})


def _add_sending_side(config: Path) -> SendingSide:
    """Issue a certificate for the sending operator, put it on the whitelist, publish its DKIM key in the settings."""
    settings, now = load_settings(config), SystemClock().now()
    pki = settings.pki.authority.parent
    subject = operator_subject(PEER, "OPERATEUR TEST EXPEDITEUR")
    request = CertificateRequest(subject=subject, hosts=(PEER,), for_client=True)
    Authority.load(pki).issue(request, now).write(pki, "peer")
    whitelist = settings.trust.whitelist
    whitelist.write_bytes(extend_whitelist(whitelist.read_bytes(), ListedDomain(PEER, subject), now))
    side = SendingSide(pki / "peer.pem", pki / "peer.key", pki / "dkim-sender.key")
    key = rsa.generate_private_key(65_537, RSA_BITS)
    write_secret(side.dkim_key, key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()))
    record = public_record(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    line = f"{json.dumps(f'{SELECTOR}._domainkey.{PEER}')} = {json.dumps(record)}\n"
    header = "[dkim.public_keys]\n"
    text = config.read_text(encoding="utf-8")
    config.write_text(text.replace(header, header + line, 1), encoding="utf-8")
    return side


def _open_accounts(config: Path, domain: str, accounts: int) -> None:
    with tempfile.NamedTemporaryFile("w", suffix=".csv", encoding="utf-8") as table:
        table.write("address,type,name\n")
        table.writelines(f"bench.{n:04d}@{domain},PER,Bench {n:04d}\n" for n in range(accounts))
        table.flush()
        command = [sys.executable, "-m", "vaguemestre.app.cli", "mailbox", "add", "--from-csv", table.name]
        subprocess.run(
            [*command, "--password-stdin", "--config", str(config), "--json"],
            input=PASSWORD + "\n",
            text=True,
            stdout=subprocess.DEVNULL,
            check=True,
        )


def _plain(value: object) -> object:
    return str(value) if isinstance(value, Path) else value


def main() -> None:
    """Read the arguments, prepare the instance, write the target."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.write_target", description=__doc__)
    parser.add_argument("init", type=argparse.FileType("r"), help="what `vaguemestre init --json` printed; - for stdin")
    parser.add_argument("--accounts", type=int, default=ACCOUNTS, help="mailboxes to open")
    parser.add_argument("--output", type=Path, help="target file; standard output when absent")
    arguments = parser.parse_args()
    text = prepare(json.load(arguments.init), arguments.accounts)
    if arguments.output is None:
        sys.stdout.write(text)
    else:
        arguments.output.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
