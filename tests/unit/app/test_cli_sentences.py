"""What a user reads when an identifier is not one, or a command line is wrong: a French sentence, 1 or 2."""

from pathlib import Path

import pytest

from vaguemestre.app.cli import main
from vaguemestre.app.sentences import in_french

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

    with pytest.raises(SystemExit) as ended:
        main(command)

    assert ended.value.code == 1
    assert sentence in capsys.readouterr().err


@pytest.mark.parametrize(
    ("english", "french"),
    [
        ("annexe.csv: cannot be read: FileNotFoundError", "annexe.csv : fichier absent"),
        ("annexe.csv: cannot be read: PermissionError", "annexe.csv : lecture interdite à cet utilisateur"),
        ("a.csv: line 3, column sex: M or F", "a.csv, ligne 3, colonne sex : M ou F"),
        ("a.csv: line 1: the columns must be ins, oid", "a.csv, ligne 1 : les colonnes attendues sont ins, oid"),
        ("a.csv: line 7: 3 columns instead of 4", "a.csv, ligne 7 : 3 colonnes au lieu de 4"),
        ("a.csv: line 2, character 9: not UTF-8 text", "a.csv, ligne 2, caractère 9 : ce n'est pas du texte UTF-8"),
        ("XML: not well-formed (line 1)", "XML mal formé, ligne 1"),
        ("mx: port 25 cannot be opened: [Errno 98]", "mx : le port 25 est pris, ou interdit à cet utilisateur"),
        ("instance.key: readable by others; chmod 600 it", "instance.key : lisible par d'autres ; chmod 600"),
        ("nowhere : fichier de configuration absent", "nowhere : fichier de configuration absent"),
        ("https://a.fr/x : injoignable à 10:30", "https://a.fr/x : injoignable à 10:30"),
    ],
)
def test_errors_of_files_and_settings_are_put_into_french(english: str, french: str) -> None:
    assert in_french(english) == french


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
def test_wrong_usage_is_explained_in_french(command: str, sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(command.split())

    said = capsys.readouterr()
    assert ended.value.code == 2
    assert sentence in said.err
    assert said.out == ""
