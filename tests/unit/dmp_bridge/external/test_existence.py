"""TD0.2 between two Vaguemestres: what the record answers is what its patient has decided."""

from collections.abc import Callable

import pytest
from lxml import etree

from access_core.activation import Activation, activate
from access_core.profiles import Profile, close, oppose
from access_core.trace.reader import history_of_patient
from dmp_bridge.external.client import Access, connect
from dmp_bridge.external.existence import Existence, RecordState, Told, read_existence
from dmp_bridge.external.troubles import RecordAway, RecordRefused, Trouble
from dmp_bridge.xds.identifiers import CX
from tests.conftest import NOON
from tests.standins import dmp
from tests.standins.dmp import Asked, DmpServer
from tests.unit.dmp_bridge.external.conftest import Elsewhere
from vaguemestre.app.demo.fictional_documents import DOMINIQUE
from vaguemestre.kernel.errors import ProtocolError

PATIENT = CX.build(DOMINIQUE.ins, "1.2.250.1.213.1.4.10")
STRANGER = CX.build("207058575627097", "1.2.250.1.213.1.4.10")
HL7 = "urn:hl7-org:v3"


@pytest.fixture
def vaguemestre(elsewhere: Elsewhere) -> Elsewhere:
    """The other Vaguemestre answers TD0.2 by itself."""
    elsewhere.server.behaviour = _by_the_endpoint
    return elsewhere


async def _by_the_endpoint(server: DmpServer, asked: Asked, writer: object) -> None:
    assert server.endpoint is not None
    answer = await server.endpoint.answer(asked.service, asked.content_type, asked.body)
    await dmp.send(writer, answer.status, answer.content_type, answer.body)  # type: ignore[arg-type]


async def test_a_patient_of_the_other_has_an_open_record(vaguemestre: Elsewhere, access: Access):
    async with connect(access) as client:
        found = await client.exists(PATIENT)
        nobody = await client.exists(STRANGER)

    assert found == Existence(RecordState.ACTIVE, "VALIDE")
    assert nobody == Existence(RecordState.ABSENT)


@pytest.mark.parametrize("change", [oppose, close])
async def test_a_record_that_was_closed_or_refused_is_absent(
    vaguemestre: Elsewhere, access: Access, change: Callable[..., Profile]
):
    patient = vaguemestre.patient
    if change is close:
        activation = Activation(activated_at=NOON, encoded_password="-", sealed_totp=b"-")
        vaguemestre.database.write_now(lambda tx: activate(tx, patient.id, activation))
    vaguemestre.database.write_now(lambda tx: change(tx, patient.id, now=NOON))

    async with connect(access) as client:
        found = await client.exists(PATIENT)

    assert found == Existence(RecordState.ABSENT)


def answer(inside: str, kind: str = "AA") -> etree._Element:
    return etree.fromstring(
        f'<PRPA_IN201308UV02 xmlns="{HL7}"><acknowledgement typeCode="{kind}">'
        f'<acknowledgementDetail><code code="DMPSomething"/></acknowledgementDetail></acknowledgement>{inside}'
        "</PRPA_IN201308UV02>"
    )


def patient(state: str) -> str:
    return (
        "<controlActProcess><subject><registrationEvent><subject1><patient>"
        f'<statusCode code="{state}"/></patient></subject1></registrationEvent></subject></controlActProcess>'
    )


def test_answers_are_read():
    assert read_existence(answer(patient("terminated"))) == Told(Existence(RecordState.CLOSED))
    assert read_existence(answer("", "AE")) == Told(None, ("DMPSomething",))
    not_found = '<controlActProcess><queryAck><queryResponseCode code="NF"/></queryAck></controlActProcess>'
    assert read_existence(answer(not_found, "AE")) == Told(Existence(RecordState.ABSENT))


@pytest.mark.parametrize(
    "body",
    [answer(patient("autre")), etree.fromstring("<a/>"), etree.fromstring(f'<PRPA_IN201308UV02 xmlns="{HL7}"/>')],
)
def test_what_is_no_answer_is_not_believed(body: etree._Element):
    with pytest.raises(ProtocolError):
        read_existence(body)


async def test_a_refusal_is_told_by_its_code(elsewhere: Elsewhere, access: Access):
    async def refuses(server: DmpServer, asked: Asked, writer: object) -> None:
        body = etree.tostring(answer("", "AE")).decode()
        written = dmp.envelope(body, "urn:hl7-org:v3:PRPA_IN201308UV02", asked.header("MessageID"))
        await dmp.send(writer, 200, "application/soap+xml", written)  # type: ignore[arg-type]

    elsewhere.server.behaviour = refuses

    async with connect(access) as client:
        with pytest.raises(RecordRefused, match="DMPSomething"):
            await client.exists(PATIENT)


async def test_an_answer_that_cannot_be_read_is_tried_again(elsewhere: Elsewhere, access: Access):
    async def nonsense(server: DmpServer, asked: Asked, writer: object) -> None:
        written = dmp.envelope("<x/>", "urn:hl7-org:v3:PRPA_IN201308UV02", asked.header("MessageID"))
        await dmp.send(writer, 200, "application/soap+xml", written)  # type: ignore[arg-type]

    elsewhere.server.behaviour = nonsense

    async with connect(access) as client:
        with pytest.raises(RecordAway) as raised:
            await client.exists(PATIENT)

    assert raised.value.trouble is Trouble.ANSWER


async def test_the_test_itself_is_traced(vaguemestre: Elsewhere, access: Access):
    async with connect(access) as client:
        await client.exists(PATIENT)

    history = vaguemestre.database.read_now(lambda tx: history_of_patient(tx, vaguemestre.patient.id))
    assert [(each.entry.act, each.entry.reason) for each in history] == [("existence_tested", "OK")]
