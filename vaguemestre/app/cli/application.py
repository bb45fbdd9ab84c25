"""The tree of commands: which module answers to which word."""

import typer

from vaguemestre.app.cli import (
    app_password,
    care,
    consent,
    decide,
    directory,
    dmp,
    doctor,
    explain,
    init,
    keys,
    mailbox,
    mailbox_exchange,
    matrix,
    migrate,
    patient,
    patient_life,
    patient_rights,
    patient_sharing,
    queue,
    serve,
    stats,
    thread,
    trace,
    trust,
)


def build() -> typer.Typer:
    """Return the whole program as typer sees it."""
    program = typer.Typer(
        name="vaguemestre",
        help="Messagerie sécurisée de santé : SMTP, IMAP, espace patient et dossier, sous un seul moteur d'accès.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )
    program.command("init")(init.init)
    program.command("serve")(serve.serve)
    program.command("migrate")(migrate.migrate)
    program.add_typer(mailbox.commands, name="mailbox")
    mailbox.commands.add_typer(app_password.commands, name="app-password")
    assert mailbox_exchange.commands is mailbox.commands  # it adds its commands to those of `mailbox`
    for family in (patient_life, patient_rights, patient_sharing):
        assert family.commands is patient.commands  # each adds its commands to those of `patient`
    program.add_typer(patient.commands, name="patient")
    program.add_typer(care.commands, name="care")
    program.add_typer(consent.commands, name="consent")
    program.add_typer(trust.commands, name="trust")
    program.add_typer(queue.commands, name="queue")
    program.add_typer(keys.commands, name="keys")
    program.add_typer(thread.commands, name="thread")
    program.add_typer(dmp.commands, name="dmp")
    program.command("decide")(decide.decide)
    program.add_typer(matrix.commands, name="matrix")
    program.add_typer(directory.commands, name="directory")
    program.command("explain")(explain.explain)
    program.add_typer(trace.commands, name="trace")
    program.command("doctor")(doctor.doctor)
    program.command("stats")(stats.stats)
    return program
