"""The register of reasons: every code that a decision may carry, with all that is said about it.

Codes are stable once released. A code that would reveal something shows the sentence of another: the
trace keeps the true code, screens and wires never see it. Whatever quotes a reason (SMTP reply, page,
problem document, status notice, trace row) takes its words from here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class Reason(StrEnum):
    """Code of a decision (`domain/access.md` §10.4); its first letter is the check that failed."""

    OK = "OK"
    A_ABSENTE = "A_ABSENTE"
    A_MOYEN_INSUFFISANT = "A_MOYEN_INSUFFISANT"
    A_CERT_INVALIDE = "A_CERT_INVALIDE"
    A_SESSION_EXPIREE = "A_SESSION_EXPIREE"
    A_IDENTITE_PRO_INCONNUE = "A_IDENTITE_PRO_INCONNUE"
    A_EXPEDITEUR_NON_MSSANTE = "A_EXPEDITEUR_NON_MSSANTE"
    A_CONFIRMATION_REQUISE = "A_CONFIRMATION_REQUISE"
    I_INS_ABSENTE = "I_INS_ABSENTE"
    I_INS_MALFORMEE = "I_INS_MALFORMEE"
    I_INS_NON_QUALIFIEE = "I_INS_NON_QUALIFIEE"
    I_INS_DISCORDANTE = "I_INS_DISCORDANTE"
    I_RECHERCHE_TRAITS_INTERDITE = "I_RECHERCHE_TRAITS_INTERDITE"
    I_TRAITS_AMBIGUS = "I_TRAITS_AMBIGUS"
    D_PROFIL_INEXISTANT = "D_PROFIL_INEXISTANT"
    D_PROFIL_OPPOSE = "D_PROFIL_OPPOSE"
    D_PROFIL_CLOS = "D_PROFIL_CLOS"
    D_PROFIL_SUSPENDU = "D_PROFIL_SUSPENDU"
    D_PROFIL_NON_ACTIVE = "D_PROFIL_NON_ACTIVE"
    D_PROFIL_DEJA_OUVERT = "D_PROFIL_DEJA_OUVERT"
    D_TITULAIRE_DECEDE = "D_TITULAIRE_DECEDE"
    D_SERVICE_INDISPONIBLE = "D_SERVICE_INDISPONIBLE"
    D_CIBLE_NON_ACTIVE = "D_CIBLE_NON_ACTIVE"
    C_PRO_BLOQUE = "C_PRO_BLOQUE"
    C_OPPOSITION = "C_OPPOSITION"
    C_CONSENTEMENT_MANQUANT = "C_CONSENTEMENT_MANQUANT"
    C_CONSENTEMENT_EXPIRE = "C_CONSENTEMENT_EXPIRE"
    C_INFORMATION_MANQUANTE = "C_INFORMATION_MANQUANTE"
    C_OPPOSITION_URGENCE = "C_OPPOSITION_URGENCE"
    C_OPPOSITION_REGULATION = "C_OPPOSITION_REGULATION"
    C_OPPOSITION_ALIMENTATION = "C_OPPOSITION_ALIMENTATION"
    C_SECRET_MINEUR = "C_SECRET_MINEUR"  # noqa: S105 - a code, not a password
    C_ECHANGE_NON_INITIE = "C_ECHANGE_NON_INITIE"
    C_ECHANGE_CLOS = "C_ECHANGE_CLOS"
    C_REPONSE_NON_AUTORISEE = "C_REPONSE_NON_AUTORISEE"
    C_ACCEPTATION_EN_ATTENTE = "C_ACCEPTATION_EN_ATTENTE"
    C_ACCEPTATION_REFUSEE = "C_ACCEPTATION_REFUSEE"
    H_FINALITE_INTERDITE = "H_FINALITE_INTERDITE"
    H_HORS_PRISE_EN_CHARGE = "H_HORS_PRISE_EN_CHARGE"
    H_PROFESSION_NON_HABILITEE = "H_PROFESSION_NON_HABILITEE"
    H_TYPE_DOCUMENT_INTERDIT = "H_TYPE_DOCUMENT_INTERDIT"
    H_MODE_NON_JUSTIFIE = "H_MODE_NON_JUSTIFIE"
    H_ROLE_REGULATION_REQUIS = "H_ROLE_REGULATION_REQUIS"
    H_AUTEUR_REQUIS = "H_AUTEUR_REQUIS"
    H_TITULAIRE_REQUIS = "H_TITULAIRE_REQUIS"
    H_ADMIN_REQUIS = "H_ADMIN_REQUIS"
    H_ANNONCE_REQUISE = "H_ANNONCE_REQUISE"
    H_DELAI_NON_ATTEINT = "H_DELAI_NON_ATTEINT"
    H_REPRESENTANT_NON_RECONNU = "H_REPRESENTANT_NON_RECONNU"
    H_LIMITE_DELEGATIONS = "H_LIMITE_DELEGATIONS"
    H_DECLARATION_REQUISE = "H_DECLARATION_REQUISE"
    H_TYPE_NON_DEPOSABLE = "H_TYPE_NON_DEPOSABLE"
    H_CONFIDENTIALITE_INCOHERENTE = "H_CONFIDENTIALITE_INCOHERENTE"
    V_DOC_INTROUVABLE = "V_DOC_INTROUVABLE"
    V_DOC_SUPPRIME = "V_DOC_SUPPRIME"
    V_DOC_MASQUE_PRO = "V_DOC_MASQUE_PRO"
    V_DOC_INVISIBLE_PATIENT = "V_DOC_INVISIBLE_PATIENT"
    V_DOC_INVISIBLE_RL = "V_DOC_INVISIBLE_RL"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReasonEntry:
    """What is said about one reason.

    Attributes:
        sentence: French text that the user reads; that of `shown` when the code borrows it.
        shown: code that screens and APIs give: another one when the true code would leak.
        smtp: reply code and enhanced status code (RFC 5321, RFC 3463).
        smtp_shown: code, with its sentence, that the SMTP reply quotes. Wider than `shown`: a sender never
            learns whether a mailbox is closed, opposed, suspended, of a dead person or of nobody.
        sources: articles, requirements and rules of ours that the refusal applies.
    """

    sentence: str
    shown: Reason
    smtp: str
    smtp_shown: Reason
    sources: tuple[str, ...]


_REFUSED: Final = "550 5.7.1"

_SENTENCES: Final[Mapping[Reason, str]] = {
    Reason.OK: "Action autorisée.",
    Reason.A_ABSENTE: "Vous devez vous identifier pour continuer.",
    Reason.A_MOYEN_INSUFFISANT: (
        "Votre moyen d'identification ne permet pas cette action. Utilisez votre carte CPS ou Pro "
        "Santé Connect, ou une connexion à deux facteurs."
    ),
    Reason.A_CERT_INVALIDE: "Le certificat présenté n'est pas valide (expiré, révoqué ou hors IGC-Santé).",
    Reason.A_SESSION_EXPIREE: "Votre session a expiré. Identifiez-vous de nouveau.",
    Reason.A_IDENTITE_PRO_INCONNUE: "Votre numéro RPPS n'est pas actif dans l'annuaire santé.",
    Reason.A_EXPEDITEUR_NON_MSSANTE: "L'expéditeur n'appartient pas à l'espace de confiance MSSanté.",
    Reason.A_CONFIRMATION_REQUISE: "Confirmez cette action en saisissant votre mot de passe.",
    Reason.I_INS_ABSENTE: (
        "L'identité nationale de santé (INS) du patient est absente. Lisez la carte "
        "Vitale ou interrogez le téléservice INSi."
    ),
    Reason.I_INS_MALFORMEE: "Le matricule INS saisi n'est pas valide.",
    Reason.I_INS_NON_QUALIFIEE: (
        "L'identité du patient n'est pas qualifiée. Vérifiez une pièce d'identité avant de continuer."
    ),
    Reason.I_INS_DISCORDANTE: (
        "Erreur d'identification : l'INS ne correspond pas au patient. Invitez le patient "
        "à contacter l'Assurance maladie au 34 22."
    ),
    Reason.I_RECHERCHE_TRAITS_INTERDITE: (
        "La recherche par traits d'identité est réservée aux situations d'urgence sans INS."
    ),
    Reason.I_TRAITS_AMBIGUS: "La recherche ne désigne pas un patient unique. Précisez les traits d'identité.",
    Reason.D_PROFIL_INEXISTANT: "Profil inexistant. Informez le patient ; il peut demander sa création au 34 22.",
    Reason.D_PROFIL_CLOS: "DMP fermé.",
    Reason.D_PROFIL_SUSPENDU: "L'accès à ce profil est suspendu.",
    Reason.D_PROFIL_NON_ACTIVE: "Activez votre profil pour accéder à ce service.",
    Reason.D_PROFIL_DEJA_OUVERT: "Ce profil est déjà ouvert.",
    Reason.D_TITULAIRE_DECEDE: (
        "Le titulaire de ce profil est décédé. Les ayants droit adressent leur demande selon l'article "
        "L. 1110-4 du code de la santé publique."
    ),
    Reason.D_SERVICE_INDISPONIBLE: "Service momentanément indisponible. Réessayez plus tard.",
    Reason.D_CIBLE_NON_ACTIVE: "La personne désignée n'a pas activé son profil.",
    Reason.C_PRO_BLOQUE: "Droits d'accès retirés : le patient a bloqué votre accès.",
    Reason.C_OPPOSITION: "Le patient s'oppose à la consultation de son dossier.",
    Reason.C_CONSENTEMENT_MANQUANT: "Recueillez le consentement explicite du patient avant cette consultation.",
    Reason.C_CONSENTEMENT_EXPIRE: "Votre autorisation d'accès a expiré. Recueillez de nouveau l'accord du patient.",
    Reason.C_INFORMATION_MANQUANTE: "Informez le patient avant de consulter son dossier.",
    Reason.C_OPPOSITION_URGENCE: "Le patient a refusé l'accès à son dossier en cas d'urgence.",
    Reason.C_OPPOSITION_REGULATION: "Le patient a refusé l'accès à son dossier par le SAMU.",
    Reason.C_OPPOSITION_ALIMENTATION: "Le patient s'est opposé, pour un motif légitime, au dépôt de ce document.",
    Reason.C_SECRET_MINEUR: "Le mineur a demandé le secret : cette action l'exposerait à ses représentants légaux.",
    Reason.C_ECHANGE_NON_INITIE: "Vous pouvez uniquement écrire aux professionnels qui vous ont déjà écrit.",
    Reason.C_ECHANGE_CLOS: "Le professionnel a mis fin à cet échange.",
    Reason.C_REPONSE_NON_AUTORISEE: "Ce message n'autorise pas de réponse.",
    Reason.C_ACCEPTATION_EN_ATTENTE: "La personne désignée n'a pas encore répondu.",
    Reason.C_ACCEPTATION_REFUSEE: "La personne désignée a refusé.",
    Reason.H_FINALITE_INTERDITE: (
        "Cet accès est interdit par la loi, même avec l'accord de la personne (article L. 1111-18)."
    ),
    Reason.H_HORS_PRISE_EN_CHARGE: "Vous ne prenez pas ce patient en charge.",
    Reason.H_PROFESSION_NON_HABILITEE: "Votre profession n'est pas habilitée à consulter ce dossier.",
    Reason.H_TYPE_DOCUMENT_INTERDIT: "Votre profession n'est pas habilitée à consulter ce type de document.",
    Reason.H_MODE_NON_JUSTIFIE: "Ce mode d'accès n'est pas justifié dans cette situation.",
    Reason.H_ROLE_REGULATION_REQUIS: "Ce mode est réservé aux médecins régulateurs.",
    Reason.H_AUTEUR_REQUIS: (
        "Ce document a été ajouté par une autre personne : vous ne pouvez pas le modifier ni le supprimer."
    ),
    Reason.H_TITULAIRE_REQUIS: "Cette action est réservée au titulaire du profil ou à son représentant légal.",
    Reason.H_ADMIN_REQUIS: "Cette action est réservée au médecin traitant ou à un professionnel administrateur.",
    Reason.H_ANNONCE_REQUISE: "Ce document ne peut être rendu visible qu'après une consultation d'annonce.",
    Reason.H_DELAI_NON_ATTEINT: "Le délai d'un mois n'est pas écoulé.",
    Reason.H_REPRESENTANT_NON_RECONNU: "Vous n'êtes pas reconnu comme représentant ou proche aidant de cette personne.",
    Reason.H_LIMITE_DELEGATIONS: "Le nombre maximum de partages est atteint.",
    Reason.H_DECLARATION_REQUISE: "Pour continuer, cochez la déclaration.",
    Reason.H_TYPE_NON_DEPOSABLE: "Ce type de document ne peut pas être déposé par vous.",
    Reason.H_CONFIDENTIALITE_INCOHERENTE: "Ces réglages de confidentialité ne peuvent pas être combinés.",
    Reason.V_DOC_INTROUVABLE: "Document introuvable.",
    Reason.V_DOC_SUPPRIME: "Ce document a été supprimé par son auteur.",
}

# The codes marked with a double dagger in the reference.
_BORROWED: Final[Mapping[Reason, Reason]] = {
    Reason.D_PROFIL_OPPOSE: Reason.D_PROFIL_INEXISTANT,
    Reason.V_DOC_MASQUE_PRO: Reason.V_DOC_INTROUVABLE,
    Reason.V_DOC_INVISIBLE_PATIENT: Reason.V_DOC_INTROUVABLE,
    Reason.V_DOC_INVISIBLE_RL: Reason.V_DOC_INTROUVABLE,
}

# One answer for every mailbox that takes no mail, whatever the cause.
_NO_MAILBOX: Final = frozenset(
    {
        Reason.D_PROFIL_OPPOSE,
        Reason.D_PROFIL_CLOS,
        Reason.D_PROFIL_SUSPENDU,
        Reason.D_TITULAIRE_DECEDE,
    }
)

_SMTP: Final[Mapping[Reason, str]] = {
    Reason.OK: "250 2.0.0",
    Reason.A_ABSENTE: "530 5.7.0",
    Reason.I_INS_ABSENTE: "550 5.1.3",
    Reason.I_INS_MALFORMEE: "550 5.1.3",
    Reason.D_PROFIL_INEXISTANT: "550 5.1.1",
    Reason.D_PROFIL_OPPOSE: "550 5.1.1",
    Reason.D_PROFIL_CLOS: "550 5.1.1",
    Reason.D_PROFIL_SUSPENDU: "550 5.1.1",
    Reason.D_TITULAIRE_DECEDE: "550 5.1.1",
    Reason.D_SERVICE_INDISPONIBLE: "451 4.3.0",
    Reason.C_ACCEPTATION_EN_ATTENTE: "451 4.7.1",
}

_SOURCES: Final[Mapping[Reason, tuple[str, ...]]] = {
    Reason.OK: (),
    Reason.A_ABSENTE: ("PGSSI-S", "VGM:ACCESS-A"),
    Reason.A_MOYEN_INSUFFISANT: ("PGSSI-S", "DMP EX_GEN-1450", "VGM:ACCESS-A"),
    Reason.A_CERT_INVALIDE: ("PGSSI-S", "VGM:ACCESS-A"),
    Reason.A_SESSION_EXPIREE: ("PSC session", "VGM:ACCESS-A"),
    Reason.A_IDENTITE_PRO_INCONNUE: ("VGM:ACCESS-A",),
    Reason.A_EXPEDITEUR_NON_MSSANTE: ("VGM:ACCESS-DELIVER",),
    Reason.A_CONFIRMATION_REQUISE: ("CSP R1111-36", "VGM:ACCESS-CLOSE"),
    Reason.I_INS_ABSENTE: ("DMP EX_GEN-1530", "VGM:ACCESS-I"),
    Reason.I_INS_MALFORMEE: ("Référentiel INS", "VGM:ACCESS-I"),
    Reason.I_INS_NON_QUALIFIEE: ("DMP EX_GEN-1530", "VGM:ACCESS-I"),
    Reason.I_INS_DISCORDANTE: ("Référentiel INS", "VGM:ACCESS-I"),
    Reason.I_RECHERCHE_TRAITS_INTERDITE: ("VGM:ACCESS-SEARCH",),
    Reason.I_TRAITS_AMBIGUS: ("VGM:ACCESS-SEARCH",),
    Reason.D_PROFIL_INEXISTANT: ("CSP R1111-28", "VGM:ACCESS-D"),
    Reason.D_PROFIL_OPPOSE: ("CSP L1111-13-1", "VGM:ACCESS-D"),
    Reason.D_PROFIL_CLOS: ("CSP R1111-36", "VGM:ACCESS-D"),
    Reason.D_PROFIL_SUSPENDU: ("CSP R1111-36", "VGM:ACCESS-D"),
    Reason.D_PROFIL_NON_ACTIVE: ("VGM:ACCESS-D",),
    Reason.D_PROFIL_DEJA_OUVERT: ("VGM:ACCESS-CLOSE",),
    Reason.D_TITULAIRE_DECEDE: ("CSP L1110-4", "CSP L1111-18", "VGM:ACCESS-D"),
    Reason.D_SERVICE_INDISPONIBLE: ("VGM:ACCESS-D",),
    Reason.D_CIBLE_NON_ACTIVE: ("VGM:ACCESS-DELEGATE",),
    Reason.C_PRO_BLOQUE: ("DMP TD0.2", "VGM:ACCESS-C"),
    Reason.C_OPPOSITION: ("CSP R1111-46", "VGM:ACCESS-C"),
    Reason.C_CONSENTEMENT_MANQUANT: ("CSP L1111-17", "CSP R1111-46", "VGM:ACCESS-C"),
    Reason.C_CONSENTEMENT_EXPIRE: ("CSP R1111-46", "VGM:ACCESS-C"),
    Reason.C_INFORMATION_MANQUANTE: ("CSP R1111-46", "VGM:ACCESS-C"),
    Reason.C_OPPOSITION_URGENCE: ("CSP L1111-17", "VGM:ACCESS-EMERGENCY"),
    Reason.C_OPPOSITION_REGULATION: ("CSP L1111-17", "VGM:ACCESS-EMERGENCY"),
    Reason.C_OPPOSITION_ALIMENTATION: ("CSP R1111-47", "VGM:ACCESS-FILE"),
    Reason.C_SECRET_MINEUR: ("CSP R1111-33", "CSP R1111-50", "VGM:ACCESS-FILE"),
    Reason.C_ECHANGE_NON_INITIE: ("VGM:ACCESS-REPLY",),
    Reason.C_ECHANGE_CLOS: ("MSS2:ECO.2.2.8", "VGM:ACCESS-REPLY"),
    Reason.C_REPONSE_NON_AUTORISEE: ("VGM:ACCESS-REPLY",),
    Reason.C_ACCEPTATION_EN_ATTENTE: ("VGM:ACCESS-DELEGATE",),
    Reason.C_ACCEPTATION_REFUSEE: ("VGM:ACCESS-DELEGATE",),
    Reason.H_FINALITE_INTERDITE: ("CSP L1111-18", "VGM:ACCESS-F"),
    Reason.H_HORS_PRISE_EN_CHARGE: ("CSP L1110-12", "CSP R1111-46", "VGM:ACCESS-H"),
    Reason.H_PROFESSION_NON_HABILITEE: ("CSP L1111-17", "Arrêté du 26 octobre 2023", "VGM:ACCESS-H"),
    Reason.H_TYPE_DOCUMENT_INTERDIT: ("Arrêté du 26 octobre 2023", "VGM:ACCESS-H"),
    Reason.H_MODE_NON_JUSTIFIE: ("CSP L1111-17", "VGM:ACCESS-EMERGENCY"),
    Reason.H_ROLE_REGULATION_REQUIS: ("CSP L1111-17", "VGM:ACCESS-EMERGENCY"),
    Reason.H_AUTEUR_REQUIS: ("DMP TD3.3c", "VGM:ACCESS-DELETE"),
    Reason.H_TITULAIRE_REQUIS: ("CSP L1111-19", "VGM:ACCESS-H"),
    Reason.H_ADMIN_REQUIS: ("CSP L1111-16", "CSP R1111-43", "VGM:ACCESS-H"),
    Reason.H_ANNONCE_REQUISE: ("CSP R1111-53", "VGM:ACCESS-VISIBLE"),
    Reason.H_DELAI_NON_ATTEINT: ("CSP R1111-53", "VGM:ACCESS-VISIBLE"),
    Reason.H_REPRESENTANT_NON_RECONNU: ("CSP R1111-33", "VGM:ACCESS-H"),
    Reason.H_LIMITE_DELEGATIONS: ("VGM:ACCESS-DELEGATE",),
    Reason.H_DECLARATION_REQUISE: ("VGM:ACCESS-DELEGATE",),
    Reason.H_TYPE_NON_DEPOSABLE: ("VGM:ACCESS-FILE",),
    Reason.H_CONFIDENTIALITE_INCOHERENTE: ("DMP EX_2.1-1050", "VGM:ACCESS-FILE"),
    Reason.V_DOC_INTROUVABLE: ("VGM:ACCESS-V",),
    Reason.V_DOC_SUPPRIME: ("DMP TD3.3c", "VGM:ACCESS-V"),
    Reason.V_DOC_MASQUE_PRO: ("CSP R1111-49", "VGM:ACCESS-V"),
    Reason.V_DOC_INVISIBLE_PATIENT: ("CSP R1111-53", "VGM:ACCESS-V"),
    Reason.V_DOC_INVISIBLE_RL: ("CSP R1111-50", "DMP EX_2.1-1050", "VGM:ACCESS-V"),
}


def _entry(reason: Reason) -> ReasonEntry:
    shown = _BORROWED.get(reason, reason)
    return ReasonEntry(
        sentence=_SENTENCES[shown],
        shown=shown,
        smtp=_SMTP.get(reason, _REFUSED),
        smtp_shown=Reason.D_PROFIL_INEXISTANT if reason in _NO_MAILBOX else shown,
        sources=_SOURCES[reason],
    )


REGISTER: Final[Mapping[Reason, ReasonEntry]] = MappingProxyType({reason: _entry(reason) for reason in Reason})
