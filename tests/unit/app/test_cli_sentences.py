"""What a user reads when an identifier is not one."""

import sys
from pathlib import Path

import pytest

from vaguemestre.app.cli import main

PATIENT = ("--family", "A", "--given", "B", "--birth-date", "1979-03-28", "--sex", "F")


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        (("patient", "add", "123", *PATIENT), "l'INS compte 13 caractères et une clé de 2 chiffres"),
        (("patient", "add", "279035121518988", *PATIENT), "vérifiez les 15 chiffres"),
        (("patient", "add", "279035121518989", "--oid", "1.2.3", *PATIENT), "l'autorité (OID) de l'INS"),
    ],
)
def test_identifier_that_does_not_read_is_explained_in_french(
    command: tuple[str, ...],
    sentence: str,
    instance_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("VAGUEMESTRE_CONFIG", str(instance_folder / "vaguemestre.toml"))
    monkeypatch.setattr(sys, "argv", ["vaguemestre", *command])

    with pytest.raises(SystemExit) as ended:
        main()

    assert ended.value.code == 1
    assert sentence in capsys.readouterr().err
