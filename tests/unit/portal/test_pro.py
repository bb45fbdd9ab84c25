"""The professional space: signing in apart from patients, own acts, a patient's history, what happened to a message."""

from dataclasses import replace
from urllib.parse import quote

import pytest

from access_core.accounts import AccountState, set_password
from access_core.authentication.passwords import hash_password
from access_core.authentication.totp import keep_totp, seal_secret
from access_core.consent import set_standing
from access_core.facts import Standing
from access_core.professionals import set_state
from access_core.trace.entries import record
from access_core.trace.reader import acts_of, history_of_patient
from portal.web.sign_in import REFUSED
from smtp_gateway.receipts.outcome import Outcome
from smtp_gateway.receipts.states import Sent, Told, advance, note_sent
from tests.fictional.patient_space import PASSWORD
from tests.fictional.people import ins_of
from tests.unit.portal.conftest import Browser

HEADER = "<m1@demo.mssante.fr>"


@pytest.fixture
def doctor(space):
    """The doctor of the space, with a password and a second factor."""
    account_id, now = space.doctor.account_id, space.clock.now()

    def enrol(tx):
        set_password(tx, account_id, hash_password(PASSWORD), changed_at=now)
        keep_totp(tx, account_id, seal_secret(space.key, account_id, space.secret), enrolled_at=now)

    space.database.write_now(enrol)
    return space.doctor


async def sign_in(browser, space, *, code: bool = True):
    """Sign in to the professional space."""
    first = await browser.get("/pro/connexion")
    names = {"identifiant": space.doctor.address, "mot_de_passe": PASSWORD}
    second = await browser.submit(first, "/pro/connexion", names)
    return await browser.submit(second, "/pro/connexion/code", {"code": space.code()}) if code else second


def name(space, standing: Standing) -> None:
    """Have the patient name the doctor."""
    space.database.write_now(lambda tx: set_standing(tx, space.patient.id, space.doctor.account_id, standing))


async def history(browser, ins: str):
    """Ask for the history of a patient."""
    page = await browser.get("/pro/patients/historique")
    return await browser.submit(page, "/pro/patients/historique", {"ins": ins})


def own(space) -> list[tuple[str, str, str]]:
    """The acts of the doctor, newest first."""
    found = space.database.read_now(lambda tx: acts_of(tx, space.doctor.account_id))
    return [(each.entry.act, each.entry.verdict, each.entry.reason) for each in found]


async def test_a_professional_signs_in_with_her_second_factor_and_out(space, browser, doctor):
    home = await sign_in(browser, space)
    left = await browser.submit(home, "/pro/deconnexion", {})
    after = await browser.get("/pro/historique")

    assert (home.path, home.status) == ("/pro/", 200)
    assert "mot de passe seul" not in home.text
    assert (left.path, after.path) == ("/pro/connexion", "/pro/connexion")
    assert [act for act, _, _ in own(space)][:3] == ["sign_out", "second_factor", "sign_in"]


async def test_a_password_alone_opens_the_space_but_no_trace(space, browser):
    now = space.clock.now()
    encoded = hash_password(PASSWORD)
    space.database.write_now(lambda tx: set_password(tx, space.doctor.account_id, encoded, changed_at=now))

    home = await sign_in(browser, space, code=False)
    refused = await browser.get("/pro/historique")
    message = await browser.get(f"/pro/messages/{quote(HEADER)}")
    patient = await history(browser, space.patient.ins.value)
    documents = await browser.get(f"/pro/patients/{space.patient.id}/documents")

    assert home.path == "/pro/"
    assert "mot de passe seul" in home.text
    assert [each.status for each in (refused, message, patient, documents)] == [403] * 4
    assert "moyen d'identification" in refused.text
    assert own(space)[:2] == [
        ("documents_searched", "DENY", "A_MOYEN_INSUFFISANT"),
        ("read_access_history", "DENY", "A_MOYEN_INSUFFISANT"),
    ]


async def test_the_two_spaces_have_sessions_apart(space, browser, doctor):
    await sign_in(browser, space)
    pro_cookie = browser.client.cookies["__Host-pro-session"]
    as_patient = await browser.get("/messages")
    browser.client.cookies.clear()
    browser.client.cookies.set("__Host-session", pro_cookie)
    stolen = await browser.get("/messages")
    browser.client.cookies.clear()
    await browser.sign_in(space)
    patient_cookie = browser.client.cookies["__Host-session"]
    browser.client.cookies.clear()
    browser.client.cookies.set("__Host-pro-session", patient_cookie)

    as_professional = await browser.get("/pro/historique")

    assert (as_patient.path, stolen.path, as_professional.path) == ("/connexion", "/connexion", "/pro/connexion")


@pytest.mark.parametrize("login", ["279035121518989", "personne@demo.mssante.fr"])
async def test_patients_and_strangers_do_not_enter(space, browser, doctor, login):
    first = await browser.get("/pro/connexion")

    answer = await browser.submit(first, "/pro/connexion", {"identifiant": login, "mot_de_passe": PASSWORD})

    assert (answer.status, answer.errors) == (403, [REFUSED])


async def test_a_mailbox_that_is_suspended_ends_the_session(space, browser, doctor):
    await sign_in(browser, space)

    space.database.write_now(lambda tx: set_state(tx, doctor.account_id, AccountState.SUSPENDED))

    assert (await browser.get("/pro/")).path == "/pro/connexion"


@pytest.mark.requirement("VGM:TRACE-READERS")
async def test_her_own_acts_are_hers_to_read(space, browser, doctor):
    await space.write("Résultats")
    await sign_in(browser, space)

    page = await browser.get("/pro/historique")

    assert "Envoi d'un message à un patient – Dominique PAT-TROIS" in page.text
    assert own(space)[0] == ("read_access_history", "PERMIT", "OK")


@pytest.mark.requirement("VGM:TRACE-READERS")
@pytest.mark.parametrize(
    ("standing", "answer"),
    [
        (Standing.MEDECIN_TRAITANT, (200, "OK")),
        (Standing.ADMINISTRATEUR, (200, "OK")),
        (Standing.AUCUN, (403, "H_ADMIN_REQUIS")),
    ],
)
async def test_the_whole_history_is_for_whom_the_patient_named(space, browser, doctor, standing, answer):
    status, reason = answer
    name(space, standing)
    await space.write("Résultats")
    await sign_in(browser, space)

    page = await history(browser, "2 79 03 51 215 189 89")

    assert page.status == status
    assert ("Envoi d'un message" in page.text) == (status == 200)
    traced = space.database.read_now(lambda tx: history_of_patient(tx, space.patient.id))[0].entry
    assert (traced.act, traced.reason, traced.subject_id) == ("read_access_history", reason, doctor.account_id)


@pytest.mark.parametrize(
    ("ins", "sentence"),
    [
        (ins_of("1810351215003").value, "Profil inexistant"),
        ("27903512151", "Le matricule INS saisi n'est pas valide"),
        ("", "Tapez le matricule INS"),
    ],
)
async def test_whom_nobody_knows_is_told(space, browser, doctor, ins, sentence):
    await sign_in(browser, space)

    assert sentence in (await history(browser, ins)).text


@pytest.mark.requirement("VGM:EXPLAIN")
async def test_a_message_is_explained_to_its_sender_on_the_page_and_by_the_api(space, browser, doctor):
    receipt = await space.write("Résultats")
    header = next(
        each.entry.message_id_header
        for each in space.database.read_now(lambda tx: history_of_patient(tx, space.patient.id))
        if each.entry.message_id_header
    )
    home = await sign_in(browser, space)

    page = await browser.submit(home, "/pro/messages", {"message": header})
    api = await browser.client.get(f"/api/v1/explain/{quote(header)}")
    unknown = await browser.get("/pro/messages/x@y")
    empty = await browser.submit(home, "/pro/messages", {"message": ""})

    assert receipt.message_id
    assert "Envoi d'un message à un patient" in page.text
    assert "Code : OK" in page.text
    assert "deliver_to_patient" in {each["act"] for each in api.json()}
    assert (unknown.status, empty.status) == (404, 422)


async def test_lines_of_others_are_explained_to_the_attending_doctor_only(space, browser: Browser, doctor):
    await space.write("Résultats")
    found = space.database.read_now(lambda tx: history_of_patient(tx, space.patient.id))
    header = next(each.entry.message_id_header for each in found if each.entry.message_id_header)
    other = "Un autre service"

    def trace_of_another(tx):
        entry = next(each.entry for each in found if each.entry.message_id_header)
        record(tx, replace(entry, subject_id="f" * 32, subject_label=other))

    space.database.write_now(trace_of_another)
    await sign_in(browser, space)

    before = await browser.get(f"/pro/messages/{quote(header)}")
    name(space, Standing.MEDECIN_TRAITANT)
    after = await browser.get(f"/pro/messages/{quote(header)}")

    assert (other in before.text, other in after.text) == (False, True)


@pytest.mark.requirement("VGM:TRACK")
async def test_she_sees_where_each_message_of_hers_stands(space, browser, doctor):
    sent = Sent(message_id="1" * 32, message_id_header="<s1@demo>", mailbox_id=doctor.account_id, at=space.clock.now())
    told = Told(state=Outcome.FAILED, at=space.clock.now(), reason="S_PAIR_BOITE_PLEINE", status="5.2.2")

    def work(tx):
        note_sent(tx, sent, ["a@pair.fr", "b@pair.fr"], Outcome.RELAYED)
        note_sent(tx, replace(sent, message_id="2" * 32, mailbox_id="3" * 32), ["c@pair.fr"], Outcome.READ)
        advance(tx, "1" * 32, "a@pair.fr", told)

    space.database.write_now(work)
    await sign_in(browser, space)

    page = await browser.get("/pro/envois")
    data = (await browser.client.get("/api/v1/sent")).json()
    explained = (await browser.client.get(f"/api/v1/explain/{quote('<s1@demo>')}")).json()

    assert "a@pair.fr – Message non distribué : la boîte du destinataire est pleine." in page.text
    assert "b@pair.fr – Transmis à la messagerie du destinataire." in page.text
    assert "c@pair.fr" not in page.text
    assert [[each["state"] for each in message["recipients"]] for message in data] == [["failed", "relayed"]]
    assert [each["actor"] for each in explained if each["act"] == "recipient_state"] == ["a@pair.fr", "b@pair.fr"]
