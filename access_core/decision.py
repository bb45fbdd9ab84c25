"""What the engine answers: a verdict, one reason, what must follow.

A decision is a value: the caller traces it, then acts on it. It has no truth value, so that nobody drops
the reason on the way.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import NoReturn

from access_core.reasons import Reason


class Verdict(StrEnum):
    """Yes, no, or not now."""

    PERMIT = "PERMIT"
    DENY = "DENY"
    DEFER = "DEFER"


class Obligation(StrEnum):
    """What has to be done together with the act (`domain/access.md` §10.5)."""

    TRACE = "TRACE"
    INVITE_ACTIVATION = "INVITE_ACTIVATION"
    NOTIF_TITULAIRE = "NOTIF_TITULAIRE"
    NOTIF_PREMIER_ACCES = "NOTIF_PREMIER_ACCES"
    NOTIF_URGENCE_TITULAIRE = "NOTIF_URGENCE_TITULAIRE"
    NOTIF_URGENCE_MT = "NOTIF_URGENCE_MT"
    NOTIF_PRO = "NOTIF_PRO"
    NE_PAS_NOTIFIER_RL = "NE_PAS_NOTIFIER_RL"
    BANDEAU_BRIS_DE_GLACE = "BANDEAU_BRIS_DE_GLACE"
    ALERTE_INVISIBLE_PATIENT = "ALERTE_INVISIBLE_PATIENT"
    ALERTE_INVISIBLE_RL = "ALERTE_INVISIBLE_RL"
    INFORMER_PATIENT = "INFORMER_PATIENT"
    ORIENTER_3422 = "ORIENTER_3422"
    FORCER_INVISIBLE_RL = "FORCER_INVISIBLE_RL"
    APPLIQUER_MASQUE_DEFAUT = "APPLIQUER_MASQUE_DEFAUT"
    PROGRAMMER_J14 = "PROGRAMMER_J14"
    PROGRAMMER_M1 = "PROGRAMMER_M1"
    DEDUP = "DEDUP"
    MENTION_REDACTEUR = "MENTION_REDACTEUR"
    ATTESTATION_PDF = "ATTESTATION_PDF"
    CONSERVER_10_ANS = "CONSERVER_10_ANS"
    SUPPRIMER_SOUS_3_MOIS = "SUPPRIMER_SOUS_3_MOIS"
    RESTAURER_ARCHIVES = "RESTAURER_ARCHIVES"
    PROFIL_VIDE = "PROFIL_VIDE"
    FILTRER_SECRET = "FILTRER_SECRET"  # noqa: S105 - an obligation, not a password


# The notices that are queued. An act whose other obligations cannot be carried out must not take effect.
NOTICES: frozenset[Obligation] = frozenset(
    {
        Obligation.INVITE_ACTIVATION,
        Obligation.NOTIF_TITULAIRE,
        Obligation.NOTIF_PREMIER_ACCES,
        Obligation.NOTIF_URGENCE_TITULAIRE,
        Obligation.NOTIF_URGENCE_MT,
        Obligation.NOTIF_PRO,
    }
)

# What the professional reads beside a document that somebody may not see (DMP EX_3.2-1025).
ALERT_SENTENCES: dict[Obligation, str] = {
    Obligation.ALERTE_INVISIBLE_PATIENT: "Attention, ce document n'est pas visible du patient",
    Obligation.ALERTE_INVISIBLE_RL: (
        "Attention, ce document n'est pas visible des représentants légaux,"
        " pour préserver le secret du mineur titulaire du DMP"
    ),
}


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer to one request: `reason` is the first that failed, or `OK`.

    `obligations` leaves out `TRACE`, which goes with every decision: see `duties`.
    """

    verdict: Verdict
    reason: Reason
    obligations: tuple[Obligation, ...]
    sources: tuple[str, ...]

    @property
    def allowed(self) -> bool:
        """Whether the act may take effect now."""
        return self.verdict is Verdict.PERMIT

    @property
    def duties(self) -> tuple[Obligation, ...]:
        """Everything to carry out, tracing first."""
        return (Obligation.TRACE, *self.obligations)

    def __bool__(self) -> NoReturn:
        raise TypeError("a decision has no truth value: read .allowed and keep .reason")
