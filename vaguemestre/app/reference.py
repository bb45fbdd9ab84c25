"""`python -m vaguemestre.app.reference`: the pages of docs/reference that say what the code says.

`settings.md` comes from the settings models, `cli.md` from the tree of commands, `imap.md` from the capability
table; a test compares them.
"""

import sys
import typing
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any

import typer.main
from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from mailstore.imap.capabilities import TABLE
from vaguemestre.app.cli.application import build
from vaguemestre.app.settings import PREFIX, Settings, sections_of

FOLDER = Path(__file__).parents[2] / "docs" / "reference"
GENERATED = "<!-- Written by `make docs` from the code; do not edit. -->"
SETTINGS_INTRODUCTION = (
    "One TOML file, `vaguemestre.toml`; a relative path starts from its folder. An environment variable"
    f" `{PREFIX}SECTION__KEY` wins over the file (secrets, containers). A key that is not listed here stops"
    " the program, with the line and the likely spelling."
)
COMMANDS_INTRODUCTION = (
    "`vaguemestre COMMAND …`; exit status 0 done, 1 refused or failed (one sentence on standard error), 2 wrong usage."
)
IMAP_INTRODUCTION = (
    "What the server announces, when, by which document it does it, and the file below `mailstore/imap/` to read."
    " Compression (RFC 4978) is left out on purpose: with secrets in the stream it tells their length."
)


def pages() -> dict[str, str]:
    """Return each generated page's text by file name."""
    return {"settings.md": settings_page(), "cli.md": commands_page(), "imap.md": imap_page()}


def settings_page() -> str:
    """Describe every setting, section by section."""
    parts = [GENERATED, "# Settings", "", SETTINGS_INTRODUCTION]
    for name, section in sections_of(Settings).items():
        parts += ["", *_section(name, section)]
    return "\n".join(parts) + "\n"


def commands_page() -> str:
    """Describe every command, with its options."""
    root = typer.main.get_command(build())
    parts = [GENERATED, "# Commands", "", COMMANDS_INTRODUCTION]
    for path, command in _commands(root, ()):
        parts += ["", *_command(path, command)]
    return "\n".join(parts) + "\n"


def imap_page() -> str:
    """List what the IMAP server can do, from its capability table."""
    parts = [GENERATED, "# IMAP", "", IMAP_INTRODUCTION, "", "| capability | source | announced | file |"]
    parts.append("| --- | --- | --- | --- |")
    for each in TABLE:
        stage = each.stage.value + (", begun by ENABLE" if each.can_be_enabled else "")
        parts.append(f"| `{each.word}` | {each.source} | {stage} | `{each.file}` |")
    return "\n".join(parts) + "\n"


def _section(name: str, section: type[BaseModel], *, repeated: bool = False) -> Iterator[str]:
    yield f"## [[{name}]]" if repeated else f"## [{name}]"
    yield ""
    yield " ".join((section.__doc__ or "").split())
    yield ""
    yield "| key | default | what |"
    yield "| --- | --- | --- |"
    inner: dict[str, type[BaseModel]] = {}
    several: dict[str, type[BaseModel]] = {}
    for key, field in section.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            inner[f"{name}.{key}"] = field.annotation
        elif (model := _repeated(field)) is not None:
            several[f"{name}.{key}"] = model
        else:
            yield f"| `{key}` | {_default(field)} | {_cell(field.description or '')}{_bounds(field)} |"
    for key, model in inner.items():
        yield ""
        yield from _section(key, model)
    for key, model in several.items():
        yield ""
        yield from _section(key, model, repeated=True)


def _repeated(field: FieldInfo) -> type[BaseModel] | None:
    """Return the model of a setting that is a list of tables, `tuple[Model, ...]`."""
    first = next(iter(typing.get_args(field.annotation)), None)
    return first if isinstance(first, type) and issubclass(first, BaseModel) else None


def _default(field: FieldInfo) -> str:
    value = field.get_default(call_default_factory=True, validated_data={})
    return "required" if value is PydanticUndefined else f"`{_value(value)}`"


def _value(value: Any) -> str:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, frozenset | set):
        return "[" + ", ".join(sorted(map(_value, value))) + "]"
    if isinstance(value, tuple | list):
        return "[" + ", ".join(map(_value, value)) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if value not in ("", {}) else ('""' if value == "" else "{}")


def _bounds(field: FieldInfo) -> str:
    words = {"ge": "at least", "gt": "more than", "le": "at most", "lt": "less than"}
    found = [
        f"{word} {getattr(rule, name)}"
        for rule in field.metadata
        for name, word in words.items()
        if getattr(rule, name, None) is not None
    ]
    return f" ({', '.join(found)})" if found else ""


def _commands(command: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    if hasattr(command, "commands"):
        for name, each in command.commands.items():
            yield from _commands(each, (*path, name))
    else:
        yield path, command


def _command(path: tuple[str, ...], command: Any) -> Iterator[str]:
    arguments = [each for each in command.params if each.param_type_name == "argument"]
    words = [each.metavar if each.required else f"[{each.metavar}]" for each in arguments]
    yield f"## vaguemestre {' '.join((*path, *words))}"
    yield ""
    yield (command.help or "").strip()
    options = [each for each in command.params if each.param_type_name == "option" and not each.hidden]
    if options:
        yield ""
        yield "| option | what |"
        yield "| --- | --- |"
    for option in options:
        required = " (obligatoire)" if option.required else ""
        yield f"| `{', '.join(option.opts)}` | {_cell(option.help or '')}{required} |"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def main() -> None:
    """Write every generated page."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, page in pages().items():
        (FOLDER / name).write_text(page, encoding="utf-8")
        sys.stdout.write(f"{FOLDER / name}\n")


if __name__ == "__main__":
    main()
