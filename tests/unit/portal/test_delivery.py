"""Where a patient's message stands: said under the message, by the API, and as the last line of its explanation."""

from urllib.parse import quote

import pytest

from access_core.decision import Verdict
from portal.delivery import recipient_lines
from smtp_gateway.queue.model import Trouble
from smtp_gateway.receipts.outcome import WORDS, Outcome, further
from smtp_gateway.receipts.states import RecipientState, Told, advance, states_of
from tests.conftest import NOON


async def sent(space, patient) -> str:
    """Have the patient answer her doctor; returns the id of what she wrote."""
    await space.write("Ordonnance")
    page = await patient.open_conversation()
    await patient.submit(page, f"{page.path}/repondre", {"texte": "Merci."}, [("fichiers", ("", b"", "x/y"))])
    messages = (await patient.client.get("/api/v1/messages")).json()
    return next(each["id"] for each in messages if each["mine"])


def told(space, message_id: str, state: Outcome, reason: str | None = None) -> bool:
    known = Told(state=state, at=NOON, reason=reason)
    return space.database.write_now(lambda tx: advance(tx, message_id, space.doctor.address, known))


@pytest.mark.parametrize(
    ("state", "reason", "words"),
    [
        (Outcome.READ, None, "Lu."),
        (Outcome.NOT_INTEGRATED, "902", "Remis, document non intégré : identifiant patient inconnu."),
    ],
)
async def test_the_page_and_the_api_say_the_same(space, patient, state, reason, words):
    message_id = await sent(space, patient)
    before = (await patient.client.get(f"/api/v1/messages/{message_id}/recipients")).json()

    assert told(space, message_id, state, reason)
    after = (await patient.client.get(f"/api/v1/messages/{message_id}/recipients")).json()
    page = await patient.open_conversation()

    assert [each["state"] for each in before] == ["delivered"]
    assert [(each["recipient"], each["state"], each["words"]) for each in after] == [
        (space.doctor.address, state, words)
    ]
    assert words in page.text


async def test_nobody_else_may_ask(space, patient):
    page = await patient.client.get(f"/api/v1/messages/{'0' * 32}/recipients")

    assert page.status_code == 404


@pytest.mark.requirement("VGM:TRACK")
async def test_the_explanation_ends_with_the_state(space, patient):
    message_id = await sent(space, patient)
    [state] = space.database.read_now(lambda tx: states_of(tx, message_id))

    lines = (await patient.client.get(f"/api/v1/explain/{quote(state.message_id_header)}")).json()

    assert (lines[-1]["act"], lines[-1]["sentence"]) == ("recipient_state", "Remis.")


@pytest.mark.parametrize("trouble", list(Trouble))
def test_a_failure_is_said_in_plain_words(trouble):
    state = RecipientState(
        id="1",
        message_id="2",
        message_id_header=None,
        mailbox_id="3",
        recipient="a@b.fr",
        state=Outcome.FAILED,
        reason=trouble,
        status="5.0.0",
        sent_at=NOON,
        at=NOON,
    )

    [line] = recipient_lines([state])

    assert line.words.startswith("Message non distribué : ")
    assert line.words.endswith(".")
    assert line.verdict is Verdict.DENY


def test_every_state_has_its_words_and_the_order_of_reports_does_not_matter():
    assert set(WORDS) == set(Outcome)
    for first in Outcome:
        for second in Outcome:
            assert further(first, second) is further(second, first)
            assert further(first, first) is first
