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
    from access_core.acts import ACT_SOURCES, Act
    from dmp_bridge.outcome import sentence_of

    entry = recorded.entry
    granted = ACT_SOURCES.get(Act(entry.act), ()) if entry.act in set(Act) else ()
    sources = granted if entry.verdict == "PERMIT" else _sources(entry.reason)
    return {**facts(recorded), "sentence": sentence_of(entry.reason), "sources": sources}


def _sources(reason: str) -> tuple[str, ...]:
    """Return what a refusal applies: of the engine's register, or of the bridge's for archives and documents."""
    from access_core.reasons import REGISTER, Reason
    from dmp_bridge import refusals

    if reason in set(refusals.Refusal):
        return (refusals.REGISTER[refusals.Refusal(reason)].source,)
    return REGISTER[Reason(reason)].sources
