"""The one state of a recipient of a message of ours: how far the message is known to have come. Pure.

States are ordered, and a report only ever moves a recipient forward; so the state in which it ends does not depend on
the order in which reports arrive, nor on one that arrives twice. A success told late corrects a failure told before.
Whatever is told of a recipient goes through `further`.
"""

from enum import StrEnum


class Outcome(StrEnum):
    """How far a message came for one recipient, the least first; all but waiting may be final."""

    WAITING = "waiting"
    RELAYED = "relayed"
    EXPIRED = "expired"
    DROPPED = "dropped"
    FAILED = "failed"
    DELIVERED = "delivered"
    DELETED = "deleted"
    READ = "read"
    NOT_INTEGRATED = "not_integrated"
    INTEGRATED = "integrated"


ORDER = {state: place for place, state in enumerate(Outcome)}
UNDELIVERED = frozenset({Outcome.FAILED, Outcome.EXPIRED, Outcome.DROPPED})
WORDS = {
    Outcome.WAITING: "En attente de remise",
    Outcome.RELAYED: "Transmis à la messagerie du destinataire",
    Outcome.EXPIRED: "Message non distribué",
    Outcome.DROPPED: "Message non distribué",
    Outcome.FAILED: "Message non distribué",
    Outcome.DELIVERED: "Remis",
    Outcome.DELETED: "Supprimé sans être lu",
    Outcome.READ: "Lu",
    Outcome.NOT_INTEGRATED: "Remis, document non intégré",
    Outcome.INTEGRATED: "Remis, document intégré",
}
"""What people read of each state."""


def further(known: Outcome, told: Outcome) -> Outcome:
    """Return the state after a report; a report of less than is known changes nothing."""
    return max(known, told, key=ORDER.__getitem__)
