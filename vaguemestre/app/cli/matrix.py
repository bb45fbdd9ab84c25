"""`vaguemestre matrix`: the habilitation matrix in force, and its replacement by the official annex."""

import os
import signal
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vaguemestre.app.cli.shared import AsJson, Config, Refused, opened, print_facts, print_json, print_rows

if TYPE_CHECKING:
    from access_core.matrix import Matrix
    from access_core.matrix_import import MatrixChange
    from vaguemestre.app.bootstrap import Instance

commands = typer.Typer(help="Matrice d'habilitation.", no_args_is_help=True)
File = Annotated[
    Path,
    typer.Argument(metavar="FILE", help="Matrice en CSV : une ligne par couple, ou une colonne par profession."),
]
Version = Annotated[str | None, typer.Option(help="Nom de cette version (défaut : celui du fichier).")]
COLUMNS = ("document_type", "profession", "before", "after")


@commands.command("import")
def import_file(file: File, version: Version = None, config: Config = None, as_json: AsJson = False) -> None:
    """Met une matrice en vigueur si elle se lit en entier ; le programme qui tourne la prend aussitôt."""
    from access_core.matrix_import import changes, put_in_place, read_foreign
    from access_core.matrix_in_force import IN_FORCE
    from access_core.trace.entries import record
    from vaguemestre.app.administration import operator_entry

    with opened(config) as instance:
        before, data = IN_FORCE.current(), read_foreign(file, version=version)
        put_in_place(instance.settings.access.matrix_file, data)
        after = IN_FORCE.reload()
        entry = replace(operator_entry("matrix_imported", instance.clock.now()), matrix_version=after.stamp)
        instance.database.write_now(lambda tx: record(tx, entry))
        told = _tell_running(instance)
    changed = changes(before, after)
    print_facts({**_facts(after), "changed_cells": len(changed), "reloaded": told}, as_json=as_json)


@commands.command()
def diff(file: File, version: Version = None, config: Config = None, as_json: AsJson = False) -> None:
    """Montre ce qu'un import changerait, case par case, sans rien changer."""
    from access_core.matrix import read_matrix
    from access_core.matrix_import import changes, read_foreign
    from access_core.matrix_in_force import IN_FORCE

    with opened(config):
        before = IN_FORCE.current()
        after = read_matrix(file.name, read_foreign(file, version=version), before.mode)
    changed = changes(before, after)
    if as_json:
        print_json({"before": before.stamp, "after": after.stamp, "changes": changed})
    elif changed:
        print_rows([_change(each) for each in changed], COLUMNS, as_json=False)
    else:
        print("aucune case ne change")


@commands.command()
def show(
    profession: Annotated[str | None, typer.Option(metavar="CODE", help="Ce que lit une profession (TRE_G15).")] = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Montre la matrice en vigueur : version, mode, empreinte, ce que lit chaque profession."""
    from access_core.matrix_in_force import IN_FORCE

    with opened(config) as instance:
        matrix, imported = IN_FORCE.current(), instance.settings.access.matrix_file.exists()
    if profession is not None and not matrix.has_profession(profession):
        raise Refused("la matrice n'a pas de ligne pour cette profession")
    facts = {**_facts(matrix), "imported": imported}
    if profession is not None:
        facts = {**facts, "profession": profession, "reads": matrix.reads[profession]}
    print_facts(facts, as_json=as_json)


def _facts(matrix: "Matrix") -> dict[str, object]:
    return {
        "version": matrix.version,
        "mode": matrix.mode,
        "digest": matrix.digest,
        "stamp": matrix.stamp,
        "professions": len(matrix.reads),
        "cells_read": sum(map(len, matrix.reads.values())),
    }


def _change(change: "MatrixChange") -> dict[str, object]:
    return {
        "document_type": change.document_type,
        "profession": change.profession,
        "before": "R" if change.before else "-",
        "after": "R" if change.after else "-",
    }


def _tell_running(instance: "Instance") -> bool:
    """Have the running program read the matrix again; returns whether one runs."""
    from vaguemestre.app.pid_file import read_pid

    pid = read_pid(instance.settings.run_folder() / "vaguemestre.pid")
    if pid is not None:
        os.kill(pid, signal.SIGHUP)
    return pid is not None
