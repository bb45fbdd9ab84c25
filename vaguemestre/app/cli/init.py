"""`vaguemestre init`: a fresh instance in a folder."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from vaguemestre.app.cli.shared import AsJson, print_facts


def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Dossier à créer (absent ou vide).")],
    domain: Annotated[list[str], typer.Option(help="Domaine des boîtes professionnelles ; répétable.")],
    patient_domain: Annotated[list[str], typer.Option(help="Domaine des boîtes de patients ; répétable.")] = [  # noqa: B006  typer copies it
        "patient.mssante.fr"
    ],
    without_patients: Annotated[
        bool, typer.Option("--without-patients", help="Les espaces de patients sont chez un autre opérateur.")
    ] = False,
    port_base: Annotated[int, typer.Option(help="Ajouté au port standard de chaque service.")] = 0,
    host: Annotated[str, typer.Option(help="Adresse IP d'écoute.")] = "127.0.0.1",
    db: Annotated[str, typer.Option(help="URL SQLAlchemy du catalogue.")] = "sqlite:///catalogue.db",
    blobs: Annotated[str, typer.Option(help="file:DOSSIER ou s3://SEAU/PREFIXE.")] = "file:blobs",
    dmp: Annotated[
        list[str], typer.Option(help="Dossier de santé : embedded, l'adresse d'un autre, ou les deux ; répétable.")
    ] = ["embedded"],  # noqa: B006  typer copies it
    as_json: AsJson = False,
) -> None:
    """Crée une instance dans un dossier.

    Réglages, clés, autorité de TEST, certificats, liste blanche, catalogue : tout, ou rien.
    """
    from vaguemestre.app.initialise import CONFIG_NAME, Plan, initialise
    from vaguemestre.app.record_choice import ChosenRecord

    plan = Plan(
        folder=folder.resolve(),
        domains=tuple(name.lower() for name in domain),
        patient_domains=() if without_patients else tuple(name.lower() for name in patient_domain),
        port_base=port_base,
        host=host,
        database_url=db,
        blobs_url=blobs,
        record=ChosenRecord.parse(dmp),
    )
    settings = initialise(plan, datetime.now(UTC))
    facts = {
        "config": str(plan.folder / CONFIG_NAME),
        "ca": str(settings.pki.authority),
        "ports": settings.instance.ports(),
    }
    print_facts(facts, as_json=as_json)
