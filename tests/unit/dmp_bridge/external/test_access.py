"""What a call to the record elsewhere is made with: read once, proved at the start."""

from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from dmp_bridge.config import BridgeSettings
from dmp_bridge.external.access import load_access
from dmp_bridge.external.client import connect
from dmp_bridge.external.config import ExternalSettings
from dmp_bridge.xds.identifiers import CX
from tests.conftest import NOON
from tests.fictional.structure_keys import issue_rsa
from tests.standins.token import LABEL, MODULE, PIN, TOKEN, start_token
from tests.unit.dmp_bridge.external.conftest import Elsewhere
from vaguemestre.app.demo.fictional_documents import DOMINIQUE
from vaguemestre.kernel.clock import ManualClock
from vaguemestre.kernel.errors import ConfigurationError

CLOCK = ManualClock(NOON)


def on_token(elsewhere: Elsewhere, **changes: object) -> ExternalSettings:
    facts = {"token_module": MODULE, "token_label": TOKEN, "token_key": LABEL, **changes}
    return elsewhere.settings.model_copy(update=facts)


async def test_a_call_is_signed_by_a_key_that_stays_on_its_token(elsewhere: Elsewhere, tmp_path: Path):
    pin = tmp_path / "pin"
    pin.write_text(f"{PIN}\n")
    pin.chmod(0o600)
    key = issue_rsa(elsewhere.authority, "LPS TEST SIGN", NOON).key_pem
    (elsewhere.folder / "sign.key").unlink()

    with start_token(key):
        access = load_access(on_token(elsewhere, pin_file=pin), CLOCK)
        async with connect(access) as client:
            found = await client.reference(CX.build(DOMINIQUE.ins, "1.2.250.1.213.1.4.10"), "1.2.3")

    assert found is None
    assert len(elsewhere.server.asked) == 1


async def test_the_pin_may_come_from_the_environment(elsewhere: Elsewhere):
    key = issue_rsa(elsewhere.authority, "LPS TEST SIGN", NOON).key_pem

    with start_token(key):
        access = load_access(on_token(elsewhere, pin=SecretStr(PIN)), CLOCK)

    assert access.identity.mode == "INDIRECTE"
    assert PIN not in repr(on_token(elsewhere, pin=SecretStr(PIN)))


async def test_a_pin_that_others_can_read_stops_the_start(elsewhere: Elsewhere, tmp_path: Path):
    pin = tmp_path / "pin"
    pin.write_text(PIN)
    pin.chmod(0o644)

    with pytest.raises(ConfigurationError, match="chmod 600"):
        load_access(on_token(elsewhere, pin_file=pin), CLOCK)
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load_access(on_token(elsewhere, pin_file=tmp_path / "absent"), CLOCK)
    with pytest.raises(ConfigurationError, match="pin_file"):
        load_access(on_token(elsewhere), CLOCK)


ADDRESS = {"url": "https://dmp.test/services"}
WHO = {"structure": "1750000000", "structure_name": "CH", "responsible": "810002422979", "homologation": "TEST"}


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"url": "http://dmp.test"}, "https://"),
        (ADDRESS, "structure, structure_name, responsible, homologation"),
        ({**ADDRESS, **WHO, "homologation": ""}, "homologation"),
        ({**ADDRESS, **WHO, "token_module": "/x.so"}, "token_label"),
        ({**ADDRESS, **WHO, "mode": "AUTRE"}, "mode"),
        ({**ADDRESS, **WHO, "request_timeout_s": 1_000}, "request_timeout_s"),
    ],
)
def test_settings_that_cannot_work_stop_the_start(values: dict[str, object], said: str):
    with pytest.raises(ValidationError, match=said):
        ExternalSettings.model_validate(values)


@pytest.mark.parametrize("record", ["both", "external"])
def test_filing_elsewhere_needs_an_address(record: str):
    with pytest.raises(ValidationError, match=r"dmp\.external"):
        BridgeSettings.model_validate({"record": record})

    assert BridgeSettings.model_validate({"record": record, "external": {**ADDRESS, **WHO}}).record == record
