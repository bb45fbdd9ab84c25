"""The facts that a decision rests on: who asks, about whose space and which document, in what circumstances.

Fields carry the French names of `domain/access.md` §10.2 and its defaults. None means that the fact is not
known: no rule turns it into a permit. The caller loads the facts, `now` included; the engine reads nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from operator import attrgetter
from typing import Any, Final

from access_core.acts import Act
from access_core.majority import MAJORITY
from access_core.matrix import Matrix
from access_core.matrix_in_force import IN_FORCE

ONE_MONTH_DAYS: Final = 31


class SubjectKind(StrEnum):
    """In what capacity somebody acts."""

    PRO = "pro"
    STRUCTURE = "structure"
    TITULAIRE = "titulaire"
    RL = "rl"
    AIDANT = "aidant"
    ASSUREUR = "assureur"
    EMPLOYEUR = "employeur"
    AYANT_DROIT = "ayant_droit"
    SYSTEME = "systeme"


PATIENT_SIDE: Final = frozenset({SubjectKind.TITULAIRE, SubjectKind.RL, SubjectKind.AIDANT})
PROFESSIONAL_SIDE: Final = frozenset({SubjectKind.PRO, SubjectKind.STRUCTURE})


class Auth(StrEnum):
    """How the subject proved who it is."""

    AUCUNE = "AUCUNE"
    PSC_ECPS = "PSC_ECPS"
    PSC_CPS = "PSC_CPS"
    CPS = "CPS"
    CPF = "CPF"
    CPE = "CPE"
    CPA = "CPA"
    AIR = "AIR"
    ORG_CERT = "ORG_CERT"
    LOGIN_OTP = "LOGIN_OTP"
    FC = "FC"
    FC_PLUS = "FC_PLUS"
    APCV = "APCV"
    LOGIN_SEUL = "LOGIN_SEUL"
    MSSANTE = "MSSANTE"
    INTERNE = "INTERNE"


def default_auth(sujet: SubjectKind | None, act: Act | None) -> Auth:
    """Give the means of the `auth` row of §10.2 for a case that names none."""
    if act is Act.DELIVER_TO_PATIENT:
        return Auth.MSSANTE
    if sujet is SubjectKind.PRO:
        return Auth.PSC_ECPS
    if sujet is SubjectKind.STRUCTURE:
        return Auth.ORG_CERT
    if sujet is SubjectKind.SYSTEME:
        return Auth.INTERNE
    return Auth.LOGIN_OTP


class Certificate(StrEnum):
    """State of the certificate presented, if any."""

    VALIDE = "valide"
    EXPIRE = "expire"
    REVOQUE = "revoque"
    HORS_IGC = "hors_igc"


class Directory(StrEnum):
    """State of the professional in the national directory."""

    ACTIF = "actif"
    INACTIF = "inactif"
    INCONNU = "inconnu"


class Standing(StrEnum):
    """What the professional is to this patient."""

    AUCUN = "aucun"
    MEDECIN_TRAITANT = "medecin_traitant"
    ADMINISTRATEUR = "administrateur"
    MEDECIN_TRAVAIL = "medecin_travail"
    MEDECIN_SAPEURS = "medecin_sapeurs"
    MEDECIN_COORDONNATEUR = "medecin_coordonnateur"
    MEDECIN_PMI = "medecin_pmi"


class Mode(StrEnum):
    """Access mode of the session."""

    NORMAL = "normal"
    BRIS_DE_GLACE = "bris_de_glace"
    CENTRE_15 = "centre_15"
    SECRET = "secret"  # noqa: S105 - an access mode, not a password


class PatientState(StrEnum):
    """Whether the patient can express her will."""

    CONSCIENT = "conscient"
    HORS_ETAT = "hors_etat"


class ProfileState(StrEnum):
    """State of the patient's profile, or of the service that holds it."""

    ACTIF = "actif"
    NON_ACTIVE = "non_active"
    INEXISTANT = "inexistant"
    OPPOSE = "oppose"
    CLOS = "clos"
    SUSPENDU = "suspendu"
    DECEDE = "decede"
    INDISPONIBLE = "indisponible"


class Consent(StrEnum):
    """What the patient said of consultation by this professional."""

    PRESUME = "presume"
    AUCUN = "aucun"
    EXPLICITE = "explicite"
    REFUSE = "refuse"
    EXPIRE = "expire"
    EN_ATTENTE = "en_attente"


class EmergencySwitch(StrEnum):
    """One of the three emergency preferences of the patient."""

    PERMIT = "permit"
    DENY = "deny"


class FilingOpposition(StrEnum):
    """Whether the patient opposes filing for a legitimate reason."""

    NON = "non"
    MOTIF_LEGITIME = "motif_legitime"


class IdentityStatus(StrEnum):
    """Status of the patient's identity (RNIV), or what is wrong with the INS."""

    QUALIFIEE = "qualifiee"
    RECUPEREE = "recuperee"
    VALIDEE = "validee"
    PROVISOIRE = "provisoire"
    ABSENTE = "absente"
    MALFORMEE = "malformee"
    DISCORDANTE = "discordante"


class Origin(StrEnum):
    """Who a document comes from."""

    PRO = "pro"
    PATIENT = "patient"
    ASSURANCE = "assurance"
    SYSTEME = "systeme"


class Confidentiality(StrEnum):
    """Flags of a document (JDV_J08)."""

    N = "N"
    MASQUE_PS = "MASQUE_PS"
    INVISIBLE_PATIENT = "INVISIBLE_PATIENT"
    INVISIBLE_REPRESENTANTS_LEGAUX = "INVISIBLE_REPRESENTANTS_LEGAUX"


class MaskedBy(StrEnum):
    """Who set the mask."""

    TITULAIRE = "titulaire"
    AUTEUR = "auteur"


class DocumentState(StrEnum):
    """Life of a document in the record."""

    APPROUVE = "approuve"
    ARCHIVE = "archive"
    REMPLACE = "remplace"
    SUPPRIME = "supprime"
    ABSENT = "absent"


class Exchange(StrEnum):
    """State of the conversation with a professional."""

    OUVERTE = "ouverte"
    CLOSE_FIN = "close_fin"
    INEXISTANTE = "inexistante"


class ReplyOption(StrEnum):
    """Whether the message allows a reply."""

    AUTORISEE = "autorisee"
    BLOQUEE = "bloquee"


class Recipient(StrEnum):
    """To whom the patient writes: the one who wrote first, or somebody else."""

    EXPEDITEUR = "expediteur"
    TIERS = "tiers"


class Delegation(StrEnum):
    """What kind of sharing is asked for."""

    AUCUNE = "-"
    SECOND_RL = "second_rl"
    AIDANT = "aidant"


class Acceptance(StrEnum):
    """Answer of the person named."""

    ACCEPTEE = "acceptee"
    EN_ATTENTE = "en_attente"
    REFUSEE = "refusee"


class Target(StrEnum):
    """Whose access is withdrawn."""

    AUTRE_PRO = "autre_pro"
    SOI = "soi"


class Scope(StrEnum):
    """Which traces are asked for."""

    TOUTES = "toutes"
    PROPRES = "propres"


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """Who asks, how they proved it, and what they are to the patient and the document.

    `auth` has no default here, so that no caller forgets it. `session_min` and `inactif_min` are minutes
    since authentication and since last use; `profession` a code of TRE_G15 and `role` a non-health one, "-"
    when there is none.
    """

    auth: Auth | None
    sujet: SubjectKind | None = SubjectKind.PRO
    profession: str | None = "10"
    role: str | None = "-"
    cert: Certificate | None = Certificate.VALIDE
    session_min: int | None = 0
    inactif_min: int | None = 0
    annuaire: Directory | None = Directory.ACTIF
    regulation: bool | None = False
    equipe: bool | None = True
    prise_en_charge: bool | None = True
    informe: bool | None = True
    statut: Standing | None = Standing.AUCUN
    auteur: bool | None = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """The patient's profile and choices, the document, the conversation.

    `jours` counts days since the document was filed, `age` years of the holder; `doc` is a type code of
    JDV_J07, "-" for an act on the whole record.
    """

    profil: ProfileState | None = ProfileState.ACTIF
    age: int | None = 40
    protege: bool | None = False
    pro_bloque: bool | None = False
    consentement: Consent | None = Consent.PRESUME
    urgence_samu: EmergencySwitch | None = EmergencySwitch.PERMIT
    urgence_btg: EmergencySwitch | None = EmergencySwitch.PERMIT
    urgence_masques: EmergencySwitch | None = EmergencySwitch.DENY
    masque_defaut: bool | None = False
    opposition_depot: FilingOpposition | None = FilingOpposition.NON
    secret_mineur: bool | None = False
    accord_mineur: bool | None = False
    ins: IdentityStatus | None = IdentityStatus.QUALIFIEE
    candidats: int | None = 1
    doc: str | None = "11502-2"
    origine: Origin | None = Origin.PRO
    conf: frozenset[Confidentiality] | None = frozenset({Confidentiality.N})
    masque_par: MaskedBy | None = MaskedBy.TITULAIRE
    etat_doc: DocumentState | None = DocumentState.APPROUVE
    doublon: bool | None = False
    annonce: bool | None = False
    jours: int | None = 0
    conversation: Exchange | None = Exchange.OUVERTE
    reponse: ReplyOption | None = ReplyOption.AUTORISEE
    destinataire: Recipient | None = Recipient.EXPEDITEUR

    def has(self, flag: Confidentiality) -> bool:
        """Whether the document carries this flag; a document of unknown flags carries them all."""
        return self.conf is None or flag in self.conf


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """The circumstances: access mode and its grounds, what is asked precisely, settings of the product.

    `majorite` is the age of majority in years; `matrix` the habilitation matrix in force. `nb_representants` and
    `nb_aidants` count who acts for the holder besides the person named, invited ones included; `nb_aides` the profiles
    that this person helps.
    """

    mode: Mode | None = Mode.NORMAL
    motif: str | None = "-"
    etat_patient: PatientState | None = PatientState.CONSCIENT
    risque_immediat: bool | None = False
    delegation: Delegation | None = Delegation.AUCUNE
    nb_representants: int | None = 0
    nb_aidants: int | None = 0
    nb_aides: int | None = 0
    cible_active: bool | None = True
    declaration: bool | None = True
    acceptation: Acceptance | None = Acceptance.ACCEPTEE
    delegation_active: bool | None = True
    mot_de_passe: bool | None = True
    suppression: bool | None = False
    cible: Target | None = Target.AUTRE_PRO
    portee: Scope | None = Scope.TOUTES
    premier_acces: bool | None = False
    roles_matrice: bool | None = False
    majorite: int = field(default_factory=MAJORITY.years)
    matrix: Matrix = field(default_factory=IN_FORCE.current)


_Reader = Callable[[Any], tuple[object, ...]]
_ALL_OF_SUBJECT: Final[_Reader] = attrgetter(*Subject.__dataclass_fields__)
_ALL_OF_RESOURCE: Final[_Reader] = attrgetter(*Resource.__dataclass_fields__)
_ALL_OF_CONTEXT: Final[_Reader] = attrgetter(*Context.__dataclass_fields__)
_COUNTS_OF_SUBJECT: Final[_Reader] = attrgetter("session_min", "inactif_min")
_COUNTS_OF_RESOURCE: Final[_Reader] = attrgetter("age", "jours", "candidats")
_COUNTS_OF_CONTEXT: Final[_Reader] = attrgetter("nb_representants", "nb_aidants", "nb_aides", "majorite")


def all_known(subject: Subject, resource: Resource, context: Context) -> bool:
    """Whether every fact has a value and no count is negative (a clock that went backwards)."""
    facts = (*_ALL_OF_SUBJECT(subject), *_ALL_OF_RESOURCE(resource), *_ALL_OF_CONTEXT(context))
    if None in facts:
        return False
    counts = (*_COUNTS_OF_SUBJECT(subject), *_COUNTS_OF_RESOURCE(resource), *_COUNTS_OF_CONTEXT(context))
    return not any(isinstance(count, int) and count < 0 for count in counts)


def is_minor(resource: Resource, context: Context) -> bool:
    """Whether the holder is known to be under age."""
    return resource.age is not None and 0 <= resource.age < context.majorite


def opened_by_time(resource: Resource) -> bool:
    """Whether a document withheld from the patient has opened by itself: one month (CSP R1111-53)."""
    return resource.jours is not None and resource.jours >= ONE_MONTH_DAYS


def hidden_from_patient(resource: Resource) -> bool:
    """Whether the document still waits for its announcement visit."""
    return resource.has(Confidentiality.INVISIBLE_PATIENT) and not (resource.annonce or opened_by_time(resource))
