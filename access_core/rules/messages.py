"""Messages: delivery to a patient, reply by a patient."""

from access_core.decision import Obligation
from access_core.facts import (
    PATIENT_SIDE,
    Context,
    Exchange,
    Mode,
    ProfileState,
    Recipient,
    ReplyOption,
    Resource,
    Subject,
    SubjectKind,
)
from access_core.reasons import Reason
from access_core.rules import Outcome


def deliver_to_patient(_subject: Subject, resource: Resource, context: Context) -> Outcome:
    """Let any professional of the trust space write; a block or the matrix does not matter.

    A minor's mailbox is read by her parents: nothing secret goes there.
    """
    if context.mode is Mode.SECRET:
        return Reason.C_SECRET_MINEUR
    if resource.profil is ProfileState.NON_ACTIVE:
        return (Obligation.INVITE_ACTIVATION, Obligation.NOTIF_TITULAIRE)
    return (Obligation.NOTIF_TITULAIRE,)


def reply_by_patient(subject: Subject, resource: Resource, _context: Context) -> Outcome:
    """Let the patient's side answer whoever wrote first, as long as the exchange is open.

    Source: MSS2:ECO.2.2.8
    """
    if subject.sujet not in PATIENT_SIDE:
        return Reason.H_TITULAIRE_REQUIS
    if resource.conversation is Exchange.INEXISTANTE or resource.destinataire is not Recipient.EXPEDITEUR:
        return Reason.C_ECHANGE_NON_INITIE
    if resource.conversation is Exchange.CLOSE_FIN:
        return Reason.C_ECHANGE_CLOS
    if resource.reponse is not ReplyOption.AUTORISEE:
        return Reason.C_REPONSE_NON_AUTORISEE
    return () if subject.sujet is SubjectKind.TITULAIRE else (Obligation.MENTION_REDACTEUR,)
