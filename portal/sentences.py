"""The French sentence of any reason code: the engine's, the bridge's, the gateway's."""

from dmp_bridge import outcome
from smtp_gateway import sentences


def sentence_of(reason: str) -> str:
    """Return what a person reads for a reason code; empty for what is in no register."""
    return outcome.sentence_of(reason) or sentences.sentence_of(reason)
