"""The French sentence of each of the gateway's own reason codes, for those who read a trace."""

from smtp_gateway.queue.model import Trouble
from smtp_gateway.queue.reports import SENTENCES
from smtp_gateway.receipts.integration import INTEGRATION_LABELS
from smtp_gateway.receipts.rules import SENTENCES as SILENT
from smtp_gateway.receipts.rules import Silence
from smtp_gateway.replies import OWN, Refusal


def sentence_of(reason: str) -> str:
    """Return the sentence of a refusal at the door or of a trouble on the way; empty for any other code."""
    if reason in set(Refusal):
        return OWN[Refusal(reason)][1]
    if reason in set(Trouble):
        said = SENTENCES[Trouble(reason)]
        return said[0].upper() + said[1:]
    if reason in set(Silence):
        return SILENT[Silence(reason)]
    return f"{INTEGRATION_LABELS[reason]}." if reason in INTEGRATION_LABELS else ""
