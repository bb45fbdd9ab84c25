"""The settings file as text: where each key stands, so that a fault can be named by file, line and key."""

import difflib
import re
import tomllib
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from vaguemestre.kernel.errors import ConfigurationError

_TABLE = re.compile(r"^\s*\[+\s*([^\[\]]+?)\s*\]+\s*(#.*)?$")
_KEY = re.compile(r"""^\s*((?:"[^"]*"|'[^']*'|[A-Za-z0-9_-]+)(?:\s*\.\s*(?:"[^"]*"|'[^']*'|[A-Za-z0-9_-]+))*)\s*=""")
_PART = re.compile(r""""([^"]*)"|'([^']*)'|([A-Za-z0-9_-]+)""")

KeyPath = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SettingsFile:
    """The values of a TOML file and the line (from 1) on which each key or table begins."""

    path: Path
    values: Mapping[str, Any]
    lines: Mapping[KeyPath, int]

    @classmethod
    def read(cls, path: Path) -> "SettingsFile":
        """Read PATH.

        Raises:
            ConfigurationError: absent, unreadable, or not TOML (with line and column).
        """
        try:
            text = path.read_text(encoding="utf-8")
            return cls(path, tomllib.loads(text), locate_keys(text))
        except FileNotFoundError:
            raise ConfigurationError(
                f"{path} : fichier de configuration absent ; « vaguemestre init » en crée un"
            ) from None
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError(f"{path} : illisible ({type(error).__name__})") from None
        except tomllib.TOMLDecodeError as error:
            raise ConfigurationError(f"{path} : n'est pas du TOML : {error}") from None

    def place(self, key: KeyPath) -> str:
        """Say where KEY, or the nearest table around it, stands: `file:line`."""
        for length in range(len(key), 0, -1):
            line = self.lines.get(key[:length])
            if line is not None:
                return f"{self.path}:{line}"
        return str(self.path)


def locate_keys(text: str) -> dict[KeyPath, int]:
    """Return the line of each table header and key of a TOML text (keys inside multi-line values excepted)."""
    lines: dict[KeyPath, int] = {}
    table: KeyPath = ()
    for number, line in enumerate(text.splitlines(), start=1):
        header = _TABLE.match(line)
        if header:
            table = _parts(header[1])
            lines.setdefault(table, number)
        elif key := _KEY.match(line):
            lines.setdefault((*table, *_parts(key[1])), number)
    return lines


def explain(
    error: ValidationError, file: SettingsFile, variables: Mapping[KeyPath, str], model: type[BaseModel]
) -> ConfigurationError:
    """Turn pydantic's findings into one line each: where, which key, what is wrong, what was perhaps meant."""
    sentences = []
    for finding in error.errors(include_url=False, include_input=False, include_context=False):
        key = tuple(str(part) for part in finding["loc"])
        variable = next((variables[key[:n]] for n in range(len(key), 0, -1) if key[:n] in variables), None)
        place = f"variable {variable}" if variable else file.place(key)
        if finding["type"] == "extra_forbidden":
            sentences.append(f"{place} : clé inconnue « {'.'.join(key)} »{_suggestion(key, model)}")
        else:
            sentences.append(f"{place} : « {'.'.join(key)} » : {finding['msg'].removeprefix('Value error, ')}")
    return ConfigurationError("\n".join(sentences))


def _suggestion(key: KeyPath, model: type[BaseModel]) -> str:
    known = list(_fields_at(key[:-1], model))
    near = difflib.get_close_matches(key[-1], known, n=1)
    if near:
        return f" ; vouliez-vous dire « {'.'.join((*key[:-1], near[0]))} » ?"
    return f" ; clés connues : {', '.join(sorted(known))}" if known else ""


def _fields_at(path: KeyPath, model: type[BaseModel]) -> list[str]:
    """Return the names that may stand in the table at PATH."""
    for part in path:
        field = model.model_fields.get(part)
        inner = _model_in(field.annotation) if field else None
        if inner is None:
            return []
        model = inner
    return [name for name, field in model.model_fields.items() if field.exclude is not True]


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return next((found for each in typing.get_args(annotation) if (found := _model_in(each))), None)
    return None


def _parts(dotted: str) -> KeyPath:
    return tuple(double or single or bare for double, single, bare in _PART.findall(dotted))
