"""`vaguemestre keys rotate --dkim`: show, publish, sign with."""

import json
from pathlib import Path

import pytest

from smtp_gateway.config import DkimSettings
from smtp_gateway.dkim_keyring import read_state
from tests.unit.app.conftest import DOMAIN, Run


def test_first_step_shows_what_to_publish_and_changes_nothing(run: Run, instance_folder: Path) -> None:
    done = run("keys", "rotate", "--dkim", "--json")

    facts = json.loads(done.stdout)
    assert facts["step"] == "prepared"
    assert facts["signing"] == ["vm-rsa", "vm-ed25519"]
    assert all(value.startswith("v=DKIM1; k=") for value in facts["records"].values())
    assert any(name.endswith(f"._domainkey.{DOMAIN}") for name in facts["records"])
    assert "à publier" in run("keys", "rotate", "--dkim").stdout


def test_second_step_signs_with_the_new_keys(run: Run, instance_folder: Path) -> None:
    run("keys", "rotate", "--dkim")

    done = run("keys", "rotate", "--dkim", "--activate", "--unchecked", "--json")

    facts = json.loads(done.stdout)
    assert facts["step"] == "activated"
    assert f"vm-rsa._domainkey.{DOMAIN}" in facts["withdraw"]
    assert list(read_state(DkimSettings(key_folder=instance_folder / "keys")).signing) == facts["signing"]


@pytest.mark.parametrize(
    ("arguments", "status", "sentence"),
    [
        (("keys", "rotate"), 1, "--dkim"),
        (("keys", "rotate", "--dkim", "--activate", "--unchecked"), 1, "aucune nouvelle clé"),
        (("keys", "rotate", "--dkim", "--unchecked"), 2, ""),
    ],
)
def test_what_cannot_be_done_is_refused(run: Run, arguments: tuple[str, ...], status: int, sentence: str) -> None:
    done = run(*arguments)

    assert done.exit_code == status
    assert sentence in str(done.exception)
