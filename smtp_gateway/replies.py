"""Every reply of the SMTP listeners: reason -> code, enhanced code (RFC 3463), sentence, all in one table.

Sentences are French without accents (the wire is ASCII), end with the reason code in brackets when they
refuse, and never repeat what the peer sent. A recipient that does not exist, that opposed or that closed its
space gets the same bytes, so that the wire tells nobody which it is.
"""

import unicodedata
from dataclasses import dataclass
from enum import StrEnum

from access_core.reasons import REGISTER, Reason
from vaguemestre.kernel.errors import StorageFull, TemporaryFailure


class Refusal(StrEnum):
    """The gateway's own reasons, beside the register of the access engine; codes are stable once released."""

    SYNTAX = "S_SYNTAXE"
    UNKNOWN_COMMAND = "S_COMMANDE_INCONNUE"
    NOT_OFFERED = "S_COMMANDE_NON_OFFERTE"
    LINE_END = "S_FIN_DE_LIGNE"
    LINE_TOO_LONG = "S_LIGNE_TROP_LONGUE"
    SEQUENCE = "S_ORDRE"
    PARAMETER = "S_PARAMETRE"
    NOT_ASCII = "S_SMTPUTF8"
    HEADER_NOT_ASCII = "S_ENTETE_SMTPUTF8"
    ADDRESS = "S_ADRESSE"
    TLS_REQUIRED = "S_TLS_REQUIS"
    TLS_UNAVAILABLE = "S_TLS_INDISPONIBLE"
    AUTH_REQUIRED = "S_AUTH_REQUISE"
    AUTH_MECHANISM = "S_AUTH_MECANISME"
    AUTH_ABORTED = "S_AUTH_ABANDON"
    AUTH_RESPONSE = "S_AUTH_REPONSE"
    AUTH_FAILED = "S_IDENTIFIANTS"
    AUTH_THROTTLED = "S_TROP_D_ESSAIS"
    AUTH_PATIENT = "S_PATIENT_PAR_PORTAIL"
    PEER_UNKNOWN = "S_OPERATEUR_INCONNU"
    PEER_REVOKED = "S_CERTIFICAT_REVOQUE"
    PEER_EXPIRED = "S_CERTIFICAT_EXPIRE"
    REVOCATION_UNKNOWN = "S_REVOCATION_INCONNUE"
    LIST_STALE = "S_LISTE_PERIMEE"
    PEER_DOMAIN = "S_DOMAINE_EXPEDITEUR"
    SENDER = "S_EXPEDITEUR"
    FROM_COUNT = "S_FROM_UNIQUE"
    FROM = "S_FROM"
    ACCOUNT_CLOSED = "S_COMPTE_FERME"
    REMOTE = "S_DOMAINE_DISTANT"
    MANY_PATIENTS = "S_UN_SEUL_PATIENT"
    TOO_MANY_RECIPIENTS = "S_TROP_DE_DESTINATAIRES"
    NO_RECIPIENT = "S_AUCUN_DESTINATAIRE"
    TOO_LARGE = "S_TAILLE"
    HEADER_TOO_LARGE = "S_ENTETE_TAILLE"
    BARE_LINE_END = "S_CR_LF_ISOLE"
    NUL = "S_OCTET_NUL"
    FILE_TYPE = "S_PIECE_JOINTE_TYPE"
    FILE_NAME = "S_PIECE_JOINTE_NOM"
    FILE_CONTENT = "S_PIECE_JOINTE_CONTENU"
    ARCHIVE = "S_ARCHIVE"
    ARCHIVE_ENCRYPTED = "S_ARCHIVE_CHIFFREE"
    VIRUS = "S_VIRUS"
    ANTIVIRUS_DOWN = "S_ANTIVIRUS_INDISPONIBLE"
    X_MSS = "S_X_MSS"
    RATE_MESSAGES = "S_QUOTA_MESSAGES"
    RATE_RECIPIENTS = "S_QUOTA_DESTINATAIRES"
    RATE_BYTES = "S_QUOTA_VOLUME"
    MAILBOX_FULL = "S_BOITE_PLEINE"
    LOOP = "S_BOUCLE"
    STORAGE = "S_STOCKAGE"
    TEMPORARY = "S_INDISPONIBLE"
    TOO_MANY_CONNECTIONS = "S_TROP_DE_CONNEXIONS"
    TOO_MANY_MAILS = "S_TROP_DE_MESSAGES"
    TOO_MANY_ERRORS = "S_TROP_D_ERREURS"
    TOO_SLOW = "S_DELAI"
    CLOSING = "S_ARRET"


@dataclass(frozen=True, slots=True)
class Reply:
    """One reply, ready for the wire."""

    line: bytes
    """With its CRLF; several lines for EHLO."""
    reason: str | None = None
    """The code in brackets, None when the reply refuses nothing."""

    @property
    def accepted(self) -> bool:
        """Whether it is a 2yz or 3yz reply."""
        return self.line[:1] in b"23"

    @property
    def code(self) -> int:
        """The three digits."""
        return int(self.line[:3])


def to_ascii(text: str) -> str:
    """Write French without accents and with plain apostrophes."""
    plain = unicodedata.normalize("NFKD", text.replace("’", "'").replace("œ", "oe").replace("«", '"').replace("»", '"'))
    return " ".join("".join(letter for letter in plain if letter.isascii()).split())


def _refusal(codes: str, sentence: str, reason: str) -> Reply:
    return Reply(f"{codes} {to_ascii(sentence)} [{reason}]\r\n".encode("ascii"), reason)


OWN: dict[Refusal, tuple[str, str]] = {
    Refusal.SYNTAX: ("501 5.5.4", "Syntaxe incorrecte."),
    Refusal.UNKNOWN_COMMAND: ("500 5.5.1", "Commande inconnue."),
    Refusal.NOT_OFFERED: ("502 5.5.1", "Commande non offerte."),
    Refusal.LINE_END: ("500 5.5.2", "Une ligne de commande se termine par CR LF."),
    Refusal.LINE_TOO_LONG: ("500 5.5.2", "Ligne trop longue."),
    Refusal.SEQUENCE: ("503 5.5.1", "Commande hors séquence."),
    Refusal.PARAMETER: ("555 5.5.4", "Paramètre inconnu ou non pris en charge."),
    Refusal.NOT_ASCII: ("553 5.6.7", "Adresse non ASCII : SMTPUTF8 n'est pas en vigueur."),
    Refusal.HEADER_NOT_ASCII: ("550 5.6.7", "En-tête non ASCII : SMTPUTF8 n'a pas été déclaré."),
    Refusal.ADDRESS: ("553 5.1.3", "Adresse mal formée."),
    Refusal.TLS_REQUIRED: ("530 5.7.0", "STARTTLS est requis d'abord."),
    Refusal.TLS_UNAVAILABLE: ("454 4.7.0", "TLS indisponible."),
    Refusal.AUTH_REQUIRED: ("530 5.7.0", "Identification requise."),
    Refusal.AUTH_MECHANISM: ("504 5.5.4", "Mécanisme d'identification inconnu."),
    Refusal.AUTH_ABORTED: ("501 5.7.0", "Identification abandonnée."),
    Refusal.AUTH_RESPONSE: ("501 5.5.2", "Réponse d'identification illisible."),
    Refusal.AUTH_FAILED: ("535 5.7.8", "Identifiant ou mot de passe incorrect."),
    Refusal.AUTH_THROTTLED: ("454 4.7.0", "Trop d'essais. Réessayez plus tard."),
    Refusal.AUTH_PATIENT: ("535 5.7.8", "Un patient écrit depuis son espace, avec une connexion à deux facteurs."),
    Refusal.PEER_UNKNOWN: ("554 5.7.1", "Le certificat présenté ne figure pas dans la liste blanche."),
    Refusal.PEER_REVOKED: ("554 5.7.1", "Le certificat présenté est révoqué."),
    Refusal.PEER_EXPIRED: ("554 5.7.1", "Le certificat présenté n'est plus valable."),
    Refusal.REVOCATION_UNKNOWN: ("451 4.7.1", "La révocation du certificat ne peut pas être vérifiée. Réessayez."),
    Refusal.LIST_STALE: ("451 4.7.1", "Liste blanche trop ancienne. Réessayez plus tard."),
    Refusal.PEER_DOMAIN: ("550 5.7.1", "Domaine de l'expéditeur non autorisé pour ce certificat."),
    Refusal.SENDER: ("550 5.7.1", "Cette adresse d'expéditeur n'appartient pas au compte identifié."),
    Refusal.FROM_COUNT: ("550 5.7.1", "Le message doit avoir un seul champ From avec une seule adresse."),
    Refusal.FROM: ("550 5.7.1", "L'adresse du champ From n'est pas autorisée pour cet expéditeur."),
    Refusal.ACCOUNT_CLOSED: ("550 5.7.1", "Ce compte ne peut plus envoyer de message."),
    Refusal.REMOTE: (
        "550 5.7.1",
        "Ce domaine n'est pas desservi par cet opérateur ou n'appartient pas à l'espace de confiance.",
    ),
    Refusal.MANY_PATIENTS: ("550 5.7.1", "Un message ne s'adresse qu'à un seul patient."),
    Refusal.TOO_MANY_RECIPIENTS: ("452 4.5.3", "Trop de destinataires."),
    Refusal.NO_RECIPIENT: ("554 5.5.1", "Aucun destinataire valable."),
    Refusal.TOO_LARGE: ("552 5.3.4", "Message trop volumineux."),
    Refusal.HEADER_TOO_LARGE: ("552 5.3.4", "En-tête trop volumineux."),
    Refusal.BARE_LINE_END: ("550 5.6.11", "CR ou LF isolé dans le message."),
    Refusal.NUL: ("554 5.6.0", "Octet nul dans le message."),
    Refusal.FILE_TYPE: ("550 5.7.1", "Une pièce jointe est d'un type qui n'est pas accepté."),
    Refusal.FILE_NAME: ("550 5.7.1", "Le nom d'une pièce jointe cache son type."),
    Refusal.FILE_CONTENT: ("550 5.7.1", "Le contenu d'une pièce jointe n'est pas celui que son nom annonce."),
    Refusal.ARCHIVE: ("550 5.7.1", "Une archive jointe est illisible, trop grande ou trop profonde."),
    Refusal.ARCHIVE_ENCRYPTED: ("550 5.7.1", "Une archive jointe est protégée par un mot de passe."),
    Refusal.VIRUS: ("550 5.7.1", "Un logiciel malveillant a été trouvé dans le message."),
    Refusal.ANTIVIRUS_DOWN: ("451 4.7.1", "L'antivirus est indisponible. Réessayez plus tard."),
    Refusal.X_MSS: ("550 5.6.0", "Un champ X-MSS ne correspond pas au contenu du message."),
    Refusal.RATE_MESSAGES: ("451 4.7.1", "Trop de messages en une heure. Réessayez plus tard."),
    Refusal.RATE_RECIPIENTS: ("452 4.7.1", "Trop de destinataires en un jour. Réessayez plus tard."),
    Refusal.RATE_BYTES: ("452 4.7.1", "Trop de volume en un jour. Réessayez plus tard."),
    Refusal.MAILBOX_FULL: ("452 4.2.2", "La boîte aux lettres du destinataire est pleine."),
    Refusal.LOOP: ("554 5.4.6", "Trop d'étapes : le message tourne en boucle."),
    Refusal.STORAGE: ("452 4.3.1", "Espace de stockage insuffisant. Réessayez plus tard."),
    Refusal.TEMPORARY: ("451 4.3.0", "Service momentanément indisponible. Réessayez plus tard."),
    Refusal.TOO_MANY_CONNECTIONS: ("421 4.7.0", "Trop de connexions depuis cette adresse."),
    Refusal.TOO_MANY_MAILS: ("421 4.7.0", "Trop de messages par cette connexion. Reconnectez-vous."),
    Refusal.TOO_MANY_ERRORS: ("421 4.7.0", "Trop d'erreurs."),
    Refusal.TOO_SLOW: ("421 4.4.2", "Délai dépassé."),
    Refusal.CLOSING: ("421 4.3.2", "Le service s'arrête. Réessayez plus tard."),
}


def _table() -> dict[str, Reply]:
    replies = {reason.value: _refusal(codes, text, reason.value) for reason, (codes, text) in OWN.items()}
    for reason, entry in REGISTER.items():
        if reason is not Reason.OK:
            shown = entry.smtp_shown  # what may not be told apart from another reason quotes that one
            replies[reason.value] = _refusal(entry.smtp, REGISTER[shown].sentence, shown.value)
    return replies


REPLIES: dict[str, Reply] = _table()
"""Reason code -> reply, for every reason of the engine and of the gateway."""

OK = Reply(b"250 2.0.0 OK\r\n")
SENDER_OK = Reply(b"250 2.1.0 OK\r\n")
RECIPIENT_OK = Reply(b"250 2.1.5 OK\r\n")
START_DATA = Reply(b"354 Terminez par <CRLF>.<CRLF>\r\n")
CHUNK_TAKEN = Reply(b"250 2.0.0 Bloc recu\r\n")
BYE = Reply(b"221 2.0.0 Au revoir\r\n")
READY_FOR_TLS = Reply(b"220 2.0.0 TLS\r\n")
AUTHENTICATED = Reply(b"235 2.7.0 Identification acceptee\r\n")
CANNOT_VERIFY = Reply(b"252 2.5.2 Adresse non verifiee\r\n")
HELP = Reply(b"214 2.0.0 RFC 5321\r\n")


def refuse(reason: Reason | Refusal) -> Reply:
    """Return the reply of a reason."""
    return REPLIES[reason.value]


def defer(failure: TemporaryFailure) -> Reply:
    """Return the reply of a failure that may pass: 452 when there is no room left, else 451 (RFC 5321 §4.2.3)."""
    return refuse(Refusal.STORAGE if isinstance(failure, StorageFull) else Refusal.TEMPORARY)


def accepted(message_id: str) -> Reply:
    """Return the reply after the data: stored, delivered, decided, traced; MESSAGE_ID is the store's."""
    return Reply(f"250 2.0.0 OK {message_id}\r\n".encode("ascii"))
