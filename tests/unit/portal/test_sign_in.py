"""Signing in: two factors, refusals that all look the same, sessions that end."""

from datetime import timedelta

import pytest

from access_core.accounts import set_password
from access_core.authentication.passwords import hash_password
from access_core.profiles import suspend
from access_core.trace.reader import history_of_patient
from portal.security import HEADERS
from portal.sessions import CODE_ATTEMPTS
from portal.web.sign_in import REFUSED
from tests.fictional.patient_space import PASSWORD
from tests.fictional.people import ins_of
from tests.unit.portal.conftest import BASE, Page
from vaguemestre.kernel.errors import TemporaryFailure

MINUTE = timedelta(minutes=1)


async def test_two_factors_open_the_space(space, browser):
    home = await browser.sign_in(space)

    assert (home.status, home.path) == (200, "/")
    assert "Bonjour Dominique PAT-TROIS" in home.text


@pytest.mark.parametrize("login", ["2 79 03 51 215 189 89", "279035121518989@Patient.MSSante.fr"])
async def test_the_login_may_be_typed_as_people_do(space, browser, login):
    first = await browser.get("/connexion")

    second = await browser.submit(first, "/connexion", {"identifiant": login, "mot_de_passe": PASSWORD})

    assert second.path == "/connexion/code"


@pytest.mark.parametrize(
    ("login", "password"),
    [
        ("279035121518989", "Autre-mot-42!"),
        (ins_of("2810351215003").value, PASSWORD),
        ("camille.martin@demo.mssante.fr", PASSWORD),
        ("personne", PASSWORD),
        ("'; drop table account; --", PASSWORD),
    ],
)
async def test_every_refusal_says_the_same(browser, login, password):
    first = await browser.get("/connexion")

    answer = await browser.submit(first, "/connexion", {"identifiant": login, "mot_de_passe": password})

    assert (answer.status, answer.path, answer.errors) == (403, "/connexion", [REFUSED])
    assert PASSWORD not in answer.answer.text


async def test_empty_fields_are_told_on_top_and_beside(browser):
    first = await browser.get("/connexion")

    answer = await browser.submit(first, "/connexion", {})

    assert len(answer.errors) == 2
    summary = answer.tree.get_element_by_id("erreurs")
    assert (summary.get("role"), summary.get("tabindex"), summary.get("autofocus")) == ("alert", "-1", "")
    field = answer.tree.get_element_by_id("mot_de_passe")
    assert field.get("aria-invalid") == "true"
    assert answer.tree.get_element_by_id(field.get("aria-describedby").split()[-1]).text == answer.errors[1]
    assert answer.tree.findtext(".//title").startswith("Erreur : ")


async def test_one_factor_opens_nothing(space, browser):
    first = await browser.get("/connexion")
    await browser.submit(first, "/connexion", {"identifiant": "279035121518989", "mot_de_passe": PASSWORD})

    page = await browser.get("/messages")
    answer = await browser.client.get("/api/v1/messages")

    assert page.path == "/connexion"
    assert answer.status_code == 401


async def test_a_wrong_or_used_code_is_refused(space, browser):
    used = space.code()
    first = await browser.get("/connexion")
    names = {"identifiant": "279035121518989", "mot_de_passe": PASSWORD}
    second = await browser.submit(first, "/connexion", names)

    wrong = await browser.submit(second, "/connexion/code", {"code": f"{(int(used) + 1) % 1_000_000:06d}"})
    home = await browser.submit(wrong, "/connexion/code", {"code": used})
    await browser.submit(home, "/deconnexion", {})
    again = await browser.submit(await browser.get("/connexion"), "/connexion", names)
    replayed = await browser.submit(again, "/connexion/code", {"code": used})

    assert wrong.status == replayed.status == 403
    assert home.path == "/"


async def test_wrong_codes_send_back_to_the_first_step(space, browser):
    first = await browser.get("/connexion")
    names = {"identifiant": "279035121518989", "mot_de_passe": PASSWORD}
    page = await browser.submit(first, "/connexion", names)

    for _ in range(CODE_ATTEMPTS):
        page = await browser.submit(page, "/connexion/code", {"code": "000000"})
    after = await browser.get("/connexion/code")

    assert after.path == "/connexion"


async def test_guessing_is_slowed_down(browser):
    page = await browser.get("/connexion")

    statuses = []
    for _ in range(6):
        page = await browser.submit(
            page, "/connexion", {"identifiant": "279035121518989", "mot_de_passe": "Faux-mot-42!"}
        )
        statuses.append(page.status)

    assert statuses == [403] * 5 + [429]
    assert "trop d'essais" in page.errors[0]


async def test_signing_out_ends_the_session_and_clears_the_browser(space, patient):
    home = await patient.get("/")

    answer = await patient.client.post("/deconnexion", data=home.form("/deconnexion"))
    after = await patient.get("/")

    assert answer.headers["clear-site-data"]
    assert after.path == "/connexion"
    acts = [line.entry.act for line in space.database.read_now(lambda tx: history_of_patient(tx, space.patient.id))]
    assert acts[:3] == ["sign_out", "second_factor", "sign_in"]


async def test_a_session_ends_after_half_an_hour(space, patient):
    space.clock.advance(29 * MINUTE)
    still = await patient.get("/")
    space.clock.advance(29 * MINUTE)
    kept_by_use = await patient.get("/")
    space.clock.advance(31 * MINUTE)
    ended = await patient.get("/")

    assert (still.path, kept_by_use.path, ended.path) == ("/", "/", "/connexion")
    assert "Votre session est terminée" in ended.text


@pytest.mark.parametrize("change", [{"jeton": ""}, {"jeton": "x" * 32}])
async def test_a_form_without_its_token_is_refused(browser, change):
    first = await browser.get("/connexion")

    answer = await browser.submit(first, "/connexion", {"identifiant": "1", "mot_de_passe": "2", **change})

    assert answer.status == 403
    assert "Page expirée" in answer.text


async def test_a_form_from_another_site_is_refused(patient):
    home = await patient.get("/")

    answer = await patient.client.post(
        "/deconnexion", data=home.form("/deconnexion"), headers={"Origin": "https://ailleurs.test"}
    )

    assert answer.status_code == 403
    assert (await patient.get("/")).path == "/"


async def test_cookies_are_closed_to_scripts_and_other_sites(space, browser):
    first = await browser.client.get("/connexion")
    page = await browser.get("/connexion")
    names = {"identifiant": "279035121518989", "mot_de_passe": PASSWORD}
    second = await browser.client.post("/connexion", data={**page.form("/connexion"), **names})

    for cookie in (first.headers["set-cookie"], second.headers["set-cookie"]):
        assert cookie.startswith("__Host-")
        assert all(mark in cookie for mark in ("HttpOnly", "Secure", "SameSite=strict", "Path=/"))
        assert "Domain" not in cookie


@pytest.mark.parametrize("path", ["/connexion", "/", "/zzz", "/messages", "/api/v1/messages", "/api/openapi.json"])
async def test_every_answer_carries_the_headers(browser, path):
    answer = await browser.client.get(path)

    for name, value in HEADERS.items():
        assert answer.headers[name] == value
    assert "unsafe" not in answer.headers["content-security-policy"]


async def test_pages_hold_no_script_no_style_and_nothing_from_elsewhere(space, patient):
    await space.write("Bonjour", "Texte")
    for path in ("/", "/messages", "/documents", "/historique", "/professionnels", "/profil", "/parametres"):
        page = await patient.get(path)

        assert page.status == 200
        assert page.tree.xpath("//script | //style | //@style | //@onclick | //iframe") == []
        sources = page.tree.xpath("//@src | //link/@href")
        assert all(source.startswith("/static/") for source in sources)
        assert page.tree.get("lang") == "fr"


async def test_static_files_may_be_kept_and_others_are_absent(browser):
    page = await browser.get("/connexion")
    sheet = await browser.client.get(page.tree.xpath("//link[@rel='stylesheet']/@href")[0])
    other = await browser.client.get("/static/../app.py")

    assert sheet.status_code == 200
    assert "immutable" in sheet.headers["cache-control"]
    assert len(sheet.content) < 16_000
    assert other.status_code == 404
    assert str(sheet.url).startswith(BASE)


async def test_a_professional_with_the_right_password_opens_no_patient_space(space, browser):
    encoded = hash_password(PASSWORD)
    space.database.write_now(
        lambda tx: set_password(tx, space.doctor.account_id, encoded, changed_at=space.clock.now())
    )
    first = await browser.get("/connexion")
    names = {"identifiant": space.doctor.address, "mot_de_passe": PASSWORD}

    answer = await browser.submit(first, "/connexion", names)

    assert (answer.status, answer.errors) == (403, [REFUSED])


async def test_a_space_that_is_suspended_closes_at_once(space, patient):
    space.database.write_now(lambda tx: suspend(tx, space.patient.id, now=space.clock.now()))

    page = await patient.get("/messages")
    first = await patient.get("/connexion")
    names = {"identifiant": space.patient.ins.value, "mot_de_passe": PASSWORD}
    again = await patient.submit(first, "/connexion", names)

    assert page.path == "/connexion"
    assert (again.status, again.errors) == (403, [REFUSED])


async def test_the_catalogue_being_away_is_said_and_passes(space, patient, monkeypatch):
    async def away(_work):
        raise TemporaryFailure("catalogue: away")

    with monkeypatch.context() as broken:
        broken.setattr(space.database, "read", away)
        page = Page(await patient.client.get("/messages"))
        answer = await patient.client.get("/api/v1/messages")
    after = await patient.get("/messages")

    assert (page.status, "Service indisponible" in page.text) == (503, True)
    assert page.answer.headers["retry-after"] == "120"
    assert (answer.status_code, answer.json()["code"]) == (503, "D_SERVICE_INDISPONIBLE")
    assert after.status == 200
