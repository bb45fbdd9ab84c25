"""`init --dmp`: where documents are filed, here, elsewhere, or both; what that needs is there from the first day."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

from dmp_bridge.external.access import load_access
from dmp_bridge.external.config import RecordChoice
from vaguemestre.app.bootstrap import Instance
from vaguemestre.app.elsewhere import elsewhere
from vaguemestre.app.initialise import Plan, initialise
from vaguemestre.app.record_choice import ChosenRecord
from vaguemestre.kernel.clock import SystemClock
from vaguemestre.kernel.errors import ConfigurationError

URL = "https://dmp.test/services"
NOW = datetime.now(UTC)


@pytest.mark.parametrize(
    ("values", "choice", "url"),
    [
        (["embedded"], RecordChoice.EMBEDDED, ""),
        ([URL], RecordChoice.EXTERNAL, URL),
        (["embedded", URL], RecordChoice.BOTH, URL),
        ([URL, "embedded", URL], RecordChoice.BOTH, URL),
    ],
)
def test_the_option_says_where(values: list[str], choice: RecordChoice, url: str):
    assert ChosenRecord.parse(values) == ChosenRecord(choice, url)


@pytest.mark.parametrize("values", [["http://dmp.test"], ["dmp"], [URL, "https://other.test"]])
def test_another_option_is_refused(values: list[str]):
    with pytest.raises(ConfigurationError, match="--dmp"):
        ChosenRecord.parse(values)


def test_an_instance_of_test_can_file_elsewhere_at_once(tmp_path: Path):
    plan = Plan(folder=tmp_path / "a", domains=("a.test",), record=ChosenRecord(RecordChoice.BOTH, URL))

    settings = initialise(plan, NOW)

    access = load_access(settings.dmp.external, SystemClock())
    subject = access.key.certificate.subject
    assert settings.dmp.record is RecordChoice.BOTH
    assert access.identity.structure == subject.get_attributes_for_oid(NameOID.ORGANIZATIONAL_UNIT_NAME)[0].value
    shown = x509.load_pem_x509_certificate(settings.dmp.external.client_certificate.read_bytes())
    assert shown.subject != subject
    instance = Instance(settings)
    assert [each.name for each in elsewhere(instance)] == ["dmp"]
    instance.close_now()


def test_an_ordinary_instance_files_here(tmp_path: Path):
    settings = initialise(Plan(folder=tmp_path / "a", domains=("a.test",)), NOW)

    assert settings.dmp.record is RecordChoice.EMBEDDED
    assert elsewhere(Instance(settings)) == []
    assert not list((tmp_path / "a" / "pki").glob("auth-cli*"))
