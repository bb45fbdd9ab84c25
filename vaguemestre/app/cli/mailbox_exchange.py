"""`vaguemestre mailbox import` and `export`: mbox, Maildir, another IMAP server; one mailbox, or those of a domain.

A whole domain (`@domain`) has a folder, with a Maildir or an mbox file for each mailbox, named by its address.
"""

import getpass
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from vaguemestre.app.cli import mailbox
from vaguemestre.app.cli.shared import AsJson, Config, Refused, opened, print_json

if TYPE_CHECKING:
    from access_core.professionals import Professional
    from mailstore.exchange.importing import Progress
    from mailstore.exchange.model import Report
    from vaguemestre.app.bootstrap import Instance

commands = mailbox.commands
IN_ENVIRONMENT = "VAGUEMESTRE_IMAP_PASSWORD"
Address = Annotated[
    str, typer.Argument(metavar="ADDRESS", help="Adresse MSSanté de la boîte, ou @DOMAINE : toutes les siennes.")
]
Folder = Annotated[str | None, typer.Option("--folder", metavar="NOM", help="Un seul dossier, par son nom ici.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Tout lire, ne rien changer.")]


@commands.command("import")
def import_messages(
    address: Address,
    source: Annotated[
        str, typer.Argument(metavar="FILE", help="Fichier mbox, dossier Maildir, ou imaps://LOGIN@SERVEUR[:PORT].")
    ],
    kind: Annotated[
        Literal["mbox", "maildir"] | None, typer.Option("--format", help="Défaut : selon ce qui est trouvé.")
    ] = None,
    folder: Folder = None,
    password_file: Annotated[
        Path | None,
        typer.Option(
            help=f"Fichier (mode 0600) du mot de passe de l'autre serveur ; sinon ${IN_ENVIRONMENT}, sinon demandé."
        ),
    ] = None,
    authority: Annotated[
        Path | None, typer.Option(help="Autorités (PEM) de l'autre serveur ; défaut : celles de la machine.")
    ] = None,
    again: Annotated[bool, typer.Option("--again", help="Reprendre aussi ce qui était déjà venu.")] = False,
    dry_run: DryRun = False,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Fait entrer les messages d'ailleurs ; relancée, la commande reprend où elle en était.

    Drapeaux, dates, dossiers et octets sont gardés. Un message illisible est signalé et laissé : l'issue est alors 1.
    """
    from vaguemestre.app.exchange import ImportAsked, import_mailbox, is_server

    if _is_domain(address) and is_server(source):
        raise Refused("un autre serveur se lit boîte par boîte : chacune y a son mot de passe")
    asked = ImportAsked(
        source=source,
        format=kind,
        folder=folder,
        dry_run=dry_run,
        again=again,
        password=_password(password_file) if is_server(source) else "",
        authority=authority,
    )

    def work(instance: "Instance", found: "Professional", progress: "Progress") -> "Report | None":
        place = _present(Path(source), found.address) if _is_domain(address) else source
        return None if place is None else import_mailbox(instance, found, replace(asked, source=str(place)), progress)

    _exchange(config, address, work, as_json=as_json)


@commands.command("export")
def export_messages(
    address: Address,
    target: Annotated[Path, typer.Argument(metavar="FILE", help="Fichier .mbox, jamais remplacé, ou dossier Maildir.")],
    kind: Annotated[
        Literal["mbox", "maildir"] | None,
        typer.Option("--format", help="Défaut : mbox si le nom finit par .mbox, sinon maildir."),
    ] = None,
    folder: Folder = None,
    dry_run: DryRun = False,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Écrit les messages d'une boîte, en clair ; relancée, la commande reprend où elle en était."""
    from vaguemestre.app.exchange import ExportAsked, export_mailbox

    asked = ExportAsked(target=target, format=kind, folder=folder, dry_run=dry_run)

    def work(instance: "Instance", found: "Professional", progress: "Progress") -> "Report | None":
        if not _is_domain(address):
            return export_mailbox(instance, found, asked, progress)
        if not dry_run:
            target.mkdir(mode=0o700, parents=True, exist_ok=True)
        place = target / (f"{found.address}.mbox" if kind == "mbox" else found.address)
        if kind == "mbox" and place.exists():
            return None  # an earlier run ended it
        each = replace(asked, target=place, format=kind or "maildir")
        return export_mailbox(instance, found, each, progress)

    _exchange(config, address, work, as_json=as_json)


def _exchange(
    config: Path | None,
    address: str,
    work: "Callable[[Instance, Professional, Progress], Report | None]",
    *,
    as_json: bool,
) -> None:
    reports: dict[str, Report] = {}
    with opened(config) as instance:
        for found in _asked(instance, address):
            try:
                with _bar() as progress:
                    report = work(instance, found, progress)
            except OSError as error:
                raise Refused(f"{error.filename or found.address} : {error.strerror}") from None
            if report is not None:
                reports[found.address] = report
    if _is_domain(address):
        _tell_domain(reports, as_json=as_json)
    else:
        _tell(reports[next(iter(reports))], as_json=as_json)
    if failed := sum(each.failed for each in reports.values()):
        raise Refused(f"messages ou passages laissés : {failed} ; le reste est fait")


def _is_domain(address: str) -> bool:
    return address.startswith("@")


def _asked(instance: "Instance", address: str) -> "list[Professional]":
    from access_core.accounts import AccountState
    from access_core.professionals import professionals

    if not _is_domain(address):
        return [instance.database.read_now(lambda tx: mailbox.find(tx, address))]
    everybody = instance.database.read_now(professionals)
    found = [each for each in everybody if each.address.endswith(address.lower()) and each.state != AccountState.CLOSED]
    if not found:
        raise Refused("aucune boîte ouverte dans ce domaine")
    return found


def _present(folder: Path, address: str) -> Path | None:
    """Return what a folder has for a mailbox: a Maildir, or a file."""
    return next((each for each in (folder / address, folder / f"{address}.mbox") if each.exists()), None)


def _tell(report: "Report", *, as_json: bool) -> None:
    if as_json:
        print_json(_facts(report))
        return
    print(_sentence(report))
    for name, count in sorted(report.folders.items()):
        print(f"  {name} : {count}")
    for problem in report.problems:
        typer.echo(f"{problem.place} : {problem.why}", err=True)


def _tell_domain(reports: "Mapping[str, Report]", *, as_json: bool) -> None:
    if as_json:
        print_json({"mailboxes": {address: _facts(report) for address, report in reports.items()}})
        return
    for address, report in reports.items():
        print(f"{address} : {_sentence(report)}")
        for problem in report.problems:
            typer.echo(f"{address} : {problem.place} : {problem.why}", err=True)


def _sentence(report: "Report") -> str:
    return f"messages : {report.done} ({report.size_bytes} octets), déjà là : {report.known}, laissés : {report.failed}"


def _facts(report: "Report") -> dict[str, object]:
    return {
        "done": report.done,
        "known": report.known,
        "failed": report.failed,
        "size_bytes": report.size_bytes,
        "folders": dict(report.folders),
        "problems": report.problems,
    }


def _password(file: Path | None) -> str:
    """Return the password of the other server.

    Raises:
        ConfigurationError: the file cannot be used.
        Refused: there is none, and nobody to ask.
    """
    from mailstore.elsewhere import read_password

    if file is not None:
        return read_password(file)
    if password := os.environ.get(IN_ENVIRONMENT):
        return password
    if not sys.stdin.isatty():
        raise Refused(f"donnez le mot de passe par --password-file FICHIER ou ${IN_ENVIRONMENT}")
    return getpass.getpass("Mot de passe à l'autre serveur : ")


@contextmanager
def _bar() -> "Iterator[Progress]":
    """Show how far it is, on a terminal only."""
    if not sys.stderr.isatty():
        yield lambda _done, _total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TimeRemainingColumn

    with Progress(BarColumn(), TaskProgressColumn(), TimeRemainingColumn(), console=Console(stderr=True)) as bar:
        task = bar.add_task("", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
