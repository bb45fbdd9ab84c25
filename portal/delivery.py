"""What became of a message for each recipient, in words: the same for a page, the API and `vaguemestre explain`."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from access_core.decision import Verdict
from portal.sentences import sentence_of
from smtp_gateway.receipts.outcome import UNDELIVERED, WORDS, Outcome
from smtp_gateway.receipts.states import RecipientState


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipientLine:
    """One recipient: where the message is, since when, and why when it failed; `words` says both."""

    recipient: str
    state: Outcome
    words: str
    reason: str | None
    status: str | None
    at: datetime

    @property
    def failed(self) -> bool:
        """Whether somebody has to do something about it."""
        return self.state in UNDELIVERED or self.state is Outcome.NOT_INTEGRATED

    @property
    def verdict(self) -> Verdict:
        """The same in the words of the trace."""
        if self.failed:
            return Verdict.DENY
        return Verdict.DEFER if self.state is Outcome.WAITING else Verdict.PERMIT


def recipient_lines(states: Iterable[RecipientState]) -> tuple[RecipientLine, ...]:
    """Say the state of each recipient in words."""
    return tuple(
        RecipientLine(
            recipient=each.recipient,
            state=each.state,
            words=_words(each),
            reason=each.reason,
            status=each.status,
            at=each.at,
        )
        for each in states
    )


def _words(each: RecipientState) -> str:
    said = WORDS[each.state]
    if each.reason is None:
        return f"{said}."
    why = sentence_of(each.reason)
    return f"{said} : {why[:1].lower()}{why[1:].rstrip('.')}." if why else f"{said}."
