"""`vaguemestre explain`: everything that happened to one message."""

from typing import TYPE_CHECKING, Annotated

import typer

from vaguemestre.app.cli.shared import AsJson, Config, Refused, opened, print_rows
from vaguemestre.app.cli.trace import facts

if TYPE_CHECKING:
    from access_core.trace.reader import Recorded

COLUMNS = ("seq", "at", "act", "verdict", "reason", "subject_label", "sentence", "sources")


def explain(
    message_id: Annotated[str, typer.Argument(metavar="MESSAGE-ID", help="Message-ID, avec ou sans chevrons.")],
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Explique ce qu'un message est devenu.

    Chaque décision avec sa raison et sa source, chaque remise, chaque dépôt.
    """
    from access_core.trace.reader import by_message

    with opened(config) as instance:
        found = instance.database.read_now(lambda tx: by_message(tx, message_id))
    if not found:
        raise Refused("aucune trace de ce message")
    print_rows([_explained(each) for each in found], COLUMNS, as_json=as_json)


def _explained(recorded: "Recorded") -> dict[str, object]:
    from portal.explanation import explained

    line = explained(recorded)
    return {**facts(recorded), "sentence": line.sentence, "sources": line.sources}
