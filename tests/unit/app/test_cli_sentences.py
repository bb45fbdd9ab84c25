"""What a user reads when an identifier is not one, or a command line is wrong: a French sentence, 1 or 2."""

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


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        ("foo", "vaguemestre : commande inconnue : foo ; voyez « vaguemestre --help »\n"),
        ("queue show", "vaguemestre : il manque l'argument ID ; voyez « vaguemestre queue show --help »\n"),
        ("queue show a b", "vaguemestre : de trop : b ; voyez « vaguemestre queue show --help »\n"),
        ("queue list --nope", "vaguemestre : option inconnue : --nope ; voyez « vaguemestre queue list --help »\n"),
        ("patient show 1 --jso", "option inconnue : --jso (--json ?) ; voyez"),
        ("patient add 1", "il manque l'option --family ; voyez"),
        ("patient add 1 --sex Q --family a --given b --birth-date c", "--sex : « Q » n'est pas parmi 'M', 'F' ; voyez"),
        ("init x --port-base z --domain d", "--port-base attend un nombre entier ; voyez"),
        ("patient show 1 --config", "l'option --config attend une valeur ; voyez"),
        ("queue", "File d'attente vers les autres opérateurs."),
        ("queue retry", "vaguemestre : donnez un identifiant ou --all ; voyez « vaguemestre queue retry --help »"),
    ],
)
def test_wrong_usage_is_explained_in_french(
    command: str, sentence: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["vaguemestre", *command.split()])

    with pytest.raises(SystemExit) as ended:
        main()

    said = capsys.readouterr()
    assert ended.value.code == 2
    assert sentence in said.err
    assert said.out == ""
