"""The settings page: sessions, password, address for notices."""

import httpx2
import pytest

from access_core.authentication.passwords import SENTENCES, Weakness
from access_core.profiles import profile_by_id
from portal.patient import account
from tests.fictional.patient_space import PASSWORD
from tests.unit.portal.conftest import BASE, Browser

NEW = "Noisetier-17?"


@pytest.fixture
async def elsewhere(space, patient):
    """The same person on another device."""
    transport = patient.client._transport
    agent = {"User-Agent": "Mozilla/5.0 (Android 15; Mobile; rv:140.0) Gecko/140.0 Firefox/140.0"}
    client = httpx2.AsyncClient(transport=transport, base_url=BASE, headers=agent)
    other = Browser(client)
    assert (await other.sign_in(space)).path == "/"
    return other


async def test_one_sees_ones_sessions_and_closes_another(patient, elsewhere):
    page = await patient.get("/parametres")
    action = next(form.action for form in page.tree.forms if form.action.startswith("/parametres/connexions/0"))

    after = await patient.submit(page, action, {})

    assert "Firefox sur Android" in page.text
    assert "La connexion est fermée." in after.text
    assert (await elsewhere.get("/")).path == "/connexion"
    assert (await patient.get("/")).path == "/"


async def test_one_closes_every_other_session(patient, elsewhere):
    page = await patient.get("/parametres")

    await patient.submit(page, "/parametres/connexions/fermer", {})

    assert (await elsewhere.get("/")).path == "/connexion"
    assert (await patient.get("/")).path == "/"


async def test_changing_the_password_ends_the_other_sessions(space, patient, elsewhere):
    page = await patient.get("/parametres")
    form = {"actuel": PASSWORD, "nouveau": NEW, "confirmation": NEW}

    after = await patient.submit(page, "/parametres/mot-de-passe", form)

    assert "Votre mot de passe est changé" in after.text
    assert (await elsewhere.get("/")).path == "/connexion"
    names = {"identifiant": space.patient.ins.value}
    sign_in = await elsewhere.get("/connexion")
    old = await elsewhere.submit(sign_in, "/connexion", {**names, "mot_de_passe": PASSWORD})
    new = await elsewhere.submit(sign_in, "/connexion", {**names, "mot_de_passe": NEW})
    assert (old.status, new.path) == (403, "/connexion/code")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"actuel": ""}, "Tapez votre mot de passe actuel."),
        ({"actuel": "Faux-mot-42!"}, account.NOT_THE_CURRENT),
        ({"nouveau": "Court-1"}, SENTENCES[Weakness.TOO_SHORT]),
        ({"nouveau": "toutenminuscules"}, SENTENCES[Weakness.TOO_PLAIN]),
        ({"nouveau": "dominique-42A"}, account.PERSONAL),
        ({"nouveau": "Aa-279035121518989"}, account.PERSONAL),
        ({"nouveau": PASSWORD, "confirmation": PASSWORD}, account.SAME_AS_BEFORE),
        ({"confirmation": "Autre-chose-9"}, account.NOT_THE_SAME),
    ],
)
async def test_a_password_that_does_not_do_is_told(patient, change, said):
    page = await patient.get("/parametres")
    form = {"actuel": PASSWORD, "nouveau": NEW, "confirmation": NEW, **change}

    after = await patient.submit(page, "/parametres/mot-de-passe", form)

    assert (after.status, after.errors) == (422, [said])
    assert NEW not in after.answer.text


@pytest.mark.parametrize("email", ["dominique@exemple.fr", ""])
async def test_the_address_for_notices_is_kept(space, patient, email):
    page = await patient.get("/parametres")

    after = await patient.submit(page, "/parametres/avis", {"email": email})

    assert "Votre adresse est enregistrée." in after.text
    kept = space.database.read_now(lambda tx: profile_by_id(tx, space.patient.id))
    assert kept.email == (email or None)


@pytest.mark.parametrize("email", ["pas une adresse", "a@b", "a@b.fr\nBcc: c@d.fr", "27903512151@patient.mssante.fr"])
async def test_an_address_that_does_not_do_is_told(space, patient, email):
    page = await patient.get("/parametres")

    after = await patient.submit(page, "/parametres/avis", {"email": email})

    assert after.status == 422
    assert after.tree.get_element_by_id("email").get("aria-invalid") == "true"
    assert space.database.read_now(lambda tx: profile_by_id(tx, space.patient.id)).email is None
