"""The texts of notices to ordinary e-mail: fixed sentences, the address of the space, a link that ends them.

An ordinary mailbox is read by anybody: a notice says that something waits in the space, never from whom, about whom or
what. The only fields that a text may hold are `{portail}` and `{desabonnement}`; both are addresses of ours.
"""

from dataclasses import dataclass
from enum import StrEnum

from access_core.obligations import Notice
from smtp_gateway.notice_choices import FIXED

GREETING = "Bonjour,"
SAFETY = "Pour votre sécurité, ce message ne contient aucune information de santé. Ne répondez pas à ce message."
CLOSING = (
    SAFETY,
    "Pour choisir les avis que vous recevez : {portail}/parametres",
    "Pour ne plus recevoir cet avis, sans vous connecter : {desabonnement}",
)
CLOSING_FIXED = (SAFETY, "Cet avis concerne la sécurité de l'espace : il ne peut pas être désactivé.")


class OwnNotice(StrEnum):
    """What the sender of notices says by itself."""

    DIGEST = "digest"
    """Once a day, for those who want no more."""
    REMINDER = "reminder"
    """Once, when a message stays unread."""


@dataclass(frozen=True, slots=True)
class NoticeText:
    """A subject, and the sentence that it stands for."""

    subject: str
    sentence: str


TEXTS: dict[Notice | OwnNotice, NoticeText] = {
    Notice.MESSAGE: NoticeText(
        "Vous avez un nouveau message", "Un nouveau message vous attend dans votre espace : {portail}/messages"
    ),
    Notice.ACTIVATION: NoticeText("Activez votre espace", "Votre espace est prêt. Pour l'activer : {portail}"),
    Notice.DOCUMENT: NoticeText(
        "Du nouveau dans votre espace", "Vos documents ont changé. Pour les consulter : {portail}/documents"
    ),
    Notice.ACCOUNT: NoticeText("Votre espace a changé", "L'état de votre espace a changé. Pour le voir : {portail}"),
    Notice.FIRST_ACCESS: NoticeText(
        "Premier accès à votre espace",
        "Un professionnel a accédé pour la première fois à votre espace. Pour le détail : {portail}/historique",
    ),
    Notice.EMERGENCY_ACCESS: NoticeText(
        "Accès en urgence à un espace", "Un espace a été consulté en urgence. Pour le détail : {portail}/historique"
    ),
    Notice.VISIT: NoticeText(
        "Du nouveau dans votre espace", "Une information vous attend dans votre espace : {portail}"
    ),
    Notice.ANNOUNCEMENT: NoticeText(
        "Une information sur votre espace", "Une information sur votre espace vous attend : {portail}"
    ),
    Notice.INVITATION: NoticeText(
        "Une invitation vous attend", "Une invitation à accéder à un espace vous attend : {portail}"
    ),
    Notice.GRANT: NoticeText(
        "Une autorisation vous attend", "Une autorisation attend votre réponse dans votre espace : {portail}"
    ),
    Notice.MAJORITY: NoticeText(
        "Les droits sur un espace vont changer", "Les droits d'accès à un espace vont changer. Détail : {portail}"
    ),
    Notice.DOCUMENT_OPENED: NoticeText(
        "Du nouveau dans votre espace", "Un document est désormais consultable : {portail}/documents"
    ),
    OwnNotice.DIGEST: NoticeText(
        "Du nouveau dans votre espace", "Depuis hier, du nouveau vous attend dans votre espace : {portail}"
    ),
    OwnNotice.REMINDER: NoticeText(
        "Un message vous attend toujours", "Un message que vous n'avez pas lu vous attend : {portail}/messages"
    ),
}


@dataclass(frozen=True, slots=True)
class Links:
    """The addresses that a text may name; UNSUBSCRIBE is None for a notice that cannot be ended."""

    portal: str
    unsubscribe: str | None = None


def render(notice: Notice | OwnNotice, links: Links) -> tuple[str, str]:
    """Return the subject and the text of a notice."""
    chosen = TEXTS[notice]
    closing = CLOSING_FIXED if notice in FIXED or links.unsubscribe is None else CLOSING
    text = "\n\n".join((GREETING, chosen.sentence, "\n".join(closing)))
    return chosen.subject, text.format(portail=links.portal.rstrip("/"), desabonnement=links.unsubscribe) + "\n"
