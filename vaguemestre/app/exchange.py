"""Mailboxes in and out, as the operator asks for it: what she names becomes a source or a target, and is traced."""

import asyncio
import os
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from urllib.parse import unquote, urlsplit

from access_core.accounts import AccountState
from access_core.professionals import Professional
from access_core.trace.entries import record
from mailstore.elsewhere import CertificateRefused, Server, ServerAway, SignInRefused, open_connection
from mailstore.exchange.exporting import Exporter, ExportPlan, NoTarget, Target
from mailstore.exchange.imap_source import imap_source
from mailstore.exchange.importing import Importer, ImportPlan, MailboxFull, Progress
from mailstore.exchange.journal import KEY_LABEL, Journal
from mailstore.exchange.maildir import MaildirSource, is_maildir
from mailstore.exchange.maildir_writing import MaildirTarget
from mailstore.exchange.mbox import MboxSource
from mailstore.exchange.mbox_writing import MboxTarget
from mailstore.exchange.model import Problem, Report, Source
from mailstore.exchange.naming import folder_here
from mailstore.model import SEPARATOR
from vaguemestre.app.administration import operator_entry
from vaguemestre.kernel.errors import ConfigurationError, PermanentFailure, TemporaryFailure

if TYPE_CHECKING:
    from vaguemestre.app.bootstrap import Instance
    from vaguemestre.kernel.database import Transaction

Format = Literal["mbox", "maildir", "imap"]
_SERVER = re.compile(r"imaps://", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportAsked:
    """An import, as it is asked for."""

    source: str
    """A path, or `imaps://login@host:port`."""
    format: Format | None = None
    folder: str | None = None
    dry_run: bool = False
    again: bool = False
    password: str = ""
    """At the other server."""
    authority: Path | None = None
    """PEM certificates of the authorities of the other server; None: those of the machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportAsked:
    """An export, as it is asked for."""

    target: Path
    format: Format | None = None
    folder: str | None = None
    dry_run: bool = False


def is_server(source: str) -> bool:
    """Tell whether a source is another IMAP server."""
    return _SERVER.match(source) is not None


def import_mailbox(instance: "Instance", mailbox: Professional, asked: ImportAsked, progress: Progress) -> Report:
    """Bring messages into a mailbox; returns what came in, also when the mailbox is full before the end.

    Raises:
        PermanentFailure: the mailbox is closed.
        ConfigurationError: the source is not what it should be.
        OSError: it cannot be read.
        TemporaryFailure: the store or the other server went away; the same command goes on from there.
    """
    if mailbox.state is AccountState.CLOSED:
        raise PermanentFailure("cette boîte est fermée")
    try:
        return asyncio.run(_import(instance, mailbox, asked, progress))
    except ServerAway as away:
        raise TemporaryFailure(_sentence(away)) from None


def export_mailbox(instance: "Instance", mailbox: Professional, asked: ExportAsked, progress: Progress) -> Report:
    """Write the messages of a mailbox out.

    Raises:
        PermanentFailure: the file is there already, or another export was begun in it; no such folder.
        OSError: it cannot be written.
        TemporaryFailure: the store went away; the same command goes on from there.
    """
    only = _folder_name(asked.folder)
    plan = ExportPlan(mailbox_id=mailbox.account_id, only=only, dry_run=asked.dry_run)
    exporter = Exporter(plan, instance.mail_store, instance.database)
    if only is not None:
        _require_folder(instance, mailbox, only)
    kind = asked.format or ("mbox" if asked.target.suffix in {".mbox", ".mbx"} else "maildir")
    if asked.dry_run:
        return exporter.run(NoTarget(), progress)
    target = _target(asked.target, kind, plan)
    instance.database.write_now(lambda tx: _note(tx, instance, mailbox, ("mailbox_export_begun", kind, None)))
    report = exporter.run(target, progress)
    done = ("mailbox_exported", kind, report.done)
    instance.database.write_now(lambda tx: _note(tx, instance, mailbox, done))
    return report


async def _import(instance: "Instance", mailbox: Professional, asked: ImportAsked, progress: Progress) -> Report:
    async with _opened_source(asked) as (kind, source):
        plan = ImportPlan(
            mailbox_id=mailbox.account_id,
            message_bytes=instance.settings.imap.message_bytes,
            quota_bytes=instance.settings.imap.quota_bytes,
            only=_folder_name(asked.folder),
            again=asked.again,
            dry_run=asked.dry_run,
        )
        importer = Importer(
            plan,
            store=instance.mail_store,
            database=instance.database,
            clock=instance.clock,
            journal=Journal(mailbox.account_id, source.identity, instance.instance_key.derive(KEY_LABEL)),
        )
        begun = ("mailbox_import_begun", kind, None)
        try:
            await importer.run(source, lambda tx: _note(tx, instance, mailbox, begun), progress)
        except MailboxFull:
            importer.report.fail(Problem(mailbox.address, "la boîte est pleine ([imap] quota_bytes)"))
        report, only = importer.report, importer.plan.only
        if only is not None and not report.done + report.known + report.failed:
            report.fail(Problem(only, "la source n'a pas ce dossier, ou il est vide"))
        if not asked.dry_run:
            done = ("mailbox_imported", kind, importer.report.done)
            await instance.database.write(lambda tx: _note(tx, instance, mailbox, done))
    return importer.report


@asynccontextmanager
async def _opened_source(asked: ImportAsked) -> AsyncIterator[tuple[Format, Source]]:
    if is_server(asked.source):
        server = _server(asked)
        async with open_connection(server, asked.password) as connection:
            yield "imap", await imap_source(connection, server, only=_folder_name(asked.folder))
        return
    path = Path(asked.source)
    if not os.access(path, os.R_OK):
        raise ConfigurationError(f"{path} : absent, ou illisible")
    kind: Format = asked.format or ("maildir" if is_maildir(path) else "mbox")
    if kind == "maildir":
        yield kind, MaildirSource(path)
    else:
        yield kind, MboxSource(path, folder=_folder_name(asked.folder))


def _server(asked: ImportAsked) -> Server:
    """Read `imaps://login@host:port`; the login may hold an "@" of its own.

    Raises:
        ConfigurationError: no login or no host, or a password, which is never an argument.
    """
    parts = urlsplit(asked.source)
    try:
        port = parts.port or 993
    except ValueError:
        raise ConfigurationError("imaps://LOGIN@SERVEUR:PORT : le port est un nombre") from None
    login = parts.netloc.rpartition("@")[0]
    if not login or not parts.hostname:
        raise ConfigurationError("écrivez imaps://LOGIN@SERVEUR ou imaps://LOGIN@SERVEUR:PORT")
    if ":" in login:
        raise ConfigurationError("le mot de passe n'est jamais un argument : --password-file FICHIER")
    return Server(host=parts.hostname, port=port, login=unquote(login), authority=asked.authority)


def _target(path: Path, kind: str, plan: ExportPlan) -> Target:
    return MboxTarget(path, plan.mailbox_id, plan.only) if kind == "mbox" else MaildirTarget(path)


def _sentence(away: ServerAway) -> str:
    if isinstance(away, SignInRefused):
        return "l'autre serveur refuse ce login ou ce mot de passe"
    if isinstance(away, CertificateRefused):
        return "le certificat de l'autre serveur n'est pas reconnu : --authority FICHIER, et le nom qu'il porte"
    return f"l'autre serveur ne répond plus ({away}) ; la même commande reprendra où elle en est"


def _folder_name(name: str | None) -> str | None:
    return None if name is None else folder_here(name.split(SEPARATOR))


def _require_folder(instance: "Instance", mailbox: Professional, name: str) -> None:
    found = instance.database.read_now(lambda tx: instance.mail_store.folder(tx, mailbox.account_id, name))
    if found is None:
        raise PermanentFailure("cette boîte n'a pas ce dossier")


def _note(tx: "Transaction", instance: "Instance", mailbox: Professional, what: tuple[str, str, int | None]) -> None:
    """Trace the exchange: its event, the format, and how many messages, once that is known."""
    event, kind, count = what
    entry = replace(operator_entry(event, instance.clock.now()), mailbox_id=mailbox.account_id, resource_kind=kind)
    record(tx, entry if count is None else replace(entry, resource_id=str(count)))
