"""`vaguemestre dmp`: documents of the embedded health record."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vaguemestre.app.cli import patient
from vaguemestre.app.cli.shared import AsJson, Config, Refused, opened, print_facts, print_rows

if TYPE_CHECKING:
    from dmp_bridge.record.model import RecordedDocument
    from vaguemestre.kernel.database import Transaction

commands = typer.Typer(help="Dossier de santé.", no_args_is_help=True)
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
