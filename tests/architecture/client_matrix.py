"""`python -m tests.architecture.client_matrix`: docs/reference/clients.md from the sessions that tests play.

A row is a file `test_mail_clients_*.py`: what it says of the program (`CLIENT`) and the names of its tests. So no row
is without its test, and no session without its row.
"""

import ast
import importlib
from pathlib import Path

from tests.architecture.source import ROOT
from tests.standins.mail_client import Client

PAGE = ROOT / "docs" / "reference" / "clients.md"
TARGETS = {"scenarios": "make test", "interop": "make interop"}
INTRODUCTION = """<!-- Written by `make docs` from the sessions of the tests; do not edit. -->
# Mail programs

Programs that were played against a served instance, over TLS with its own authority, by tests that anyone can run
again. The version is the one that was tried. How to set one up: [a mail program](../how-to/set-up-a-mail-program.md).

| program | version | signs in by | settings, remarks | played by |
| --- | --- | --- | --- | --- |"""


def session_files() -> list[Path]:
    """Return the files that play a mail program, sorted by name."""
    found = [file for folder in TARGETS for file in (ROOT / "tests" / folder).glob("test_mail_clients_*.py")]
    return sorted(found, key=lambda file: file.name)


def client_of(file: Path) -> Client:
    """Return what a file says of its program."""
    module = ".".join(file.relative_to(ROOT).with_suffix("").parts)
    client: Client = importlib.import_module(module).CLIENT
    return client


def sentences_of(file: Path) -> list[str]:
    """Return what a file plays: the names of its tests, as words."""
    functions = [each for each in ast.parse(file.read_text(encoding="utf-8")).body if isinstance(each, ast.FunctionDef)]
    names = [each.name for each in functions if each.name.startswith("test_")]
    return [name.removeprefix("test_").replace("_", " ") for name in names]


def page() -> str:
    """Return the whole page."""
    files = session_files()
    rows, played = [INTRODUCTION], []
    for file in files:
        client, place = client_of(file), file.relative_to(ROOT)
        link = f"[`{TARGETS[place.parts[1]]}`](../../{place})"
        rows.append(f"| {client.name} | {client.version} | {client.sign_in} | {client.settings} | {link} |")
        played += ["", f"## {client.name}", "", *(f"- {sentence}" for sentence in sentences_of(file))]
    return "\n".join([*rows, *played]) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
