"""`vaguemestre init`: everything that a fresh instance needs, in one folder.

Either the whole folder is written and the catalogue migrated, or nothing stays.
"""

import json
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from dmp_bridge.config import TEST_INS_AUTHORITIES
from vaguemestre.app.dkim_keys import DkimKey, create_dkim_keys
from vaguemestre.app.migrations import migrate
from vaguemestre.app.pki import Authority, CertificateRequest, operator_subject, write_secret
from vaguemestre.app.record_choice import ONLY_HERE, ChosenRecord
from vaguemestre.app.settings import Settings, load_settings
from vaguemestre.app.trust_file import ListedDomain, render_whitelist
from vaguemestre.kernel.errors import ConfigurationError, VaguemestreError
from vaguemestre.kernel.keys import InstanceKey

CONFIG_NAME = "vaguemestre.toml"
ORGANISATION = "OPERATEUR TEST"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What the caller decided: names, addresses and places; URLs as in the settings."""

    folder: Path
    domains: tuple[str, ...]
    patient_domains: tuple[str, ...] = ("patient.mssante.fr",)
    port_base: int = 0
    host: str = "127.0.0.1"
    database_url: str = "sqlite:///catalogue.db"
    blobs_url: str = "file:blobs"
    record: ChosenRecord = ONLY_HERE


def initialise(plan: Plan, now: datetime) -> Settings:
    """Write the folder of PLAN and migrate its catalogue; returns the settings read back.

    Raises:
        ConfigurationError: the folder holds something already, or a value of the plan cannot be used.
        TemporaryFailure: the database cannot be reached.
    """
    if plan.folder.exists() and (not plan.folder.is_dir() or any(plan.folder.iterdir())):
        raise ConfigurationError(f"{plan.folder} : ce dossier n'est pas vide ; choisissez-en un autre")
    plan.folder.mkdir(parents=True, exist_ok=True)
    plan.folder.chmod(0o700)  # the catalogue holds names
    try:
        return _fill(plan, now)
    except (VaguemestreError, OSError):
        _empty(plan.folder)
        raise


def _fill(plan: Plan, now: datetime) -> Settings:
    for name in ("keys", "pki", "run"):
        (plan.folder / name).mkdir(mode=0o700)
    keys = create_dkim_keys()
    for key in keys:
        key.write(plan.folder / "keys")
    InstanceKey.create(plan.folder / "keys" / "instance.key")
    write_secret(plan.folder / CONFIG_NAME, render_config(plan, keys).encode())
    settings = load_settings(plan.folder / CONFIG_NAME, {})
    _write_trust(plan, now)
    migrate(settings.database_url())
    return settings


def _write_trust(plan: Plan, now: datetime) -> None:
    """Write the TEST authority, the certificates that it issues, its empty revocation list and the whitelist."""
    pki = plan.folder / "pki"
    authority = Authority.create(now)
    authority.save(pki)
    plan.record.write_certificates(authority, pki, now)
    (pki / "ca.crl.pem").write_bytes(authority.revocation_list((), now))
    hosts = tuple(dict.fromkeys(("localhost", "127.0.0.1", "::1", plan.host, *plan.domains, *plan.patient_domains)))
    subject = operator_subject(plan.domains[0], ORGANISATION)
    authority.issue(CertificateRequest(subject=subject, hosts=hosts), now).write(pki, "server")
    operator = CertificateRequest(subject=subject, hosts=hosts, for_client=True)
    authority.issue(operator, now).write(pki, "operator")
    rows = [ListedDomain(domain, subject) for domain in (*plan.domains, *plan.patient_domains)]
    (plan.folder / "whitelist.xml").write_bytes(render_whitelist(rows, now))


def render_config(plan: Plan, keys: Iterable[DkimKey]) -> str:
    """Return the text of `vaguemestre.toml` for PLAN, with the public half of KEYS for each domain."""
    records = [
        f"{_quote(f'{key.selector}._domainkey.{domain}')} = {_quote(key.record)}"
        for domain in plan.domains
        for key in keys
    ]
    lines = [
        "# Réglages de Vaguemestre. Chaque clé est décrite dans docs/reference/settings.md.",
        "[instance]",
        f"host = {_quote(plan.host)}",
        f"port_base = {plan.port_base}",
        f"domains = {_quote(list(plan.domains))}",
        f"patient_domains = {_quote(list(plan.patient_domains))}",
        "",
        "[catalogue]",
        f"url = {_quote(plan.database_url)}",
        "",
        "[blobs]",
        f"url = {_quote(plan.blobs_url)}",
        "",
        "[dmp]",
        "# Une instance de TEST lit aussi les INS de test et de démonstration ; en production, retirez cette ligne.",
        f"ins_authorities = {_quote(sorted(TEST_INS_AUTHORITIES))}",
        f"record = {_quote(plan.record.choice)}",
        *plan.record.lines(),
        "",
        "[dkim.public_keys]",
        *records,
    ]
    return "\n".join(lines) + "\n"


def _quote(value: str | list[str]) -> str:
    """Write a string or a list of strings; JSON's notation of them is TOML's too."""
    return json.dumps(value, ensure_ascii=False)


def _empty(folder: Path) -> None:
    """Take away what was written into a folder that was empty before."""
    for entry in folder.iterdir():
        if entry.is_dir():
            shutil.rmtree(entry)
        else:
            entry.unlink()
