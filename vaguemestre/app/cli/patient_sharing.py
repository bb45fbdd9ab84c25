"""`vaguemestre patient`, continued: sharing a profile with a second representative or with carers."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from vaguemestre.app.cli import patient
from vaguemestre.app.cli.acting import AsInstead, act_as_patient, said
from vaguemestre.app.cli.patient import InsText, commands
from vaguemestre.app.cli.shared import AsJson, Config, Refused, midnight, opened, print_facts, print_rows

if TYPE_CHECKING:
    from access_core.case_acts import Asking
    from access_core.delegation import Delegation
    from access_core.performing import Outcome
    from vaguemestre.app.bootstrap import Instance
    from vaguemestre.kernel.database import Transaction

COLUMNS = ("id", "role", "with", "kind", "state", "until")


@commands.command()
def delegate(
    ins: InsText,
    to: Annotated[str, typer.Option(metavar="INS", help="INS de la personne avec qui partager.")],
    kind: Annotated[Literal["carer", "second-representative"], typer.Option("--kind", help="À quel titre.")],
    declare: Annotated[bool, typer.Option("--declare", help="La personne qui demande coche la déclaration.")] = False,
    until: Annotated[str | None, typer.Option(metavar="DATE", help="Fin, AAAA-MM-JJ (exclue).")] = None,
    actor: AsInstead = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Demande à partager un profil ; la personne invitée accepte ou refuse (« patient answer »)."""
    from access_core import sharing
    from access_core.acts import Act
    from access_core.facts import Delegation as DelegationKind

    what = DelegationKind.AIDANT if kind == "carer" else DelegationKind.SECOND_RL
    with opened(config) as instance:
        end = None if until is None else midnight(until, instance.settings.portal.time_zone)
        target = instance.database.read_now(lambda tx: patient.find(tx, instance, to))
        invitation = sharing.Invitation(target=target, kind=what, declared=declare, until=end)
        outcome = act_as_patient(
            instance, ins, actor, Act.DELEGATE_ACCESS, lambda tx, asking: sharing.invite(tx, asking, invitation)
        )
    made = outcome.value
    assert made is not None
    print_facts(said(outcome.decision, id=made.id, expires_at=made.expires_at), as_json=as_json)


@commands.command()
def answer(
    ins: InsText,
    actor: Annotated[str, typer.Option("--as", metavar="INS", help="INS de la personne invitée.")],
    accept: Annotated[bool, typer.Option("--accept/--decline", help="Accepte ou refuse.")] = True,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Répond à l'invitation à partager un profil."""
    from access_core import sharing
    from access_core.acts import Act

    with opened(config) as instance:
        shared = instance.database.read_now(lambda tx: _invitation(tx, instance, ins, actor))
        outcome = act_as_patient(
            instance,
            ins,
            actor,
            Act.DELEGATE_ACCESS,
            lambda tx, asking: sharing.respond(tx, asking, shared.id, accept=accept),
        )
    print_facts(said(outcome.decision, id=shared.id), as_json=as_json)


@commands.command()
def revoke(
    ins: InsText,
    target: Annotated[str, typer.Option("--from", metavar="INS", help="INS de la personne dont l'accès prend fin.")],
    actor: AsInstead = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Met fin à un partage ou à une représentation, ou reprend une invitation."""
    from access_core import sharing
    from access_core.acts import Act
    from access_core.delegation import shared_with
    from access_core.representation import representatives_of

    def work(tx: "Transaction", asking: "Asking", other: str) -> "Outcome[bool]":
        shared = [each for each in shared_with(tx, asking.profile.id, other) if each.counts(asking.now)]
        if shared:
            return sharing.revoke(tx, asking, shared[0].id)
        if all(each.id != other for each in representatives_of(tx, asking.profile.id, now=asking.now)):
            raise Refused("aucun partage en cours avec cette personne")
        return sharing.revoke_representative(tx, asking, other)

    with opened(config) as instance:
        other = instance.database.read_now(lambda tx: patient.find(tx, instance, target).id)
        outcome = act_as_patient(
            instance, ins, actor, Act.REVOKE_DELEGATION, lambda tx, asking: work(tx, asking, other)
        )
    print_facts(said(outcome.decision), as_json=as_json)


@commands.command()
def sharings(ins: InsText, config: Config = None, as_json: AsJson = False) -> None:
    """Liste les partages et invitations d'une personne, des deux côtés, et ses représentants légaux."""
    with opened(config) as instance:
        rows = instance.database.read_now(lambda tx: _rows(tx, instance, ins))
    print_rows(rows, COLUMNS, as_json=as_json)


@commands.command()
def attestations(ins: InsText, config: Config = None, as_json: AsJson = False) -> None:
    """Liste les attestations : opposition, début et fin de l'accès d'un aidant."""
    from access_core.attestations import attestations_of

    with opened(config) as instance:
        found = instance.database.read_now(lambda tx: attestations_of(tx, patient.find(tx, instance, ins).id))
    rows = [{"id": each.id, "kind": each.kind, "at": each.issued_at, "statement": each.statement} for each in found]
    print_rows(rows, ("id", "kind", "at", "statement"), as_json=as_json)


@commands.command()
def attestation(
    ins: InsText,
    reference: Annotated[str, typer.Argument(metavar="ID", help="Référence, selon « patient attestations ».")],
    file: Annotated[Path, typer.Argument(metavar="FILE.pdf", help="Fichier à écrire.")],
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Écrit une attestation en PDF."""
    from access_core.attestations import attestation_of, attestation_pdf
    from vaguemestre.app.administration import note
    from vaguemestre.app.pki import write_secret

    def work(tx: "Transaction") -> bytes:
        profile = patient.find(tx, instance, ins)
        proof = attestation_of(tx, profile.id, reference)
        if proof is None:
            raise Refused("aucune attestation de cette référence pour cette personne")
        note(tx, "attestation_read", instance.clock.now(), profile_id=profile.id)
        return attestation_pdf(proof)

    with opened(config) as instance:
        content = instance.database.write_now(work)
    write_secret(file, content)
    print_facts({"file": str(file), "size_bytes": len(content)}, as_json=as_json)


def _invitation(tx: "Transaction", instance: "Instance", ins: str, invited: str) -> "Delegation":
    """Return the invitation to share a profile that one person has to answer."""
    from access_core.delegation import shared_with

    profile, person = patient.find(tx, instance, ins), patient.find(tx, instance, invited)
    now = instance.clock.now()
    waiting = [each for each in shared_with(tx, profile.id, person.id) if each.waits(now)]
    if not waiting:
        raise Refused("aucune invitation en attente pour cette personne")
    return waiting[0]


def _rows(tx: "Transaction", instance: "Instance", ins: str) -> list[dict[str, object]]:
    from access_core.delegation import delegations_of
    from access_core.profiles import profile_by_id
    from access_core.representation import representatives_of

    found, now = patient.find(tx, instance, ins), instance.clock.now()
    rows: list[dict[str, object]] = [
        {"id": None, "role": "represented", "with": each.ins.value, "kind": "rl", "state": "acceptee", "until": None}
        for each in representatives_of(tx, found.id, now=now)
    ]
    for shared in delegations_of(tx, found.id, now=now):
        given = shared.profile_id == found.id
        other = profile_by_id(tx, shared.delegate_id if given else shared.profile_id)
        assert other is not None
        row = {"id": shared.id, "role": "given" if given else "received", "with": other.ins.value}
        rows.append({**row, "kind": shared.kind, "state": shared.state, "until": shared.until})
    return rows
