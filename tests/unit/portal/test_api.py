"""JSON beside the pages: the same functions, refusals as problem documents."""

import pytest

from mailstore.model import INBOX


async def test_lists_are_json(space, patient):
    await space.write("XDM/1.0/DDM+Compte rendu", "Bonjour")

    conversations = (await patient.client.get("/api/v1/conversations")).json()
    messages = (await patient.client.get("/api/v1/messages")).json()
    documents = (await patient.client.get("/api/v1/documents")).json()
    history = (await patient.client.get("/api/v1/history")).json()

    assert [(line["subject"], line["correspondent"], line["unread"]) for line in conversations] == [
        ("Compte rendu", "Dr Camille Martin", 1)
    ]
    assert messages[0]["conversation_id"] == conversations[0]["id"]
    assert (messages[0]["unread"], messages[0]["mine"]) == (True, False)
    assert documents == []
    assert {"seq", "at", "sentence", "why", "refused"} == set(history["lines"][0])


async def test_a_reply_is_sent_by_the_engine(space, patient):
    receipt = await space.write("Suivi")

    answer = await patient.client.post(
        "/api/v1/messages", json={"conversation_id": receipt.conversation_ids[0], "text": "Merci"}
    )

    assert (answer.status_code, answer.json()["code"]) == (201, "OK")
    folder = space.database.read_now(lambda tx: space.store.folder(tx, space.doctor.account_id, INBOX))
    assert space.database.read_now(lambda tx: space.store.status(tx, folder.id)).messages == 1


@pytest.mark.parametrize("name", ["recipient", "to"])
async def test_who_never_wrote_cannot_be_written_to(space, patient, name):
    answer = await patient.client.post("/api/v1/messages", json={name: space.doctor.address, "text": "Bonjour"})

    assert answer.status_code == 403
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json() == {
        "type": "about:blank",
        "title": "Envoi refusé",
        "status": 403,
        "detail": "Vous pouvez uniquement écrire aux professionnels qui vous ont déjà écrit.",
        "code": "C_ECHANGE_NON_INITIE",
    }


@pytest.mark.requirement("MSS2:ECO.2.2.8")
async def test_after_fin_the_answer_is_the_reason_code(space, patient):
    receipt = await space.write("[FIN] Suivi")

    answer = await patient.client.post(
        "/api/v1/messages", json={"conversation_id": receipt.conversation_ids[0], "text": "Encore"}
    )

    assert (answer.status_code, answer.json()["code"]) == (403, "C_ECHANGE_CLOS")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"recipient": "a@b.fr"}, 422, "REQUETE_INVALIDE"),
        ({"recipient": "a@b.fr", "text": " "}, 422, "REQUETE_INVALIDE"),
        ({"recipient": "a@b.fr", "text": "x", "autre": 1}, 422, "REQUETE_INVALIDE"),
        ({"conversation_id": "0" * 32, "text": "x"}, 404, "INTROUVABLE"),
        ({"conversation_id": "\x00", "text": "x"}, 422, "REQUETE_INVALIDE"),
        ({"recipient": "a\x00@b.fr\r\nBcc: c@d.fr", "text": "x"}, 422, "REQUETE_INVALIDE"),
        ([], 422, "REQUETE_INVALIDE"),
    ],
)
async def test_bad_requests_are_problems_that_quote_nothing(patient, body, status, code):
    answer = await patient.client.post("/api/v1/messages", json=body)

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert "b.fr" not in answer.text


async def test_broken_json_is_a_problem(patient):
    answer = await patient.client.post(
        "/api/v1/messages", content=b'{"text": ', headers={"Content-Type": "application/json"}
    )

    assert answer.status_code in (400, 422)
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/json", "Origin": "https://ailleurs.test"},
        {"Content-Type": "application/json", "Sec-Fetch-Site": "cross-site"},
    ],
)
async def test_requests_of_other_sites_are_refused(patient, headers):
    answer = await patient.client.post(
        "/api/v1/messages", content=b'{"recipient":"a@b.fr","text":"x"}', headers=headers
    )

    assert (answer.status_code, answer.json()["code"]) == (403, "FORMULAIRE_PERIME")


async def test_a_body_that_is_too_long_is_refused_before_it_is_read(patient):
    answer = await patient.client.post("/api/v1/messages", json={"recipient": "a", "text": "x" * 300_000})

    assert (answer.status_code, answer.json()["code"]) == (413, "ENVOI_TROP_GRAND")


@pytest.mark.parametrize(
    "path", ["conversations", "messages", "documents", "history", "history/export", "explain/x@demo.mssante.fr"]
)
async def test_nothing_without_a_session(browser, path):
    answer = await browser.client.get(f"/api/v1/{path}")

    assert (answer.status_code, answer.json()["code"]) == (401, "A_ABSENTE")


async def test_the_description_names_every_path(browser):
    described = (await browser.client.get("/api/openapi.json")).json()

    assert set(described["paths"]) == {
        "/api/v1/conversations", "/api/v1/messages", "/api/v1/documents", "/api/v1/history",
        "/api/v1/messages/{message_id}/recipients", "/api/v1/sent",
        "/api/v1/history/export", "/api/v1/explain/{message_id}",
    }  # fmt: skip


async def test_a_failure_says_nothing_of_what_failed(space, patient, capfd):
    folder = await space.write("Secret médical")
    space.store._keyring = None
    capfd.readouterr()

    answer = await patient.client.get("/api/v1/conversations")
    page = await patient.get(f"/messages/{folder.conversation_ids[0]}")

    assert (answer.status_code, answer.json()["code"]) == (500, "ERREUR_INTERNE")
    assert (page.status, "Réessayez plus tard" in page.text) == (500, True)
    said = "".join(capfd.readouterr())
    assert "request_failed" in said
    assert "Secret" not in said
    assert folder.message_id not in said
