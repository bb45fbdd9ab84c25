"""`vaguemestre trace`: the audit trail."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from vaguemestre.app.cli import mailbox, patient
from vaguemestre.app.cli.acting import patient_asking, professional_asking
from vaguemestre.app.cli.shared import AsJson, Config, Refused, opened, print_facts, print_json, print_rows

if TYPE_CHECKING:
    from access_core.trace.history import History
    from access_core.trace.reader import Recorded
    from vaguemestre.app.bootstrap import Instance
    from vaguemestre.kernel.database import Transaction

commands = typer.Typer(help="Registre des accès.", no_args_is_help=True)
COLUMNS = ("seq", "at", "act", "verdict", "reason", "subject_label")


@commands.command("list")
def list_entries(
    patient_ins: Annotated[str | None, typer.Option("--patient", metavar="INS", help="Ce qui la concerne.")] = None,
    mailbox_address: Annotated[str | None, typer.Option("--mailbox", metavar="A", help="Ce qui s'y est fait.")] = None,
    mine: Annotated[
        str | None, typer.Option("--mine", metavar="ADDRESS", help="Les actes de ce professionnel, tels qu'il les lit.")
    ] = None,
    reader: Annotated[
        str | None,
        typer.Option("--as", metavar="ADDRESS|INS", help="Avec --patient : ce que ce lecteur a le droit de lire."),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="Nombre de lignes, les plus récentes d'abord.")] = 100,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Liste les actes d'un patient, d'une boîte ou d'un professionnel, refus compris.

    Avec --as ou --mine, la lecture est décidée et tracée comme celle de la personne ; un refus est l'échec de la
    commande.
    """
    if sum(each is not None for each in (patient_ins, mailbox_address, mine)) != 1:
        raise Refused("donnez --patient INS, --mailbox ADRESSE ou --mine ADRESSE")
    if reader is not None and patient_ins is None:
        raise Refused("--as va avec --patient")
    with opened(config) as instance:
        database = instance.database
        if mine is not None:
            found = _permitted(database.write_now(lambda tx: own_acts(tx, instance, mine, limit)))
        elif patient_ins is not None and reader is not None:
            found = _permitted(database.write_now(lambda tx: history_as(tx, instance, patient_ins, reader)))[:limit]
        else:
            found = tuple(database.read_now(lambda tx: _read(tx, instance, patient_ins, mailbox_address, limit)))
    print_rows([facts(each) for each in found], COLUMNS, as_json=as_json)


@commands.command()
def verify(config: Config = None, as_json: AsJson = False) -> None:
    """Recalcule la chaîne, la compare aux points signés ; 1 et la première entrée rompue si un octet a changé."""
    from access_core.trace.verification import verify_register

    with opened(config) as instance:
        file, key = instance.settings.access.trace.checkpoint_file, instance.signer.public_key
        result = instance.database.read_now(lambda tx: verify_register(tx, file, key))
    found = {
        "ok": result.ok,
        "entries": result.entries,
        "checkpoints": result.checkpoints,
        "first_broken": result.first_broken_seq,
        "why": result.why,
    }
    if as_json or result.ok:
        print_facts(found, as_json=as_json)
    if not result.ok:
        raise Refused(f"registre rompu à l'entrée {result.first_broken_seq} : {result.why}")


@commands.command()
def checkpoint(config: Config = None, as_json: AsJson = False) -> None:
    """Signe l'état présent du registre, comme le fait « serve » à intervalles."""
    with opened(config) as instance:
        written = instance.checkpointer.run()
        file = instance.settings.access.trace.checkpoint_file
    print_facts({"written": written, "file": str(file)}, as_json=as_json)


@commands.command()
def key(config: Config = None, as_json: AsJson = False) -> None:
    """Montre la clé publique (Ed25519) des points de contrôle, à garder ailleurs."""
    with opened(config) as instance:
        public_key = instance.signer.public_key.hex()
    print_facts({"algorithm": "Ed25519", "public_key": public_key}, as_json=as_json)


@commands.command()
def export(
    patient_ins: Annotated[str, typer.Option("--patient", metavar="INS", help="L'historique de qui.")],
    form: Annotated[
        Literal["json", "fhir"],
        typer.Option("--format", help="json : avec les preuves, pour « verify_export » ; fhir : AuditEvent R4."),
    ] = "json",
    reader_ins: Annotated[
        str | None,
        typer.Option("--as", metavar="ADDRESS|INS", help="Tel que le lit cette personne."),
    ] = None,
    config: Config = None,
) -> None:
    """Écrit l'historique d'un patient, tel que lui-même ou --as peut le lire, sur la sortie standard."""
    with opened(config) as instance:
        instance.checkpointer.run()
        asked = _Export(patient_ins, reader_ins or patient_ins, form)
        exported = instance.database.write_now(lambda tx: _exported(tx, instance, asked))
    if isinstance(exported, str):
        raise Refused(exported)
    print_json(exported)


def _permitted(history: "History") -> "tuple[Recorded, ...]":
    """Return the lines; a refusal, which stays in the trace like any act, is the command's failure."""
    from access_core.reasons import REGISTER

    if not history.decision.allowed:
        entry = REGISTER[history.decision.reason]
        raise Refused(f"{entry.sentence} [{entry.shown}]")
    return history.lines


def own_acts(tx: "Transaction", instance: "Instance", address: str, limit: int) -> "History":
    """Read the acts of a professional as she reads them herself."""
    from access_core.case_acts import BY_CARD
    from access_core.case_inputs import local_sender
    from access_core.trace.history import History, ProfessionalReader, decide_own_acts
    from access_core.trace.reader import acts_of
    from vaguemestre.app.administration import OPERATOR

    found = mailbox.find(tx, address)
    sender = local_sender(found)
    by_operator = replace(sender, label=f"{sender.label}, par {OPERATOR}")
    reader = ProfessionalReader(sender=by_operator, session=BY_CARD, now=instance.clock.now())
    decision = decide_own_acts(tx, reader)
    return History(decision=decision, lines=tuple(acts_of(tx, found.account_id, limit)) if decision.allowed else ())


def history_as(tx: "Transaction", instance: "Instance", ins: str, reader: str) -> "History":
    """Read the history of a patient as READER: a professional by her address, a representative or carer by her INS.

    A professional to whom the engine refuses the whole history may have the lines of her own acts with `--mine`.
    """
    from access_core.trace.history import read_history
    from portal.documents.record import hidden_from

    who = professional_asking if "@" in reader else patient_asking
    asking = who(tx, instance, ins, reader)
    hidden = hidden_from(tx, asking.actor, asking.profile, asking.session, asking.now)
    return read_history(tx, asking, hidden=hidden)


@dataclass(frozen=True, slots=True)
class _Export:
    """Whose history, as who reads it, in which form."""

    patient: str
    reader: str
    form: str


def _exported(tx: "Transaction", instance: "Instance", asked: _Export) -> "dict[str, Any] | str":
    """Build the export; a refusal, which stays in the trace like any act, is its sentence."""
    from access_core.reasons import REGISTER
    from access_core.trace.export import export_history
    from access_core.trace.fhir import audit_events

    profile, now = patient.find(tx, instance, asked.patient), instance.clock.now()
    history = history_as(tx, instance, asked.patient, asked.reader)
    if not history.decision.allowed:
        return REGISTER[history.decision.reason].sentence
    lines = history.lines[::-1]
    if asked.form == "fhir":
        return audit_events(lines, profile.ins, instance.settings.instance.domains[0], at=now)
    return export_history(tx, profile, lines, instance.signer.public_key, at=now)


def facts(recorded: "Recorded") -> dict[str, object]:
    """Return one line of the register as data."""
    entry = recorded.entry
    return {
        "seq": recorded.seq,
        "at": entry.at,
        "act": entry.act,
        "verdict": entry.verdict,
        "reason": entry.reason,
        "mode": entry.mode,
        "subject_kind": entry.subject_kind,
        "subject_label": entry.subject_label,
        "resource_kind": entry.resource_kind,
        "resource_id": entry.resource_id,
        "message_id": entry.message_id_header,
        "obligations": entry.obligations,
        "matrix_version": entry.matrix_version,
    }


def _read(
    tx: "Transaction", instance: "Instance", patient_ins: str | None, address: str | None, limit: int
) -> "list[Recorded]":
    from access_core.trace.reader import acts_of_mailbox, history_of_patient

    if patient_ins is not None:
        return history_of_patient(tx, patient.find(tx, instance, patient_ins).id, limit)
    assert address is not None
    return acts_of_mailbox(tx, mailbox.find(tx, address).account_id, limit)
