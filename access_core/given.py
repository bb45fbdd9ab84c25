"""The `given` column of a case file, and `key=value` on the command line, read into facts.

Keys and values are those of `domain/access.md` §10.2. A key that does not exist is a mistake of the writer
and is refused; a value that does not exist is a fact that is not known, which the engine refuses.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from access_core.acts import Act
from access_core.facts import (
    Acceptance,
    Auth,
    Certificate,
    Confidentiality,
    Consent,
    Context,
    Delegation,
    Directory,
    DocumentState,
    EmergencySwitch,
    Exchange,
    FilingOpposition,
    IdentityStatus,
    MaskedBy,
    Mode,
    Origin,
    PatientState,
    ProfileState,
    Recipient,
    ReplyOption,
    Resource,
    Scope,
    Standing,
    Subject,
    SubjectKind,
    Target,
    default_auth,
)
from access_core.matrix import Matrix
from vaguemestre.kernel.errors import ConfigurationError

Reader = Callable[[str], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """Facts of one case. `problems` names each value that is not one of its key's, by its place in the text."""

    subject: Subject
    resource: Resource
    context: Context
    problems: tuple[str, ...]


def parse_given(text: str, act: Act | None, *, matrix: Matrix | None = None) -> Given:
    """Read `key=value` pairs joined by ";"; a missing key takes its default.

    Args:
        text: the pairs; empty for all the defaults.
        act: what is asked, on which the default of `auth` depends.
        matrix: habilitation matrix to decide with; by default the one that comes with the program.

    Raises:
        ConfigurationError: a part that is no pair, a key that is unknown or twice there; names the character.
    """
    facts: dict[str, dict[str, Any]] = {"subject": {}, "resource": {}, "context": {}}
    problems: list[str] = []
    for place, key, value in _pairs(text):
        target, reader = _KEYS[key]
        if key in facts[target]:
            raise ConfigurationError(f"character {place}: the key {key} is there twice")
        facts[target][key] = reader(value)
        if facts[target][key] is None:
            problems.append(f"character {place}: the value of {key} is not one of its values")
    subject = facts["subject"]
    subject.setdefault("auth", default_auth(subject.get("sujet", SubjectKind.PRO), act))
    if subject.get("equipe", True) is False:
        facts["resource"].setdefault("consentement", Consent.AUCUN)
    if matrix is not None:
        facts["context"]["matrix"] = matrix
    return Given(
        subject=Subject(**subject),
        resource=Resource(**facts["resource"]),
        context=Context(**facts["context"]),
        problems=tuple(problems),
    )


def _pairs(text: str) -> Iterator[tuple[int, str, str]]:
    """Cut the text; places are 1-based characters of the start of each key."""
    start = 0
    for part in text.split(";"):
        place = start + len(part) - len(part.lstrip()) + 1
        start += len(part) + 1
        if not part.strip():
            continue
        key, equals, value = part.partition("=")
        if not equals:
            raise ConfigurationError(f"character {place}: expected key=value")
        if key.strip() not in _KEYS:
            raise ConfigurationError(f"character {place}: unknown key")
        yield place, key.strip(), value.strip()


def _one_of(kind: type[StrEnum]) -> Reader:
    values: Mapping[str, StrEnum] = {member.value: member for member in kind}
    return values.get


def _yes_no(value: str) -> bool | None:
    return {"oui": True, "non": False}.get(value)


def _count(value: str) -> int | None:
    return int(value) if value.isascii() and value.isdigit() and len(value) < 10 else None


def _text(value: str) -> str:
    return value


def _flags(value: str) -> frozenset[Confidentiality] | None:
    known = {flag.value: flag for flag in Confidentiality}
    flags = [known.get(name.strip()) for name in value.split("+")]
    return frozenset(flag for flag in flags if flag) if None not in flags else None


_KEYS: Final[Mapping[str, tuple[str, Reader]]] = {
    "sujet": ("subject", _one_of(SubjectKind)),
    "profession": ("subject", _text),
    "role": ("subject", _text),
    "auth": ("subject", _one_of(Auth)),
    "cert": ("subject", _one_of(Certificate)),
    "session_min": ("subject", _count),
    "inactif_min": ("subject", _count),
    "annuaire": ("subject", _one_of(Directory)),
    "regulation": ("subject", _yes_no),
    "equipe": ("subject", _yes_no),
    "prise_en_charge": ("subject", _yes_no),
    "informe": ("subject", _yes_no),
    "statut": ("subject", _one_of(Standing)),
    "auteur": ("subject", _yes_no),
    "profil": ("resource", _one_of(ProfileState)),
    "age": ("resource", _count),
    "protege": ("resource", _yes_no),
    "pro_bloque": ("resource", _yes_no),
    "consentement": ("resource", _one_of(Consent)),
    "urgence_samu": ("resource", _one_of(EmergencySwitch)),
    "urgence_btg": ("resource", _one_of(EmergencySwitch)),
    "urgence_masques": ("resource", _one_of(EmergencySwitch)),
    "masque_defaut": ("resource", _yes_no),
    "opposition_depot": ("resource", _one_of(FilingOpposition)),
    "secret_mineur": ("resource", _yes_no),
    "accord_mineur": ("resource", _yes_no),
    "ins": ("resource", _one_of(IdentityStatus)),
    "candidats": ("resource", _count),
    "doc": ("resource", _text),
    "origine": ("resource", _one_of(Origin)),
    "conf": ("resource", _flags),
    "masque_par": ("resource", _one_of(MaskedBy)),
    "etat_doc": ("resource", _one_of(DocumentState)),
    "doublon": ("resource", _yes_no),
    "annonce": ("resource", _yes_no),
    "jours": ("resource", _count),
    "conversation": ("resource", _one_of(Exchange)),
    "reponse": ("resource", _one_of(ReplyOption)),
    "destinataire": ("resource", _one_of(Recipient)),
    "mode": ("context", _one_of(Mode)),
    "motif": ("context", _text),
    "etat_patient": ("context", _one_of(PatientState)),
    "risque_immediat": ("context", _yes_no),
    "delegation": ("context", _one_of(Delegation)),
    "nb_representants": ("context", _count),
    "nb_aidants": ("context", _count),
    "nb_aides": ("context", _count),
    "cible_active": ("context", _yes_no),
    "declaration": ("context", _yes_no),
    "acceptation": ("context", _one_of(Acceptance)),
    "delegation_active": ("context", _yes_no),
    "mot_de_passe": ("context", _yes_no),
    "suppression": ("context", _yes_no),
    "cible": ("context", _one_of(Target)),
    "portee": ("context", _one_of(Scope)),
    "premier_acces": ("context", _yes_no),
    "roles_matrice": ("context", _yes_no),
}
