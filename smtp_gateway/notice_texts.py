"""The texts of notices to the ordinary e-mail of patients: fixed sentences and the address of the space, nothing else.

An ordinary mailbox is read by anybody: a notice says that something waits in the space, never from whom, about whom or
what. The only field that a text may hold is `{portail}`.
"""

from dataclasses import dataclass

from access_core.obligations import Notice

GREETING = "Bonjour,"
CLOSING = (
    "Pour votre sécurité, ce message ne contient aucune information de santé. Ne répondez pas à ce message.",
    "Pour choisir les avis que vous recevez : {portail}/parametres",
)
CLOSING_FIXED = (
    "Pour votre sécurité, ce message ne contient aucune information de santé. Ne répondez pas à ce message.",
    "Cet avis concerne la sécurité de l'espace : il ne peut pas être désactivé.",
)
FIXED = frozenset({Notice.FIRST_ACCESS, Notice.EMERGENCY_ACCESS, Notice.ACCOUNT})


@dataclass(frozen=True, slots=True)
class NoticeText:
    """A subject, and the sentence that it stands for."""

    subject: str
    sentence: str


TEXTS: dict[Notice, NoticeText] = {
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
}


def render(notice: Notice, portal_url: str) -> tuple[str, str]:
    """Return the subject and the text of a notice."""
    chosen = TEXTS[notice]
    closing = CLOSING_FIXED if notice in FIXED else CLOSING
    text = "\n\n".join((GREETING, chosen.sentence, "\n".join(closing)))
    return chosen.subject, text.format(portail=portal_url.rstrip("/")) + "\n"
