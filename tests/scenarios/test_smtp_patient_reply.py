"""What a patient sends from her space: decided, composed, delivered, traced."""

from collections.abc import Iterator
from datetime import date
from email import policy
from email.parser import BytesParser
from pathlib import Path

import pytest

from access_core.accounts import AccountState, set_account_state
from access_core.activation import Activation, activate
from access_core.case_inputs import Session
from access_core.facts import Auth
from access_core.identifiers import INS, ins_key
from access_core.profiles import NewProfile, Profile, add_profile, oppose
from access_core.reasons import Reason
from access_core.representation import represent
from smtp_gateway.conversation import conversations_of_patient, messages_of
from smtp_gateway.patient_reply import Attachment, ReplyOutcome, Seat
from smtp_gateway.queue import entries
from smtp_gateway.tables import conversation
from tests.unit.smtp_gateway.world import (
    DURAND,
    MARTIN,
    OTHER_PATIENT,
    PATIENT,
    PATIENT_DOMAIN,
    PEER,
    SERVICE,
    Options,
    World,
    letter,
    running,
)
from vaguemestre.kernel.database import Transaction

PHOTO = Attachment("plaie.jpg", "image/jpeg", b"\xff\xd8\xff\xe0 photo")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with running(tmp_path) as started:
        yield started


def write(world: World, subject: str = "Bonjour", **fields: str) -> str:
    """Have Dr Martin write to the patient; returns the conversation that changed last."""
    client = world.at_submission()
    client.sendmail(MARTIN, [PATIENT], letter(MARTIN, PATIENT, subject, **fields))
    client.quit()
    return last_conversation(world)


def last_conversation(world: World) -> str:
    return world.database.read_now(lambda tx: conversations_of_patient(tx, world.patient().id)[0].id)


def reply(world: World, conversation_id: str, text: str = "Merci.", *files: Attachment) -> ReplyOutcome:
    return world.run(world.replies.reply(world.patient(), conversation_id, text, files))


@pytest.mark.requirement("MSS2:ECO.2.2.2")
def test_reply_joins_the_thread_and_is_in_both_mailboxes(world: World) -> None:
    conversation_id = write(world, "=?utf-8?q?R=C3=A9sultats?=", Message_ID="<1@demo>")

    outcome = reply(world, conversation_id, "Merci docteur, voilà.", PHOTO)

    assert outcome.decision.allowed
    assert outcome.receipt is not None
    (received,) = world.messages(MARTIN)
    assert world.messages(PATIENT, "Envoyés") == [received]
    message = BytesParser(policy=policy.default).parsebytes(received)
    assert message["From"] == f"Dominique PAT-TROIS <{PATIENT}>"
    assert message["To"] == MARTIN
    assert message["Subject"] == "Re: Résultats"
    assert message["In-Reply-To"] == message["References"] == "<1@demo>"
    assert message["Message-ID"] == outcome.receipt.message_id_header
    body, photo = list(message.walk())[1:]
    assert body.get_content().strip() == "Merci docteur, voilà."
    assert (photo.get_content_type(), photo.get_filename()) == ("image/jpeg", "plaie.jpg")
    assert photo.get_content() == PHOTO.content
    assert ("reply_by_patient", "PERMIT", "OK") in world.traces()


def test_references_grow_with_the_exchange(world: World) -> None:
    conversation_id = write(world, Message_ID="<1@demo>")
    first = reply(world, conversation_id)
    assert first.receipt is not None
    own = first.receipt.message_id_header
    assert own is not None
    same = write(world, "Re: Bonjour", Message_ID="<2@demo>", In_Reply_To=own, References=f"<1@demo> {own}")

    reply(world, same)

    last = BytesParser(policy=policy.default).parsebytes(world.messages(MARTIN)[-1])
    assert same == conversation_id
    assert last["In-Reply-To"] == "<2@demo>"
    assert last["References"].split() == ["<1@demo>", own, "<2@demo>"]
    assert last["Subject"] == "Re: Bonjour"
    ids = world.database.read_now(lambda tx: [each.direction for each in messages_of(tx, same)])
    assert ids == ["in", "out", "in", "out"]


@pytest.mark.requirement("MSS2:ECO.2.2.8")
def test_reply_after_fin_is_refused_and_traced_until_the_professional_writes_again(world: World) -> None:
    conversation_id = write(world, Message_ID="<1@demo>")
    write(world, "[FIN] Bonjour", In_Reply_To="<1@demo>")

    refused = reply(world, conversation_id)
    write(world, "Re: Bonjour", In_Reply_To="<1@demo>")
    allowed = reply(world, conversation_id)

    assert (refused.decision.reason, refused.receipt) == (Reason.C_ECHANGE_CLOS, None)
    assert allowed.decision.allowed
    assert ("reply_by_patient", "DENY", "C_ECHANGE_CLOS") in world.traces()
    assert len(world.messages(MARTIN)) == 1


def test_fin_between_the_form_and_the_acceptance_is_obeyed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    conversation_id = write(world, Message_ID="<1@demo>")
    compose = type(world.replies)._compose

    async def close_then_compose(self: object, *arguments: object) -> object:
        arrival = await compose(self, *arguments)  # type: ignore[arg-type]
        await world_loop_write(world)
        return arrival

    monkeypatch.setattr(type(world.replies), "_compose", close_then_compose)

    outcome = reply(world, conversation_id)

    assert outcome.decision.reason is Reason.C_ECHANGE_CLOS
    assert world.messages(MARTIN) == []
    assert ("reply_by_patient", "DENY", "C_ECHANGE_CLOS") in world.traces()


async def world_loop_write(world: World) -> None:
    """Close every conversation, as a [FIN] that arrives just now does."""

    def work(tx: Transaction) -> None:
        tx.execute(conversation.update().values(state="closed"))

    await world.database.write(work)


def test_automatic_message_takes_no_answer(world: World) -> None:
    conversation_id = write(world, Auto_Submitted="auto-generated")

    outcome = reply(world, conversation_id)

    assert outcome.decision.reason is Reason.C_REPONSE_NON_AUTORISEE
    assert ("reply_by_patient", "DENY", "C_REPONSE_NON_AUTORISEE") in world.traces()


def test_reply_goes_to_the_authorised_reply_to(world: World) -> None:
    conversation_id = write(world, Reply_To=SERVICE)

    reply(world, conversation_id)

    assert world.messages(MARTIN) == []
    assert len(world.messages(SERVICE)) == 1


def test_conversation_of_somebody_else_or_of_nobody_is_unknown(world: World) -> None:
    conversation_id = write(world)

    stolen = world.run(world.replies.reply(world.patient(OTHER_PATIENT), conversation_id, "x"))
    nowhere = reply(world, "0" * 32)

    assert stolen.decision.reason is nowhere.decision.reason is Reason.C_ECHANGE_NON_INITIE
    assert world.messages(MARTIN) == []


@pytest.mark.parametrize("recipient", [MARTIN, DURAND, OTHER_PATIENT, "nobody@nowhere.fr", "not an address"])
def test_new_message_is_refused_by_default_whoever_it_is_for(world: World, recipient: str) -> None:
    write(world)

    outcome = world.run(world.replies.write_new(world.patient(), recipient, "Question", "Bonjour"))

    assert outcome.decision.reason is Reason.C_ECHANGE_NON_INITIE
    assert ("reply_by_patient", "DENY", "C_ECHANGE_NON_INITIE") in world.traces()


def test_new_message_to_an_open_contact_is_a_setting(tmp_path: Path) -> None:
    options = Options(conversation={"patient_new_conversation": "open_contacts"})
    with running(tmp_path, options) as world:
        write(world, Message_ID="<1@demo>")
        known = world.run(
            world.replies.write_new(world.patient(), f" {MARTIN.upper()} ", "Question\r\nBcc: x", "Bonjour")
        )
        stranger = world.run(world.replies.write_new(world.patient(), DURAND, "Question", "Bonjour"))
        write(world, "[FIN]")
        ended = world.run(world.replies.write_new(world.patient(), MARTIN, "Question", "Bonjour"))

        assert known.decision.allowed
        assert b"Subject: Question Bcc: x\r\n" in world.messages(MARTIN)[0]
        assert stranger.decision.reason is Reason.C_ECHANGE_NON_INITIE
        assert ended.decision.reason is Reason.C_ECHANGE_CLOS
        found = world.database.read_now(lambda tx: conversations_of_patient(tx, world.patient().id))
        assert len(found) == 3


def test_reply_to_a_professional_of_another_operator_is_queued_and_kept_in_the_sent_folder(world: World) -> None:
    client = world.at_mx()
    client.sendmail(PEER, [PATIENT], letter(PEER, PATIENT))
    client.quit()

    outcome = reply(world, last_conversation(world))

    assert outcome.decision.allowed
    assert len(world.messages(PATIENT, "Envoyés")) == 1
    waiting = world.database.read_now(entries.listed)
    assert [(each["recipient"], each["reverse_path"]) for each in waiting] == [(PEER, PATIENT)]


def test_closed_mailbox_of_a_professional_cannot_be_reached(world: World) -> None:
    conversation_id = write(world)
    world.database.write_now(lambda tx: set_account_state(tx, world.mailbox(MARTIN), AccountState.CLOSED))

    assert reply(world, conversation_id).decision.reason is Reason.D_SERVICE_INDISPONIBLE


def test_closed_space_cannot_reply(world: World) -> None:
    conversation_id = write(world)
    profile = world.database.write_now(lambda tx: oppose(tx, world.patient().id, now=world.clock.now()))

    outcome = world.run(world.replies.reply(profile, conversation_id, "x"))

    assert not outcome.decision.allowed
    assert world.messages(MARTIN) == []


@pytest.mark.parametrize("text", ["", "é" * 2_000, "un\r\ndeux\ntrois\rquatre", ".\n..\n", "[FIN]"])
def test_any_text_arrives(world: World, text: str) -> None:
    conversation_id = write(world)

    assert reply(world, conversation_id, text).receipt is not None

    message = BytesParser(policy=policy.default).parsebytes(world.messages(MARTIN)[0])
    assert message.get_content().split() == text.split()


def test_hostile_file_names_and_types_stay_in_their_field(world: World) -> None:
    conversation_id = write(world)
    files = [
        Attachment('../../x"\r\nBcc: a@b.fr\r\n.pdf', "application/pdf", b"%PDF-1.4"),
        Attachment("résumé médical.pdf", "text/html\r\nX: y", b"%PDF-1.4"),
        Attachment("", "multipart/mixed", b"--"),
    ]

    reply(world, conversation_id, "voici", *files)

    raw = world.messages(MARTIN)[0]
    message = BytesParser(policy=policy.default).parsebytes(raw)
    attached = list(message.iter_attachments())
    assert message["Bcc"] is None
    assert b"\r\nBcc:" not in raw
    assert [part.get_content_type() for part in attached] == ["application/pdf", *["application/octet-stream"] * 2]
    assert attached[1].get_filename() == "résumé médical.pdf"


def child_of(world: World, representative: Profile) -> Profile:
    """A child whose space somebody else sits before."""

    def work(tx: Transaction) -> Profile:
        matricule = "1160375056001"
        new = NewProfile(
            ins=INS.parse(f"{matricule}{ins_key(matricule):02d}"),
            family="Pat-Trois",
            given="Léo",
            birth_date=date(2016, 3, 1),
            sex="M",
            created_at=world.clock.now(),
        )
        added = add_profile(tx, new)
        world.store.create_mailbox(tx, added.account_id)
        represent(tx, added.id, representative.id, now=world.clock.now())
        return activate(tx, added.id, Activation(activated_at=world.clock.now()))

    return world.database.write_now(work)


def test_representative_is_named_in_what_she_writes_and_a_stranger_writes_nothing(world: World) -> None:
    mother, stranger = world.patient(), world.patient(OTHER_PATIENT)
    child = child_of(world, mother)
    client = world.at_submission()
    client.sendmail(MARTIN, [f"{child.ins.value}@{PATIENT_DOMAIN}"], letter(MARTIN, "x@y.fr"))
    client.quit()
    (found,) = world.database.read_now(lambda tx: conversations_of_patient(tx, child.id))

    def write_as(actor: Profile) -> ReplyOutcome:
        seat = Seat(session=Session(auth=Auth.LOGIN_OTP), actor=actor)
        return world.run(world.replies.reply(child, found.id, "Merci.", seat=seat))

    refused, allowed = write_as(stranger), write_as(mother)

    assert refused.decision.reason is Reason.H_REPRESENTANT_NON_RECONNU
    assert allowed.decision.allowed
    (received,) = world.messages(MARTIN)
    text = BytesParser(policy=policy.default).parsebytes(received).get_content()
    assert "Ce message a été rédigé par Dominique Pat-Trois, pour Léo Pat-Trois." in text
