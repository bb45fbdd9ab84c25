"""`vaguemestre thread`: conversations between patients and professionals, and their state."""

from typing import TYPE_CHECKING, Annotated

import typer

from vaguemestre.app.cli import patient
from vaguemestre.app.cli.shared import AsJson, Config, Refused, opened, print_facts, print_rows

if TYPE_CHECKING:
    from smtp_gateway.conversation import Conversation
    from vaguemestre.app.bootstrap import Instance
    from vaguemestre.kernel.database import Transaction

commands = typer.Typer(help="Conversations.", no_args_is_help=True)
COLUMNS = ("id", "professional", "state", "answerable", "changed_at")


@commands.command("list")
def list_threads(
    patient_ins: Annotated[str, typer.Option("--patient", metavar="INS", help="Patient concerné.")],
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Liste les conversations d'un patient, d'ici ou d'un autre opérateur, la dernière changée d'abord."""
    with opened(config) as instance:
        found = instance.database.read_now(lambda tx: _of_patient(tx, instance, patient_ins))
    print_rows([_facts(each) for each in found], COLUMNS, as_json=as_json)


@commands.command()
def show(
    identifier: Annotated[str, typer.Argument(metavar="ID", help="Identifiant de la conversation.")],
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Montre une conversation et les messages qui la composent."""
    from smtp_gateway.conversation import conversation, messages_of

    with opened(config) as instance:

        def work(tx: "Transaction") -> dict[str, object]:
            found = conversation(tx, identifier)
            if found is None:
                raise Refused("aucune conversation de cet identifiant")
            messages = [
                {"at": each.at, "direction": each.direction, "message_id": each.message_id_header}
                for each in messages_of(tx, identifier)
            ]
            return {**_facts(found), "messages": messages}

        facts = instance.database.read_now(work)
    print_facts(facts, as_json=as_json)


def _of_patient(tx: "Transaction", instance: "Instance", text: str) -> "list[Conversation]":
    from access_core.profiles import profile_by_ins
    from smtp_gateway.conversation import conversations_of_address, conversations_of_patient

    ins = patient.read_ins(instance, text)
    profile = profile_by_ins(tx, ins)
    found = conversations_of_patient(tx, profile.id) if profile is not None else []
    for domain in instance.settings.smtp.patient_domains_elsewhere:
        found += conversations_of_address(tx, f"{ins.value}@{domain}".lower())
    if profile is None and not found:
        raise Refused("aucun profil ni conversation pour cet INS")
    by_id = {each.id: each for each in found}
    return sorted(by_id.values(), key=lambda each: each.changed_at, reverse=True)


def _facts(found: "Conversation") -> dict[str, object]:
    return {
        "id": found.id,
        "professional": found.professional,
        "correspondent": found.correspondent,
        "state": found.state,
        "answerable": found.answerable,
        "opened_at": found.opened_at,
        "changed_at": found.changed_at,
        "closed_at": found.closed_at,
    }
