"""Choosing notices: on the settings page, and by the link in a notice, without signing in."""

import pytest

from access_core.trace.reader import history_of_patient
from smtp_gateway.notice_choices import Choice, Topic, choices_of, choose
from smtp_gateway.notice_links import NoticeLinks, Subscription


def choices(space) -> dict[Topic, Choice]:
    return dict(space.database.read_now(lambda tx: choices_of(tx, space.patient.id)))


def link(space, topic: Topic | None) -> str:
    return f"/desabonnement/{NoticeLinks(space.key).token(Subscription(space.patient.id, topic))}"


@pytest.mark.requirement("VGM:NOTICE-02")
async def test_choices_are_kept_shown_and_traced(space, patient):
    page = await patient.get("/parametres")
    assert choices(space) == dict.fromkeys(Topic, Choice.IMMEDIATE)

    done = await patient.submit(
        page, "/parametres/avis/choix", {"avis-message": "daily", "avis-document": "none", "avis-service": "absurde"}
    )

    assert choices(space) == {
        Topic.MESSAGE: Choice.DAILY,
        Topic.DOCUMENT: Choice.NONE,
        Topic.SERVICE: Choice.IMMEDIATE,
    }
    assert "Vos choix sont enregistrés." in done.text
    newest = space.database.read_now(lambda tx: history_of_patient(tx, space.patient.id))[0].entry
    assert newest.act == "notice_changed"


@pytest.mark.requirement("VGM:NOTICE-02")
async def test_opening_the_link_asks_and_its_button_ends_the_notice(space, browser):
    address = link(space, Topic.MESSAGE)

    shown = await browser.client.get(address)
    assert (shown.status_code, choices(space)[Topic.MESSAGE]) == (200, Choice.IMMEDIATE)
    assert "Ne plus recevoir ces avis" in shown.text
    done = await browser.client.post(address)

    assert (done.status_code, choices(space)[Topic.MESSAGE]) == (200, Choice.NONE)
    assert choices(space)[Topic.DOCUMENT] is Choice.IMMEDIATE
    assert "C'est fait" in done.text
    assert space.patient.family not in shown.text + done.text


@pytest.mark.requirement("VGM:NOTICE-02")
async def test_a_mail_program_ends_it_with_one_click(space, browser):
    answer = await browser.client.post(
        link(space, Topic.DOCUMENT),
        data={"List-Unsubscribe": "One-Click"},
        headers={"Origin": "https://courrier.example.org", "Sec-Fetch-Site": "cross-site"},
    )

    assert (answer.status_code, choices(space)[Topic.DOCUMENT]) == (200, Choice.NONE)


async def test_the_link_of_the_notice_of_the_day_ends_what_came_daily(space, browser):
    space.database.write_now(lambda tx: choose(tx, space.patient.id, Topic.MESSAGE, Choice.DAILY))

    await browser.client.post(link(space, None))

    assert choices(space)[Topic.MESSAGE] is Choice.NONE
    assert choices(space)[Topic.SERVICE] is Choice.IMMEDIATE


@pytest.mark.parametrize("token", ["x", "A" * 44, "A" * 45, "é" * 44])
async def test_another_link_leads_nowhere(space, browser, token):
    for ask in (browser.client.get, browser.client.post):
        assert (await ask(f"/desabonnement/{token}")).status_code == 404
    assert choices(space) == dict.fromkeys(Topic, Choice.IMMEDIATE)
