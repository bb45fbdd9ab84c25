"""Acts and events of the trace as a professional reads them. A code without words is shown in general ones."""

from collections.abc import Mapping
from typing import Final

_WORDS: Final[Mapping[str, str]] = {
    "deliver_to_patient": "Envoi d'un message à un patient",
    "reply_by_patient": "Message d'un patient",
    "file_document": "Dépôt d'un document",
    "read_document": "Lecture d'un document",
    "search_by_traits": "Recherche par traits d'identité",
    "open_break_glass": "Ouverture du dossier en urgence",
    "mask_document": "Masquage de documents",
    "unmask_document": "Fin d'un masquage",
    "make_visible": "Document rendu visible",
    "block_professional": "Blocage d'un professionnel",
    "unblock_professional": "Fin d'un blocage",
    "grant_access": "Autorisation d'accès",
    "withdraw_access": "Retrait d'un accès",
    "delegate_access": "Partage du profil",
    "revoke_delegation": "Fin d'un partage",
    "close_profile": "Fermeture du profil",
    "reopen_profile": "Réouverture du profil",
    "delete_document": "Suppression d'un document",
    "archive_document": "Archivage d'un document",
    "unarchive_document": "Fin d'archivage d'un document",
    "documents_searched": "Recherche de documents",
    "read_access_history": "Lecture de l'historique des accès",
    "export_data": "Export des données",
    "sign_in": "Connexion : mot de passe",
    "second_factor": "Connexion : code à usage unique",
    "sign_out": "Déconnexion",
    "message_received": "Message reçu",
    "message_refused": "Message refusé",
    "message_read": "Lecture d'un message",
    "message_queued": "Message mis en attente d'envoi",
    "message_delivered": "Message remis",
    "message_relayed": "Message transmis",
    "message_delayed": "Message retardé",
    "message_bounced": "Message non distribué",
    "message_dropped": "Message retiré de la file d'attente",
    "relay_reported": "Avis de transmission",
    "delivery_reported": "Avis de remise",
    "failure_reported": "Avis de non-distribution",
    "reading_reported": "Accusé de lecture",
    "deletion_reported": "Avis de suppression sans lecture",
    "integration_reported": "Compte rendu d'intégration",
    "read_receipt": "Envoi d'un accusé de lecture",
    "integration_receipt": "Envoi d'un compte rendu d'intégration",
    "attachment_read": "Lecture d'une pièce jointe",
    "attestation_read": "Téléchargement d'une attestation",
    "conversation_closed": "Fin d'un échange",
    "care_declared": "Déclaration de prise en charge",
    "profile_opened": "Création du profil",
    "profile_activated": "Activation du profil",
    "profile_closed": "Fermeture du profil",
    "profile_opposed": "Opposition au profil",
    "profile_suspended": "Suspension du profil",
    "representation_ended": "Fin d'une représentation légale",
    "delegation_ended": "Fin d'un partage",
}
OTHER: Final = "Autre action"


def act_words(act: str) -> str:
    """Return what an act is called."""
    return _WORDS.get(act, OTHER)
