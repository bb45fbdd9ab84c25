"""What commands share: their common options, the open instance, printing, reading a password."""

import dataclasses
import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from zoneinfo import ZoneInfo

import typer

from vaguemestre.kernel.errors import ConfigurationError, PermanentFailure

if TYPE_CHECKING:
    from vaguemestre.app.bootstrap import Instance
    from vaguemestre.app.settings import Settings

LONG_LINE = 80
"""Characters from which a list is printed line by line."""
Config = Annotated[
    Path | None,
    typer.Option("--config", help="Fichier de configuration (défaut : $VAGUEMESTRE_CONFIG, puis ./vaguemestre.toml)."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Un seul document JSON sur la sortie standard.")]
PasswordStdin = Annotated[
    bool, typer.Option("--password-stdin", help="Lit le mot de passe sur l'entrée standard (première ligne).")
]


class Refused(PermanentFailure):
    """The command cannot be done; the text is the sentence that the user reads."""


def read_settings(config: Path | None) -> "Settings":
    """Read the settings that the command names."""
    from vaguemestre.app.settings import find_config, load_settings

    return load_settings(find_config(config))


@contextmanager
def opened(config: Path | None, *, whatever_catalogue: bool = False) -> "Iterator[Instance]":
    """Open the instance for one command, and close it after.

    Raises:
        ConfigurationError: its catalogue is gone or of another release, unless WHATEVER_CATALOGUE.
    """
    from vaguemestre.app.bootstrap import Instance
    from vaguemestre.app.migrations import require_newest
    from vaguemestre.kernel.log import configure

    configure()
    settings = read_settings(config)
    if not whatever_catalogue:
        require_newest(settings.database_url())
    instance = Instance(settings)
    try:
        yield instance
    finally:
        instance.close_now()


def password_from_stdin(*, asked: bool) -> str:
    """Return the first line of standard input.

    Raises:
        ConfigurationError: `--password-stdin` was not given (a password is never an argument), or nothing came.
    """
    if not asked:
        raise ConfigurationError("donnez --password-stdin et le mot de passe sur l'entrée standard")
    password = sys.stdin.readline().rstrip("\r\n")
    if not password:
        raise ConfigurationError("aucun mot de passe sur l'entrée standard")
    return password


def new_password(*, asked: bool) -> str:
    """Return a password from standard input that is strong enough to be set.

    Raises:
        Refused: too short or too plain.
    """
    from access_core.authentication.passwords import SENTENCES, weakness

    password = password_from_stdin(asked=asked)
    if (why := weakness(password)) is not None:
        raise Refused(SENTENCES[why])
    return password


def midnight(text: str, zone: str) -> datetime:
    """Return the first instant of a day, YYYY-MM-DD, in a time zone.

    Raises:
        Refused: not a date.
    """
    try:
        return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))
    except ValueError:
        raise Refused("--until : écrivez AAAA-MM-JJ") from None


def print_json(data: object) -> None:
    """Print DATA as one JSON document."""
    print(json.dumps(as_data(data), ensure_ascii=False))


def print_rows(rows: Sequence[Mapping[str, object]], columns: Sequence[str], *, as_json: bool) -> None:
    """Print ROWS as a JSON list, or as aligned columns for people."""
    if as_json:
        print_json(rows)
        return
    cells = [list(columns), *([_cell(row.get(column)) for column in columns] for row in rows)]
    widths = [max(len(line[place]) for line in cells) for place in range(len(columns))]
    for line in cells:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def print_facts(facts: Mapping[str, object], *, as_json: bool) -> None:
    """Print one thing: a JSON object, or a line per fact."""
    if as_json:
        print_json(facts)
        return
    for name, value in facts.items():
        cell, data = _cell(value), as_data(value)
        if isinstance(data, list) and len(cell) > LONG_LINE:
            cell = "".join(f"\n  - {_cell(each)}" for each in data)
        print(f"{name} : {cell}" if not cell.startswith("\n") else f"{name} :{cell}")


def as_data(value: object) -> Any:
    """Turn dataclasses, instants and codes into what JSON can say."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: as_data(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): as_data(each) for key, each in value.items()}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, str | int | float | bool) or value is None:
        return value
    if isinstance(value, Iterable):
        return [as_data(each) for each in (sorted(value) if isinstance(value, frozenset | set) else value)]
    return str(value)


def _cell(value: object) -> str:
    """Write a value for people; "-" for nothing."""
    data = as_data(value)
    if isinstance(data, bool):
        return "oui" if data else "non"
    if isinstance(data, Mapping):
        return ", ".join(f"{key} {_cell(each)}" for key, each in data.items()) or "-"
    if isinstance(data, list):
        return ", ".join(map(_cell, data)) or "-"
    return "-" if data is None or data == "" else str(data)
