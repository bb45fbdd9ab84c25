"""`vaguemestre init`: everything or nothing, in a folder for its owner only."""

import json
from pathlib import Path

import pytest
from cryptography import x509
from typer.testing import CliRunner

from smtp_gateway.trust.admission import load_list
from smtp_gateway.trust.subjects import parse_subject
from tests.standins.postgres import PostgresServer
from tests.unit.app.conftest import DOMAIN
from vaguemestre.app.cli.application import build
from vaguemestre.app.initialise import Plan, initialise
from vaguemestre.app.migrations import current_revision, newest_revision
from vaguemestre.app.settings import load_settings
from vaguemestre.kernel.clock import SystemClock
from vaguemestre.kernel.errors import ConfigurationError, VaguemestreError
from vaguemestre.kernel.keys import InstanceKey

NOW = SystemClock().now()


def test_the_folder_holds_a_whole_instance(pristine: Path) -> None:
    settings = load_settings(pristine / "vaguemestre.toml", {})

    assert settings.instance.domains == (DOMAIN,)
    assert len(InstanceKey.load(settings.keys.instance).derive("test")) == 32
    assert current_revision(settings.database_url()) == newest_revision()
    assert set(settings.dkim.public_keys) == {f"vm-rsa._domainkey.{DOMAIN}", f"vm-ed25519._domainkey.{DOMAIN}"}


def test_the_operator_on_the_whitelist_is_the_one_of_the_certificate(pristine: Path) -> None:
    settings = load_settings(pristine / "vaguemestre.toml", {})
    certificate = x509.load_pem_x509_certificates(settings.pki.operator_certificate.read_bytes())[0]

    whitelist = load_list(settings.trust)

    listed = whitelist.domains_of(parse_subject(certificate.subject.rfc4514_string()))
    assert listed == {DOMAIN, "patient.mssante.fr"}


def test_the_server_certificate_names_every_way_to_reach_it(pristine: Path) -> None:
    certificate = x509.load_pem_x509_certificates((pristine / "pki" / "server.pem").read_bytes())[0]

    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    addresses = names.get_values_for_type(x509.IPAddress)
    hosts = {str(name) for name in (*names.get_values_for_type(x509.DNSName), *addresses)}

    assert {"localhost", "127.0.0.1", "::1", DOMAIN, "patient.mssante.fr"} <= hosts


def test_secrets_are_for_their_owner_only(pristine: Path) -> None:
    secrets = [*pristine.glob("*/*.key"), *pristine.glob("keys/*.pem"), pristine / "vaguemestre.toml"]

    assert len(secrets) == 7
    assert {path.stat().st_mode & 0o077 for path in (*secrets, pristine)} == {0}


def test_a_folder_that_holds_something_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("à garder", encoding="utf-8")

    with pytest.raises(ConfigurationError, match="pas vide"):
        initialise(Plan(folder=tmp_path, domains=(DOMAIN,)), NOW)

    assert [path.name for path in tmp_path.iterdir()] == ["note.txt"]


def test_a_database_that_cannot_be_reached_leaves_nothing_behind(tmp_path: Path) -> None:
    url = "postgresql+psycopg://nobody@127.0.0.1:1/none?connect_timeout=2"

    with pytest.raises(VaguemestreError):
        initialise(Plan(folder=tmp_path / "new", domains=(DOMAIN,), database_url=url), NOW)

    assert list((tmp_path / "new").iterdir()) == []


def test_an_instance_is_made_on_postgresql(tmp_path: Path, postgres: PostgresServer) -> None:
    url = postgres.fresh_database()

    settings = initialise(Plan(folder=tmp_path / "new", domains=(DOMAIN,), database_url=url), NOW)

    assert settings.database_url() == url
    assert current_revision(url) == newest_revision()


def test_the_command_prints_where_things_are(tmp_path: Path) -> None:
    arguments = ["init", str(tmp_path / "new"), "--domain", DOMAIN, "--port-base", "20000", "--json"]

    done = CliRunner().invoke(build(), arguments)

    said = json.loads(done.stdout)
    assert said["config"] == str(tmp_path / "new" / "vaguemestre.toml")
    assert said["ca"] == str(tmp_path / "new" / "pki" / "ca.pem")
    assert said["ports"]["imaps"] == 20993


def test_an_instance_may_leave_the_patients_to_another_operator(tmp_path: Path) -> None:
    folder, run = tmp_path / "new", CliRunner()
    ins, traits = "279035121518989", ["--family", "PAT-TROIS", "--given", "DOMINIQUE", "--birth-date", "1979-03-28"]

    made = run.invoke(build(), ["init", str(folder), "--domain", DOMAIN, "--without-patients"])
    config = ["--config", str(folder / "vaguemestre.toml")]
    added = run.invoke(build(), ["patient", "add", ins, *traits, "--sex", "F", "--json", *config])
    activated = run.invoke(build(), ["patient", "activate", ins, *config])

    assert made.exit_code == 0
    assert json.loads(added.stdout)["address"] == f"{ins}@patient.mssante.fr"
    assert activated.exit_code == 1
    assert "patient_domains" in str(activated.exception)
    assert "patient.mssante.fr" not in (folder / "whitelist.xml").read_text("utf-8")
