"""`vaguemestre doctor`: what can be checked from outside the running processes, one finding per line.

A check is a function of the instance that returns findings; it never changes anything.
"""

import asyncio
import json
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from http.client import HTTPConnection
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from sqlalchemy import text

from access_core.trace.chain import verify
from smtp_gateway.clamd import Clamd
from smtp_gateway.trust.admission import load_list
from smtp_gateway.trust.freshness import ListState, age_s, stop_age_s
from vaguemestre.app.bootstrap import Instance
from vaguemestre.app.migrations import current_revision, newest_revision
from vaguemestre.app.pid_file import read_pid
from vaguemestre.app.roles import PORTS_OF_ROLE
from vaguemestre.kernel.errors import TemporaryFailure, VaguemestreError
from vaguemestre.kernel.keys import InstanceKey
from vaguemestre.kernel.outbox import MAX_ATTEMPTS, troubles

WARN_BEFORE_EXPIRY = timedelta(days=30)
CONNECT_TIMEOUT_S = 1.0
LOOPBACK = "127.0.0.1"
PORTS_OF = {str(role): names for role, names in PORTS_OF_ROLE.items()}


class Health(StrEnum):
    """How bad a finding is."""

    GOOD = "bon"
    WARNING = "attention"
    BAD = "défaut"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check saw."""

    subject: str
    health: Health
    sentence: str


def examine(instance: Instance) -> list[Finding]:
    """Run every check; one that breaks is itself a finding."""
    findings: list[Finding] = []
    for subject, check in CHECKS.items():
        try:
            findings.extend(Finding(subject, health, sentence) for health, sentence in check(instance))
        except (VaguemestreError, OSError, ValueError) as error:
            findings.append(Finding(subject, Health.BAD, f"{type(error).__name__} : {error}"))
    return findings


Seen = Iterator[tuple[Health, str]]


def _keys(instance: Instance) -> Seen:
    InstanceKey.load(instance.settings.keys.instance)
    yield Health.GOOD, "clé de l'instance lisible, mode 0600"


def _certificates(instance: Instance) -> Seen:
    pki = instance.settings.pki
    for certificate, key in (
        (pki.server_certificate, pki.server_key),
        (pki.operator_certificate, pki.operator_key),
    ):
        yield from _pair(instance, certificate, key)


def _pair(instance: Instance, certificate_path: Path, key_path: Path) -> Seen:
    certificate = x509.load_pem_x509_certificates(certificate_path.read_bytes())[0]
    key = load_pem_private_key(key_path.read_bytes(), password=None)
    form = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    if key.public_key().public_bytes(*form) != certificate.public_key().public_bytes(*form):
        yield Health.BAD, f"{key_path.name} n'est pas la clé de {certificate_path.name}"
    if key_path.stat().st_mode & 0o077:
        yield Health.BAD, f"{key_path.name} est lisible par d'autres que son propriétaire : chmod 600"
    left = certificate.not_valid_after_utc - instance.clock.now()
    if left <= timedelta(0):
        yield Health.BAD, f"{certificate_path.name} a expiré"
    elif left < WARN_BEFORE_EXPIRY:
        yield Health.WARNING, f"{certificate_path.name} expire dans {left.days} jours"
    else:
        yield Health.GOOD, f"{certificate_path.name} valable encore {left.days} jours"


def _record_elsewhere(instance: Instance) -> Seen:
    """Check what calls to the record elsewhere are made with, and whether a document waits for a person."""
    from dmp_bridge.external.access import load_access
    from dmp_bridge.external.queue import FilingState, open_filings

    settings = instance.settings.dmp.external
    if not settings.url:
        return
    yield from _pair(instance, settings.client_certificate, settings.client_key)
    signing = load_access(settings, instance.clock).key.certificate
    left = signing.not_valid_after_utc - instance.clock.now()
    sentence = f"clé SIGN utilisable, certificat valable encore {left.days} jours"
    yield (Health.GOOD if left >= WARN_BEFORE_EXPIRY else Health.WARNING), sentence
    found = instance.database.read_now(open_filings)
    stuck = [each for each in found if each["state"] in (FilingState.FAILED, FilingState.REMAINS)]
    if stuck:
        yield Health.WARNING, f"{len(stuck)} document(s) refusé(s) par le DMP : vaguemestre dmp pending"
    else:
        yield Health.GOOD, f"{len(found)} document(s) en attente du DMP, aucun refusé"


def _revocation(instance: Instance) -> Seen:
    lists = sorted(instance.settings.pki.revocation.glob("*.crl.pem"))
    if not lists:
        yield Health.WARNING, "aucune liste de révocation dans le dossier [pki] revocation"
    for path in lists:
        due = x509.load_pem_x509_crl(path.read_bytes()).next_update_utc
        late = due is not None and due <= instance.clock.now()
        yield (Health.BAD, f"{path.name} est périmée") if late else (Health.GOOD, f"{path.name} à jour")


def _whitelist(instance: Instance) -> Seen:
    trust = instance.settings.trust
    whitelist, signed = load_list(trust), "non signée"
    if whitelist.signer is not None:
        signed = "signature vérifiée"
    yield (
        Health.GOOD,
        f"liste blanche du {whitelist.generated_at:%Y-%m-%d}, {len(whitelist.subjects)} domaines, {signed}",
    )
    age, stop = age_s(whitelist, ListState.read(trust), instance.clock.now()), stop_age_s(trust)
    hours = int(age // 3_600)
    if stop is not None and age > stop:
        yield Health.BAD, f"liste confirmée il y a {hours} h : trop ancienne, le trafic entre opérateurs attend"
    elif trust.url is not None and 0 < trust.warn_age_s < age:
        yield Health.WARNING, f"liste confirmée il y a {hours} h : lancez « trust refresh »"
    if trust.url is not None and trust.signature != "required":
        yield Health.WARNING, "la signature de la liste n'est pas exigée ([trust] signature)"


def _antivirus(instance: Instance) -> Seen:
    settings = instance.settings.antivirus
    if settings.socket is None:
        yield Health.WARNING, "aucun antivirus ([antivirus] socket) : les messages ne sont pas analysés"
        return
    try:
        yield Health.GOOD, asyncio.run(Clamd(settings.socket, CONNECT_TIMEOUT_S * 5).version())
    except TemporaryFailure:
        waits = "les messages attendent" if settings.when_down == "defer" else "les messages passent sans analyse"
        yield Health.BAD, f"clamd ne répond pas : {waits}"


def _catalogue(instance: Instance) -> Seen:
    url = instance.settings.database_url()
    revision, newest = current_revision(url), newest_revision()
    if revision != newest:
        yield Health.BAD, f"schéma à la révision {revision or 'aucune'}, il faut {newest}"
        return
    yield Health.GOOD, f"schéma à jour ({newest})"
    if instance.database.dialect == "sqlite":
        result = instance.database.read_now(lambda tx: tx.execute(text("PRAGMA quick_check")).scalar_one())
        yield (Health.GOOD, "fichier SQLite intègre") if result == "ok" else (Health.BAD, "fichier SQLite abîmé")


def _trace(instance: Instance) -> Seen:
    if current_revision(instance.settings.database_url()) is None:
        return  # said by the check of the catalogue
    result = instance.database.read_now(verify)
    yield (Health.GOOD, f"{result.entries} entrées chaînées") if result.ok else (Health.BAD, result.why)


def _tasks(instance: Instance) -> Seen:
    if current_revision(instance.settings.database_url()) is None:
        return  # said by the check of the catalogue
    found = instance.database.read_now(troubles)
    for each in found:
        if each.struggling:
            yield Health.BAD, f"{each.kind} : {each.struggling} tâches échouent après {MAX_ATTEMPTS} essais ou plus"
        if each.failed:
            yield Health.WARNING, f"{each.kind} : {each.failed} tâches abandonnées"
    if not found:
        yield Health.GOOD, "aucune tâche abandonnée ni en souffrance"


def _ports(instance: Instance) -> Seen:
    settings = instance.settings
    ports = settings.instance.ports()
    if read_pid(settings.run_folder() / "vaguemestre.pid") is None:
        for name, port in ports.items():
            taken = _accepts(LOOPBACK if name == "metrics" else settings.instance.host, port)
            yield (Health.BAD, f"{name} : {port} pris") if taken else (Health.GOOD, f"{name} : {port} libre")
        return
    for process, ready in _processes_served(ports["metrics"]).items():
        yield (Health.GOOD, f"{process} : sert") if ready else (Health.BAD, f"{process} : ne sert pas")
        for name in PORTS_OF.get(process, ()):  # processes of one role share its ports
            heard = _accepts(settings.instance.host, ports[name])
            yield (Health.GOOD if heard else Health.BAD), f"{name} : {ports[name]} {'écoute' if heard else 'muet'}"


def _processes_served(metrics_port: int) -> dict[str, bool]:
    """Ask the supervisor which processes it runs (the first of a role under its name) and which of them are ready."""
    connection = HTTPConnection(LOOPBACK, metrics_port, timeout=CONNECT_TIMEOUT_S)
    try:
        connection.request("GET", "/readyz")
        roles: dict[str, bool] = json.loads(connection.getresponse().read())["roles"]
        return roles
    finally:
        connection.close()


def _accepts(host: str, port: int) -> bool:
    try:
        with socket.create_connection((host, port), timeout=CONNECT_TIMEOUT_S):
            return True
    except OSError:
        return False


CHECKS: dict[str, Callable[[Instance], Seen]] = {
    "clés": _keys,
    "certificats": _certificates,
    "dmp": _record_elsewhere,
    "révocation": _revocation,
    "liste blanche": _whitelist,
    "antivirus": _antivirus,
    "catalogue": _catalogue,
    "registre": _trace,
    "tâches": _tasks,
    "ports": _ports,
}
