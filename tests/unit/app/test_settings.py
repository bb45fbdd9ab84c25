"""Settings: where they come from, what stops the start, and what the message then says."""

from pathlib import Path

import pytest

from vaguemestre.app.settings import Settings, find_config, load_settings
from vaguemestre.kernel.errors import ConfigurationError

SAMPLE = """
[instance]
host = "127.0.0.1"
port_base = 20000
domains = ["Demo.mssante.fr"]

[dkim.public_keys]
"s1._domainkey.peer.mssante.fr" = "v=DKIM1; p=AAAA"
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "vaguemestre.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_file_is_read_and_every_port_follows_the_base(tmp_path: Path) -> None:
    path = write(tmp_path, SAMPLE)

    settings = load_settings(path, {})

    assert settings.instance.domains == ("demo.mssante.fr",)
    assert settings.instance.ports() == {
        "mx": 20025,
        "submission": 20587,
        "submissions": 20465,
        "imap": 20143,
        "imaps": 20993,
        "portal": 20443,
        "metrics": 29090,
    }
    assert settings.dkim.public_keys == {"s1._domainkey.peer.mssante.fr": "v=DKIM1; p=AAAA"}


def test_relative_places_start_from_the_folder_of_the_file(tmp_path: Path) -> None:
    path = write(tmp_path, SAMPLE)

    settings = load_settings(path, {})

    assert settings.keys.instance == tmp_path / "keys" / "instance.key"
    assert settings.trust.whitelist == tmp_path / "whitelist.xml"
    assert settings.database_url() == f"sqlite:///{tmp_path}/catalogue.db"
    assert settings.blobs_url() == f"file://{tmp_path}/blobs"


def test_absolute_places_and_other_databases_stay_as_they_are(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        '[catalogue]\nurl = "postgresql+psycopg://v:secret@db/v"\n[blobs]\nurl = "s3://mail/x"\n'
        '[keys]\ninstance = "/etc/vaguemestre/instance.key"\n',
    )

    settings = load_settings(path, {})

    assert settings.database_url() == "postgresql+psycopg://v:secret@db/v"
    assert settings.blobs_url() == "s3://mail/x"
    assert settings.keys.instance == Path("/etc/vaguemestre/instance.key")


def test_a_variable_wins_over_the_file(tmp_path: Path) -> None:
    path = write(tmp_path, SAMPLE)
    environ = {
        "VAGUEMESTRE__CATALOGUE__URL": "postgresql+psycopg://v:secret@db/v",
        "VAGUEMESTRE__INSTANCE__PORT_BASE": "30000",
        "VAGUEMESTRE__INSTANCE__DOMAINS": '["a.mssante.fr", "b.mssante.fr"]',
        "VAGUEMESTRE_CONFIG": "ignored here",
    }

    settings = load_settings(path, environ)

    assert settings.database_url() == "postgresql+psycopg://v:secret@db/v"
    assert settings.instance.port_base == 30000
    assert settings.instance.domains == ("a.mssante.fr", "b.mssante.fr")


def test_the_gateway_takes_the_names_of_the_instance_unless_told_otherwise(tmp_path: Path) -> None:
    path = write(tmp_path, SAMPLE + '\n[smtp]\nhostname = "mx.demo.mssante.fr"\n')

    settings = load_settings(path, {})

    assert settings.smtp.hostname == "mx.demo.mssante.fr"
    assert settings.smtp.domains == ("demo.mssante.fr",)
    assert settings.smtp.patient_domains == ("patient.mssante.fr",)


def test_an_unknown_key_is_named_with_its_line_and_the_likely_spelling(tmp_path: Path) -> None:
    path = write(tmp_path, '[instance]\nhost = "127.0.0.1"\n\nport_bas = 3\n')

    with pytest.raises(ConfigurationError) as refusal:
        load_settings(path, {})

    assert f"{path}:4 : clé inconnue « instance.port_bas »" in str(refusal.value)
    assert "vouliez-vous dire « instance.port_base »" in str(refusal.value)


def test_an_unknown_section_and_a_bad_value_are_both_named(tmp_path: Path) -> None:
    path = write(tmp_path, "[instance]\nport_base = 99999\n\n[portall]\nidle_minutes = 5\n")

    with pytest.raises(ConfigurationError) as refusal:
        load_settings(path, {})

    lines = str(refusal.value).splitlines()
    assert any(line.startswith(f"{path}:2 : « instance.port_base »") for line in lines)
    assert any(line.startswith(f"{path}:4 : clé inconnue « portall »") and "« portal »" in line for line in lines)


def test_an_unknown_variable_is_named(tmp_path: Path) -> None:
    path = write(tmp_path, SAMPLE)

    with pytest.raises(ConfigurationError, match="variable VAGUEMESTRE__BLOBS__URI"):
        load_settings(path, {"VAGUEMESTRE__BLOBS__URI": "s3://x"})


def test_a_refused_value_is_not_quoted(tmp_path: Path) -> None:
    path = write(tmp_path, '[catalogue]\nurl = ["secret-password"]\n')

    with pytest.raises(ConfigurationError) as refusal:
        load_settings(path, {})

    assert "secret-password" not in str(refusal.value)


@pytest.mark.parametrize("text", ["[instance\n", 'host = "a"\nhost = "b"\n', "=\n"])
def test_what_is_not_toml_is_refused_with_its_place(tmp_path: Path, text: str) -> None:
    path = write(tmp_path, text)

    with pytest.raises(ConfigurationError, match=r"n'est pas du TOML.*line \d"):
        load_settings(path, {})


def test_a_missing_file_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="vaguemestre init"):
        load_settings(tmp_path / "absent.toml", {})


def test_the_option_then_the_variable_then_the_folder_name_the_file() -> None:
    environ = {"VAGUEMESTRE_CONFIG": "/etc/v.toml"}

    assert find_config(Path("x.toml"), environ) == Path("x.toml")
    assert find_config(None, environ) == Path("/etc/v.toml")
    assert find_config(None, {}) == Path("vaguemestre.toml")


def test_settings_cannot_be_changed_and_do_not_show_secrets(tmp_path: Path) -> None:
    settings = load_settings(write(tmp_path, '[catalogue]\nurl = "postgresql+psycopg://v:secret@db/v"\n'), {})

    assert "secret@" not in repr(settings)
    with pytest.raises(ValueError, match="frozen"):
        setattr(settings, "folder", tmp_path)  # noqa: B010  an assignment that the type checker would refuse
    assert isinstance(settings, Settings)


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ('[instance]\ndomains = ["pas un domaine"]', ":2 : « instance.domains » : « pas un domaine » n'est pas un nom"),
        ('[instance]\npatient_domains = ["a..fr"]', ":2 : « instance.patient_domains » : « a..fr » n'est pas"),
        ('[catalogue]\nurl = "mysql://v:secret@db/v"', ":2 : « catalogue.url » : commence par sqlite:/// ou"),
        ('[blobs]\nurl = "ftp://blobs"', ":2 : « blobs.url » : commence par file: ou s3://"),
    ],
)
def test_a_value_that_nothing_can_use_is_named_with_its_line(tmp_path: Path, line: str, sentence: str) -> None:
    path = write(tmp_path, line)

    with pytest.raises(ConfigurationError) as caught:
        load_settings(path, {})

    assert sentence in str(caught.value)
    assert "secret" not in str(caught.value)
