"""The table that the demonstration prints: one line for each thing that was expected."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, slots=True)
class Line:
    """What was done, what the mission wants, what was seen."""

    step: int
    did: str
    expected: str
    seen: str
    as_expected: bool


def print_report(lines: Sequence[Line], console: Console) -> bool:
    """Print the table; returns whether every line is as expected."""
    table = Table(title="La première conversation", title_justify="left", show_lines=False)
    table.add_column("étape", justify="right")
    for heading in ("ce qui est fait", "attendu", "obtenu"):
        table.add_column(heading, overflow="fold")
    table.add_column("")
    for line in lines:
        verdict = "[green]oui[/]" if line.as_expected else "[bold red]NON[/]"
        table.add_row(str(line.step), line.did, line.expected, line.seen, verdict)
    console.print(table)
    return all(line.as_expected for line in lines)
