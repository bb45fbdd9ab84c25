"""« Historique des accès »: every line of the trace about this patient, refusals included, as sentences.

The act and the reason are codes in the trace; the sentences are here. A code without a sentence is shown all the same,
in general words: nothing is left out of the history (patient_space.md §5 names that fault in the national app).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from access_core.decision import Verdict
from access_core.facts import PATIENT_SIDE
from access_core.trace.reader import HISTORY_PAGE, Recorded, history_of_patient
from portal.documents.record import hidden_documents
from portal.patient.viewer import Viewer
from portal.sentences import sentence_of
from portal.services import PortalServices
from vaguemestre.kernel.database import Transaction

# What the actor did, after « Vous avez » and after « Dr X a »; then what he wanted to do, when refused.
_DONE = {
    "deliver_to_patient": ("reçu un message", "envoyé un message", "vous envoyer un message"),
    "reply_by_patient": ("envoyé un message", "envoyé un message en votre nom", "envoyer un message"),
    "file_document": (
        "ajouté un document",
        "ajouté un document à votre dossier",
        "ajouter un document à votre dossier",
    ),
    "read_document": ("ouvert un document", "ouvert un document de votre dossier", "ouvrir un document"),
    "search_by_traits": ("fait une recherche", "cherché votre dossier par votre identité", "chercher votre dossier"),
    "open_break_glass": (
        "ouvert un accès d'urgence",
        "ouvert votre dossier en urgence",
        "ouvrir votre dossier en urgence",
    ),
    "mask_document": ("masqué un document", "masqué un document", "masquer un document"),
    "unmask_document": ("rendu visible un document", "rendu visible un document", "rendre visible un document"),
    "make_visible": ("rendu visible un document", "rendu un document visible pour vous", "rendre visible un document"),
    "block_professional": ("bloqué un professionnel", "bloqué un professionnel", "bloquer un professionnel"),
    "unblock_professional": ("débloqué un professionnel", "débloqué un professionnel", "débloquer un professionnel"),
    "grant_access": ("autorisé un professionnel", "déclaré votre accord", "autoriser un accès"),
    "withdraw_access": ("retiré un accès", "renoncé à son accès", "retirer un accès"),
    "delegate_access": ("partagé votre profil", "partagé votre profil", "partager votre profil"),
    "revoke_delegation": ("repris un accès partagé", "repris un accès partagé", "reprendre un accès partagé"),
    "close_profile": ("fermé votre profil", "fermé votre profil", "fermer votre profil"),
    "reopen_profile": ("rouvert votre profil", "rouvert votre profil", "rouvrir votre profil"),
    "delete_document": ("supprimé un document", "supprimé un document", "supprimer un document"),
    "archive_document": ("archivé un document", "archivé un document", "archiver un document"),
    "unarchive_document": ("désarchivé un document", "désarchivé un document", "désarchiver un document"),
    "existence_tested": (
        "cherché votre dossier",
        "vérifié que vous avez un dossier",
        "vérifier que vous avez un dossier",
    ),
    "withdraw_document": (
        "retiré un document du DMP",
        "retiré un document de votre DMP",
        "retirer un document de votre DMP",
    ),
    "send_document": ("envoyé un document au DMP", "envoyé un document à votre DMP", "envoyer un document à votre DMP"),
    "documents_searched": ("cherché des documents", "consulté la liste de vos documents", "consulter vos documents"),
    "read_access_history": ("consulté votre historique", "consulté votre historique", "consulter votre historique"),
    "export_data": ("demandé vos données", "demandé vos données", "demander vos données"),
    "sign_in": ("donné votre mot de passe", "donné votre mot de passe", "se connecter"),
    "second_factor": ("ouvert une connexion", "ouvert une connexion", "se connecter"),
    "sign_out": ("fermé votre connexion", "fermé votre connexion", "fermer votre connexion"),
    "session_closed": ("fermé une autre connexion", "fermé une connexion", "fermer une connexion"),
    "message_received": ("reçu un message", "envoyé un message", "vous envoyer un message"),
    "message_read": ("lu un message", "lu un message", "lire un message"),
    "attachment_read": ("ouvert une pièce jointe", "ouvert une pièce jointe", "ouvrir une pièce jointe"),
    "attestation_read": ("téléchargé une attestation", "téléchargé une attestation", "télécharger une attestation"),
    "read_receipt": (
        "envoyé un accusé de lecture",
        "envoyé l'accusé de lecture que l'expéditeur a demandé",
        "envoyer un accusé de lecture",
    ),
    "integration_receipt": (
        "dit ce qu'un document est devenu",
        "dit à l'expéditeur si son document est dans votre dossier",
        "dire à l'expéditeur si son document est dans votre dossier",
    ),
    "password_changed": ("changé votre mot de passe", "changé votre mot de passe", "changer votre mot de passe"),
    "notice_changed": ("changé vos avis par e-mail", "changé vos avis par e-mail", "changer vos avis par e-mail"),
    "conversation_closed": ("mis fin à un échange", "mis fin à un échange avec vous", "mettre fin à un échange"),
    "profile_opened": ("créé votre profil", "créé votre profil", "créer votre profil"),
    "profile_activated": ("activé votre profil", "activé votre profil", "activer votre profil"),
    "profile_closed": ("fermé votre profil", "fermé votre profil", "fermer votre profil"),
    "profile_reopened": ("rouvert votre profil", "rouvert votre profil", "rouvrir votre profil"),
    "care_declared": (
        "déclaré une prise en charge",
        "déclaré qu'un professionnel vous prend en charge",
        "déclarer une prise en charge",
    ),
}
_ATTEMPTS = {
    "sign_in": "Un essai de connexion à votre espace a échoué : mot de passe incorrect.",
    "second_factor": "Un essai de connexion à votre espace a échoué : code à usage unique incorrect.",
}
_OTHER = ("fait une action", "fait une action sur votre espace", "faire une action sur votre espace")
_SELF = frozenset(kind.value for kind in PATIENT_SIDE)
SYSTEM = "Le service"
SHORT = 5


@dataclass(frozen=True, slots=True)
class HistoryLine:
    """One line: its number in the register, when, what in one sentence, and why when it was refused."""

    seq: int
    at: datetime
    sentence: str
    why: str
    refused: bool


@dataclass(frozen=True, slots=True)
class HistoryPage:
    """Lines, newest first; `older` is the number before which the next page starts, None at the end."""

    lines: tuple[HistoryLine, ...]
    older: int | None


async def read_history(services: PortalServices, viewer: Viewer, before: int | None = None) -> HistoryPage:
    """Return a page of the history of this patient, the newest line first."""
    return await services.database.read(partial(_page, services=services, viewer=viewer, before=before))


def latest_lines(tx: Transaction, services: PortalServices, viewer: Viewer) -> list[HistoryLine]:
    """Return the few newest lines."""
    return _lines(tx, services, viewer, history_of_patient(tx, viewer.profile.id, SHORT))


def _page(tx: Transaction, services: PortalServices, viewer: Viewer, before: int | None) -> HistoryPage:
    found = history_of_patient(tx, viewer.profile.id, HISTORY_PAGE + 1, before)
    lines = _lines(tx, services, viewer, found[:HISTORY_PAGE])
    return HistoryPage(tuple(lines), found[HISTORY_PAGE - 1].seq if len(found) > HISTORY_PAGE else None)


def _lines(tx: Transaction, services: PortalServices, viewer: Viewer, found: Sequence[Recorded]) -> list[HistoryLine]:
    """Say the entries, leaving out what others did with a document that is hidden from her (access.md §10.7, 5)."""
    about_documents = any(each.entry.resource_kind == "document" for each in found)
    hidden = hidden_documents(tx, services, viewer) if about_documents else frozenset()
    return [
        history_line(each, viewer) for each in found if _is_mine(each, viewer) or each.entry.resource_id not in hidden
    ]


def _is_mine(recorded: Recorded, viewer: Viewer) -> bool:
    entry = recorded.entry
    return entry.subject_kind in _SELF and entry.subject_id in (viewer.profile.id, viewer.profile.account_id)


def history_line(recorded: Recorded, viewer: Viewer) -> HistoryLine:
    """Say one trace entry in plain words."""
    entry = recorded.entry
    refused = entry.verdict != Verdict.PERMIT.value
    mine = _is_mine(recorded, viewer)
    own, others, wanted = _DONE.get(entry.act, _OTHER)
    actor = entry.subject_label or SYSTEM
    if refused and entry.act in _ATTEMPTS:
        return HistoryLine(recorded.seq, entry.at, _ATTEMPTS[entry.act], "", refused)
    if refused:
        sentence = f"Vous avez voulu {wanted}." if mine else f"{actor} a voulu {wanted}."
    else:
        sentence = f"Vous avez {own}." if mine else f"{actor} a {others}."
    return HistoryLine(recorded.seq, entry.at, sentence, _why(entry.reason, mine) if refused else "", refused)


def _why(reason: str, mine: bool) -> str:
    """Give the sentence of a refusal; what was said to somebody else is quoted."""
    sentence = sentence_of(reason)
    return sentence if mine or not sentence else f"Réponse donnée : « {sentence} »"
