"""The table of contract §7, row by row: tests/spec/conversation_rules.csv."""

import csv
from pathlib import Path

import pytest

from smtp_gateway.fin import (
    Answer,
    Fin,
    FinMatch,
    ProfessionalMessage,
    State,
    Thread,
    follow_professional,
    judge_patient,
    read_fin,
)

ADDRESSES = {
    "opener": "doctor@ch.mssante.fr",
    "doctor": "doctor@ch.mssante.fr",
    "secretariat": "secretariat@ch.mssante.fr",
    "member": "member@ch.mssante.fr",
    "stranger": "stranger@ch.mssante.fr",
}
TABLE = Path(__file__).parents[2] / "spec" / "conversation_rules.csv"
RULES = list(csv.DictReader(TABLE.read_text(encoding="utf-8").splitlines()))


def _thread(kind: str) -> list[Thread]:
    if kind == "none":
        return []
    contact = ADDRESSES["secretariat" if kind == "redirected" else "doctor"]
    state = State.CLOSED if kind == "closed" else State.OPEN
    return [Thread(id="this", professional=ADDRESSES["doctor"], correspondent=contact, state=state)]


def _own(writer: str) -> list[Thread]:
    """Two more conversations of the doctor with that patient: one open, one closed already."""
    if writer != "opener":
        return []
    doctor = ADDRESSES["doctor"]
    return [
        Thread(id="other", professional=doctor, correspondent=doctor, state=State.OPEN),
        Thread(id="ended", professional=doctor, correspondent=doctor, state=State.CLOSED),
    ]


def _message(rule: dict[str, str]) -> ProfessionalMessage:
    sender = ADDRESSES[rule["writer"]]
    own = {sender, ADDRESSES["doctor"]} if rule["writer"] == "member" else {sender}
    match: FinMatch = "exact" if rule["match"] == "exact" else "mention"
    return ProfessionalMessage(
        sender=sender,
        writer_addresses=frozenset(own),
        reply_to=ADDRESSES[rule["reply_to"]] if rule["reply_to"] else None,
        fin=read_fin(rule["subject"], rule["mes"] or None, match=match),
        answerable=rule["answerable"] == "yes",
    )


@pytest.mark.requirement("MSS2:ECO.2.2.8")
@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["id"])
def test_message_of_a_professional_follows_the_table(rule: dict[str, str]) -> None:
    threads, own = _thread(rule["thread"]), _own(rule["writer"])

    change = follow_professional(_message(rule), threads, [*threads, *own])

    words = rule["result"].split()
    assert change.thread_id == ("this" if words[0] == "same" else None)
    assert change.state == words[1]
    assert change.answerable is ("silent" not in words)
    assert change.also_closed == (("other",) if rule["also_closed"] == "others" else ())
    assert change.correspondent == ADDRESSES[rule["correspondent"]]


def test_nearest_conversation_of_the_writer_is_the_one() -> None:
    far = Thread(id="far", professional="a@x.fr", correspondent="a@x.fr", state=State.OPEN)
    foreign = Thread(id="foreign", professional="b@x.fr", correspondent="b@x.fr", state=State.OPEN)
    near = Thread(id="near", professional="a@x.fr", correspondent="a@x.fr", state=State.OPEN)
    message = ProfessionalMessage(
        sender="a@x.fr", writer_addresses=frozenset({"a@x.fr"}), reply_to=None, fin=Fin.THREAD
    )

    change = follow_professional(message, [foreign, near, far])

    assert change.thread_id == "near"


OPEN = Thread(id="t", professional="a@x.fr", correspondent="a@x.fr", state=State.OPEN)
CLOSED = Thread(id="t", professional="a@x.fr", correspondent="a@x.fr", state=State.CLOSED)
SILENT = Thread(id="t", professional="a@x.fr", correspondent="a@x.fr", state=State.OPEN, answerable=False)
REDIRECTED = Thread(id="t", professional="a@x.fr", correspondent="s@x.fr", state=State.OPEN)


@pytest.mark.parametrize(
    ("thread", "recipient", "answer"),
    [
        (OPEN, None, Answer.OPEN),
        (OPEN, "a@x.fr", Answer.OPEN),
        (OPEN, "b@x.fr", Answer.SOMEBODY_ELSE),
        (CLOSED, "a@x.fr", Answer.CLOSED),
        (SILENT, "a@x.fr", Answer.NOT_ANSWERABLE),
        (None, "a@x.fr", Answer.UNKNOWN),
        (REDIRECTED, "s@x.fr", Answer.OPEN),
        (REDIRECTED, "a@x.fr", Answer.SOMEBODY_ELSE),
    ],
)
def test_patient_answers_only_the_authorised_contact_of_an_open_conversation(
    thread: Thread | None, recipient: str | None, answer: Answer
) -> None:
    assert judge_patient(thread, recipient) is answer


def test_subject_that_does_not_decode_is_read_as_it_is() -> None:
    assert read_fin("=?no-such-charset?q?=5BFIN=5D?=", None, match="mention") is Fin.NONE
    assert read_fin("=?utf-8?b?*?= [FIN]", None, match="mention") is Fin.THREAD
    assert read_fin(None, None, match="mention") is Fin.NONE
