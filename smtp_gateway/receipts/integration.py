"""Integration receipts (business MDN): what the record did with a document that came by mail. Values and words, pure.

The bridge, ours or that of an external record, knows what became of a message's documents; the gateway writes to
the sender. Between the two stands one outbox task, the only contract:

    kind     INTEGRATION_TASK, "mdn.integration"
    key      f"{message_id}:{mailbox_id}", so that a message is answered once, whatever is tried again
    payload  message_id       of the store (32 characters)
             mailbox_id       the mailbox that received it, and in whose name the receipt is written
             code             "" when every document was integrated; else one of INTEGRATION_LABELS, "900" to "906",
                              that of the first document refused
             reason           the code traced: "OK", or a code of access_core.reasons or dmp_bridge.refusals

Whether a receipt leaves is decided here (`rules.py`): the sender must have asked for it. A task without effect ends.
Source: dmp.md §4.3, domain note §8 (IG-LPS struct-msg-mdn), RFC 8098.
"""

from typing import Final

INTEGRATION_TASK = "mdn.integration"
INTEGRATION_LABELS: Final = {
    "900": "Version du document incorrecte",
    "901": "Auteur non autorisé",
    "902": "Identifiant patient inconnu",
    "903": "INS absente du document",
    "904": "INS ou traits différents de l'identité locale",
    "905": "INS incomplète",
    "906": "Autre erreur",
}
"""The label of each application code, as the receipt says it; it tells nothing of the patient."""


def label_of(code: str) -> str:
    """Return the label of an application code; one that is not known reads as 906."""
    return INTEGRATION_LABELS.get(code, INTEGRATION_LABELS["906"])
