"""`vaguemestre explain`: everything that happened to one message."""

from typing import TYPE_CHECKING, Annotated

import typer

from vaguemestre.app.cli.shared import AsJson, Config, Refused, opened, print_rows
from vaguemestre.app.cli.trace import facts

if TYPE_CHECKING:
    from access_core.trace.reader import Recorded
    from smtp_gateway.receipts.states import RecipientState

COLUMNS = ("seq", "at", "act", "verdict", "reason", "subject_label", "sentence", "sources")


def explain(
    message_id: Annotated[str, typer.Argument(metavar="MESSAGE-ID", help="Message-ID, avec ou sans chevrons.")],
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Explique ce qu'un message est devenu.

    Chaque décision avec sa raison et sa source, chaque remise, chaque dépôt ; à la fin, où en est chaque destinataire.
    """
    from access_core.trace.reader import by_message
    from portal.explanation import bracketed
    from smtp_gateway.receipts.states import states_named

    with opened(config) as instance:
        found = instance.database.read_now(lambda tx: by_message(tx, message_id))
        states = instance.database.read_now(lambda tx: states_named(tx, bracketed(message_id)))
    if not found:
        raise Refused("aucune trace de ce message")
    print_rows([*map(_explained, found), *map(_outcome, states)], COLUMNS, as_json=as_json)


def _outcome(state: "RecipientState") -> dict[str, object]:
    """Return the one state of a recipient as a row; `state` and `status` are its own."""
    from portal.delivery import recipient_lines
    from portal.explanation import OUTCOME

    (line,) = recipient_lines([state])
    return {
        "seq": None,
        "at": line.at,
        "act": OUTCOME,
        "verdict": line.verdict,
        "reason": line.reason or "OK",
        "subject_label": line.recipient,
        "sentence": line.words,
        "sources": (),
        "state": line.state,
        "status": line.status,
    }


def _explained(recorded: "Recorded") -> dict[str, object]:
    from portal.explanation import explained

    line = explained(recorded)
    return {**facts(recorded), "sentence": line.sentence, "sources": line.sources}
