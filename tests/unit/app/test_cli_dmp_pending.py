"""`vaguemestre dmp pending` and `retry`: what waits for the record elsewhere; the settings behind them."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.fictional.structure_keys import issue_rsa
from tests.unit.app.conftest import Run
from vaguemestre.app.bootstrap import Instance
from vaguemestre.app.cli.shared import Refused
from vaguemestre.app.demo.fictional_documents import fictional_cda
from vaguemestre.app.elsewhere import elsewhere
from vaguemestre.app.pki import Authority
from vaguemestre.app.settings import load_settings
from vaguemestre.kernel.errors import ConfigurationError

INS = "279035121518989"
MARTIN = "camille.martin@demo.mssante.fr"
WATCH = '\n[[dmp.watch]]\nname = "app"\nhost = "imap.test"\nlogin = "a@b.test"\npassword_file = "keys/app.password"\n'
EXTERNAL = (
    '\n[dmp.external]\nurl = "https://localhost:1/xds"\nauthority = "pki/ca.pem"\nstructure = "1750000000"\n'
    'structure_name = "CH"\nresponsible = "810002422979"\nhomologation = "TEST"\n'
)


@pytest.fixture
def settings_file(instance_folder: Path) -> Path:
    """The settings of an instance that files here and elsewhere."""
    config = instance_folder / "vaguemestre.toml"
    text = config.read_text().replace('record = "embedded"', 'record = "both"')
    config.write_text(text + EXTERNAL)
    return config


@pytest.fixture
def record(run: Run, settings_file: Path) -> Run:
    traits = ("--family", "Pat-Trois", "--given", "Dominique", "--birth-date", "1979-03-28", "--sex", "F")
    person = ("--type", "PER", "--name", "Dr Camille Martin", "--rpps", "10002422979", "--profession", "10")
    for command in (
        ("mailbox", "add", MARTIN, *person, "--password-stdin"),
        ("patient", "add", INS, *traits),
        ("care", "declare", INS, "--by", MARTIN),
    ):
        assert run(*command).exit_code == 0
    return run


def test_a_document_waits_until_it_was_sent(record: Run, tmp_path: Path):
    file = tmp_path / "cr.xml"
    file.write_bytes(fictional_cda())
    assert record("dmp", "file", str(file), "--patient", INS, "--as", MARTIN).exit_code == 0

    (waiting,) = json.loads(record("dmp", "pending", "--json").stdout)
    (document,) = json.loads(record("dmp", "list", "--patient", INS, "--json").stdout)
    table = record("dmp", "pending").stdout

    assert (waiting["step"], waiting["state"], waiting["attempts"]) == ("dmp", "waiting", 0)
    assert waiting["document_id"] == document["id"]
    assert waiting["id"] in table
    assert json.loads(record("dmp", "retry", waiting["id"], "--json").stdout) == {"retried": 1}
    assert json.loads(record("dmp", "retry", "--all", "--json").stdout) == {"retried": 1}


def test_a_type_that_the_list_lacks_says_so_and_does_not_wait(record: Run, tmp_path: Path):
    file = tmp_path / "cr.xml"
    file.write_bytes(fictional_cda().replace(b'code="11488-4"', b'code="51851-4"', 1))

    filed = record("dmp", "file", str(file), "--patient", INS, "--as", MARTIN)

    assert filed.exit_code == 0
    assert "Le DMP n'admet pas ce type de document : il reste ici. [X_DMP_TYPE]" in filed.stderr
    assert json.loads(record("dmp", "pending", "--json").stdout) == []


def test_what_is_not_there_is_not_retried(record: Run):
    assert isinstance(record("dmp", "retry", "absent").exception, Refused)
    assert record("dmp", "retry").exit_code == 2
    assert record("dmp", "retry", "absent", "--all").exit_code == 2


def test_a_watched_mailbox_is_read_from_the_settings(settings_file: Path):
    folder = settings_file.parent
    settings_file.write_text(settings_file.read_text() + WATCH)

    settings = load_settings(settings_file, {})

    (watched,) = settings.dmp.watch
    assert (watched.name, watched.port, watched.flag) == ("app", 993, "$Depose")
    assert watched.password_file == folder / "keys" / "app.password"
    assert settings.dmp.external.authority == folder / "pki" / "ca.pem"


def test_a_watch_is_a_service_of_its_own(instance_folder: Path):
    config = instance_folder / "vaguemestre.toml"
    config.write_text(config.read_text() + WATCH)
    password = instance_folder / "keys" / "app.password"
    password.write_text("secret")
    password.chmod(0o600)
    instance = Instance(load_settings(config, {}))

    services = elsewhere(instance)

    assert [each.name for each in services] == ["watch-app"]
    instance.close_now()


def test_a_watch_without_its_password_stops_the_start(instance_folder: Path):
    config = instance_folder / "vaguemestre.toml"
    config.write_text(config.read_text() + WATCH)
    instance = Instance(load_settings(config, {}))

    with pytest.raises(ConfigurationError, match=r"app\.password"):
        elsewhere(instance)
    instance.close_now()


def test_a_record_elsewhere_without_its_keys_stops_the_start(settings_file: Path):
    instance = Instance(load_settings(settings_file, {}))

    with pytest.raises(ConfigurationError, match="DMP"):
        elsewhere(instance)
    instance.close_now()


def test_doctor_names_what_is_wrong_with_the_record_elsewhere(record: Run, settings_file: Path):
    def seen() -> list[tuple[str, str]]:
        found = json.loads(record("doctor", "--json").stdout)
        return [(each["état"], each["constat"]) for each in found if each["sujet"] == "dmp"]

    assert [health for health, _ in seen()] == ["défaut"]
    pki, now = settings_file.parent / "pki", datetime.now(UTC)
    authority = Authority.load(pki)
    for stem in ("auth-cli", "sign"):
        issue_rsa(authority, stem, now).write(pki, stem)

    assert [health for health, _ in seen()] == ["bon", "bon", "bon"]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (WATCH.replace("login", "loggin"), "loggin"),
        (WATCH.replace('"imap.test"', '""'), "host"),
        (WATCH + "port = 0\n", "port"),
    ],
)
def test_a_fault_in_a_watch_is_named(instance_folder: Path, wrong: str, said: str):
    config = instance_folder / "vaguemestre.toml"
    config.write_text(config.read_text() + wrong)

    with pytest.raises(ConfigurationError, match=said):
        load_settings(config, {})
