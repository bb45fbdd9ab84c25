"""`vaguemestre dmp`: documents of the embedded health record."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vaguemestre.app.cli import acting, patient
from vaguemestre.app.cli.shared import AsJson, Config, Refused, as_data, opened, print_facts, print_rows

if TYPE_CHECKING:
    from collections.abc import Iterable

    from access_core.case_acts import Asking
    from access_core.performing import Outcome
    from dmp_bridge.outcome import FilingOutcome
    from dmp_bridge.record.model import RecordedDocument
    from vaguemestre.kernel.database import Transaction

commands = typer.Typer(help="Dossier de santé.", no_args_is_help=True)
DocumentId = Annotated[str, typer.Argument(metavar="ID", help="Identifiant du document.")]
By = Annotated[
    str | None,
    typer.Option("--by", metavar="ADDRESS", help="Adresse du professionnel qui agit (défaut : le titulaire)."),
]
OUTCOME_COLUMNS = ("verdict", "reason", "document_id", "unique_id", "warnings")
PENDING_COLUMNS = ("step", "id", "message_id", "document_id", "state", "code", "attempts", "due_at")
FAULT_COLUMNS = ("file", "severity", "check", "place", "text")
COLUMNS = ("id", "title", "type", "created_at", "author", "availability")


@commands.command("list")
def list_documents(
    patient_ins: Annotated[str, typer.Option("--patient", metavar="INS", help="Patient concerné.")],
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Liste les documents d'un patient."""
    from dmp_bridge.record.documents import documents_of

    with opened(config) as instance:

        def work(tx: "Transaction") -> "list[RecordedDocument]":
            return documents_of(tx, patient.find(tx, instance, patient_ins).id)

        found = instance.database.read_now(work)
    print_rows([_facts(each) for each in found], COLUMNS, as_json=as_json)


@commands.command()
def get(
    identifier: Annotated[str, typer.Argument(metavar="ID", help="Identifiant du document.")],
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Fichier à écrire (jamais remplacé).")],
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Écrit le contenu d'un document dans un fichier."""
    from dmp_bridge.record.documents import content, document
    from vaguemestre.app.administration import note
    from vaguemestre.app.pki import write_secret

    with opened(config) as instance:
        now = instance.clock.now()

        def work(tx: "Transaction") -> "tuple[RecordedDocument, bytes]":
            found = document(tx, identifier)
            if found is None:
                raise Refused("aucun document de cet identifiant")
            note(tx, "document_extracted", now, profile_id=found.profile_id)
            return found, content(tx, instance.mail_store, found)

        found, data = instance.database.write_now(work)
    write_secret(file, data)
    print_facts({**_facts(found), "file": str(file), "size_bytes": len(data)}, as_json=as_json)


@commands.command("file")
def deposit(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CDA, IHE_XDM.zip, PDF, image, RTF ou texte.")],
    patient_ins: Annotated[str, typer.Option("--patient", metavar="INS", help="Patient concerné.")],
    author: Annotated[str, typer.Option("--as", metavar="ADDRESS", help="Boîte du professionnel qui dépose.")],
    type_code: Annotated[str | None, typer.Option("--type", metavar="LOINC", help="Type du document à former.")] = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Dépose un fichier dans le dossier d'un patient, au nom d'un professionnel."""
    from dmp_bridge.direct import DirectFiling, file_document_directly
    from dmp_bridge.intake import build_filer
    from dmp_bridge.outcome import sentence_of
    from vaguemestre.app.cli import mailbox

    data = _ready(_read(file))
    with opened(config) as instance:
        settings = instance.settings
        filer = build_filer(instance.mail_store, settings.dmp)

        def work(tx: "Transaction") -> "tuple[FilingOutcome, ...]":
            filing = DirectFiling(
                profile=patient.find(tx, instance, patient_ins),
                professional=mailbox.find(tx, author),
                data=data,
                now=instance.clock.now(),
                source_id=settings.dmp.repository_id,
                rules=settings.dmp.reader_rules(),
                type_code=type_code,
                presume_care=settings.access.filing_care == "presumed",
            )
            return file_document_directly(tx, filer, filing)

        outcomes = instance.database.write_now(work)
    print_rows([as_data(each) for each in outcomes], OUTCOME_COLUMNS, as_json=as_json)
    _say_what_stays(outcomes)
    refused = [each.reason for each in outcomes if each.document_id is None]
    if refused:
        raise Refused(f"{sentence_of(refused[0])} [{refused[0]}]")


def _say_what_stays(outcomes: "Iterable[FilingOutcome]") -> None:
    """Say on standard error why a filed document does not go on to the record elsewhere."""
    from dmp_bridge.outcome import sentence_of
    from dmp_bridge.refusals import Refusal

    reasons = dict.fromkeys(code for each in outcomes for code in each.warnings if code in set(Refusal))
    for code in reasons:
        typer.echo(f"{sentence_of(code)} [{code}]", err=True)


@commands.command()
def check(
    files: Annotated[list[Path], typer.Argument(metavar="FILE…", help="Documents CDA R2.")],
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Vérifie des documents CDA avec le schéma et le schematron des réglages."""
    from dmp_bridge.validation.checking import Severity, check_documents
    from vaguemestre.app.cli.shared import read_settings

    rules = read_settings(config).dmp.published_rules()
    if rules is None:
        raise Refused("ni dmp.cda_schema ni dmp.cda_schematron n'est réglé : il n'y a rien à vérifier")
    verdicts = check_documents([_read(file) for file in files], rules)
    if verdicts is None:
        raise Refused(
            "le schéma ou le schematron des réglages ne peut pas être utilisé (extra « validation » installé ?)"
        )
    judged = list(zip(files, verdicts, strict=True))
    print_rows(
        [{"file": str(file), **as_data(fault)} for file, faults in judged for fault in faults or ()],
        FAULT_COLUMNS,
        as_json=as_json,
    )
    foreign = [file for file, faults in judged if faults is None]
    wrong = [file for file, faults in judged if any(each.severity is Severity.ERROR for each in faults or ())]
    if foreign or wrong:
        raise Refused(f"{len(foreign)} fichier(s) sans CDA lisible, {len(wrong)} document(s) non conforme(s)")


@commands.command()
def mask(
    document_id: DocumentId,
    by: By = None,
    actor: acting.AsInstead = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Masque un document aux professionnels, sauf à son auteur et au médecin traitant."""
    print_facts(_act(document_id, "mask_document", (config, by, actor)), as_json=as_json)


@commands.command()
def unmask(
    document_id: DocumentId,
    by: By = None,
    actor: acting.AsInstead = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Rend un document visible des professionnels autorisés."""
    print_facts(_act(document_id, "unmask_document", (config, by, actor)), as_json=as_json)


@commands.command()
def show(document_id: DocumentId, by: acting.ByProfessional, config: Config = None, as_json: AsJson = False) -> None:
    """Rend visible au patient un document qui attendait son annonce."""
    print_facts(_act(document_id, "make_visible", (config, by, None)), as_json=as_json)


@commands.command()
def delete(
    document_id: DocumentId,
    by: By = None,
    actor: acting.AsInstead = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Supprime un document (suppression logique : il n'est plus trouvé par personne)."""
    print_facts(_act(document_id, "delete_document", (config, by, actor)), as_json=as_json)


def _act(document_id: str, name: str, how: tuple[Path | None, str | None, str | None]) -> dict[str, object]:
    """Do one act of the record on a document, as its patient, one of her side, or a professional.

    HOW: the settings file, the address of the professional, the INS of who acts for the patient.
    """
    from access_core.acts import Act
    from access_core.profiles import profile_by_id
    from dmp_bridge.record import acts
    from dmp_bridge.record.documents import document

    config, by, actor = how
    with opened(config) as instance:
        found = instance.database.read_now(lambda tx: document(tx, document_id))
        profile = found and instance.database.read_now(lambda tx: profile_by_id(tx, found.profile_id))
        if not found or not profile:
            raise Refused("aucun document de cet identifiant")

        def work(tx: "Transaction", asking: "Asking") -> "Outcome[RecordedDocument]":
            return getattr(acts, name)(tx, acts.Change(asking=asking, found=found))  # type: ignore[no-any-return]

        ins, act = profile.ins.value, Act(name)
        outcome = (
            acting.act_as_patient(instance, ins, actor, act, work)
            if by is None
            else acting.act_as_professional(instance, ins, by, act, work)
        )
    return acting.said(outcome.decision, document=document_id)


@commands.command()
def pending(config: Config = None, as_json: AsJson = False) -> None:
    """Liste ce qui n'est pas déposé : messages à lire, documents qui attendent le DMP ou qu'il a refusés."""
    from dmp_bridge.external.queue import open_filings

    with opened(config) as instance:
        messages = instance.database.read_now(_unread)
        documents = instance.database.read_now(open_filings)
    facts = [{"step": "lecture", "id": row["key"], **row} for row in messages]
    facts += [{"step": "dmp", **row} for row in documents]
    print_rows([{name: fact.get(name) for name in PENDING_COLUMNS} for fact in facts], PENDING_COLUMNS, as_json=as_json)


def _unread(tx: "Transaction") -> "list[dict[str, object]]":
    """Return the messages whose archives the worker has not read yet, or cannot read."""
    from sqlalchemy import select

    from dmp_bridge.intake import INTAKE_TASK
    from vaguemestre.kernel.outbox import TaskState, task

    message_id = task.c.key.label("message_id")
    columns = (task.c.key, message_id, task.c.state, task.c.attempts, task.c.due_at, task.c.error.label("code"))
    waiting = select(*columns).where(task.c.kind == INTAKE_TASK, task.c.state != TaskState.DONE)
    return [dict(row) for row in tx.execute(waiting.order_by(task.c.due_at)).mappings()]


@commands.command()
def retry(
    identifier: Annotated[str | None, typer.Argument(metavar="ID", help="Identifiant donné par `dmp pending`.")] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Tous les documents qui attendent ou sont refusés.")
    ] = False,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Fait essayer tout de suite un dépôt au DMP, ou tous."""
    from dmp_bridge.external.queue import open_filings, retry_filing

    if (identifier is None) != everything:
        raise typer.BadParameter("donnez un identifiant ou --all")
    with opened(config) as instance:
        now = instance.clock.now()

        def work(tx: "Transaction") -> int:
            wanted = [identifier] if identifier else [str(each["id"]) for each in open_filings(tx)]
            return sum(retry_filing(tx, each, now) for each in wanted)

        count = instance.database.write_now(work)
    if not count and identifier is not None:
        raise Refused("aucun document de cet identifiant n'attend le DMP")
    print_facts({"retried": count}, as_json=as_json)


@commands.command()
def plain(
    address: Annotated[str, typer.Argument(metavar="ADDRESS", help="Boîte professionnelle qui envoie.")],
    type_code: Annotated[str | None, typer.Option("--type", help="Type des documents, par exemple 11488-4.")] = None,
    off: Annotated[bool, typer.Option("--off", help="Ne plus déposer les fichiers de cette boîte.")] = False,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Dit si les PDF et images qu'une boîte envoie aux patients vont aussi au dossier, et sous quel type."""
    from access_core.professionals import professional_by_address
    from dmp_bridge.filing_choice import choose_filing, filing_choice
    from dmp_bridge.xds import terminology

    if type_code is not None and (off or terminology.type_code(type_code) is None):
        raise Refused("donnez un type de la nomenclature JDV_J07, ou --off")
    with opened(config) as instance:
        mailbox = instance.database.read_now(lambda tx: professional_by_address(tx, address))
        if mailbox is None:
            raise Refused("aucune boîte professionnelle n'a cette adresse")
        now = instance.clock.now()
        if off or type_code is not None:
            instance.database.write_now(lambda tx: choose_filing(tx, mailbox.account_id, type_code, now=now))
        chosen = instance.database.read_now(lambda tx: filing_choice(tx, mailbox.account_id))
    print_facts({"address": mailbox.address, "type_code": chosen}, as_json=as_json)


def _ready(data: bytes) -> bytes:
    """Make a photograph or text what the record takes, before any transaction."""
    from dmp_bridge.bodies import ready_to_file
    from dmp_bridge.outcome import sentence_of
    from dmp_bridge.pictures.pictures import ImageLimits
    from dmp_bridge.refusals import ExchangeError

    try:
        return ready_to_file(data, ImageLimits())
    except ExchangeError as error:
        raise Refused(f"{sentence_of(error.code)} [{error.code}]") from None


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError:
        raise Refused("le fichier ne peut pas être lu") from None


def _facts(found: "RecordedDocument") -> dict[str, object]:
    code = found.entry.type_code
    return {
        "id": found.id,
        "unique_id": found.entry.unique_id,
        "title": found.title,
        "type": found.type_label,
        "type_code": None if code is None else code.code,
        "created_at": found.created_at,
        "author": found.author_name,
        "availability": found.availability,
        "mime_type": found.entry.mime_type,
        "filed_at": found.filing.filed_at,
        "filed_by": found.filing.label,
    }
