"""`vaguemestre mailbox import` and `export`: what is printed, refused, traced."""

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.app.conftest import Run
from tests.unit.mailstore_imap.house import LOGIN, PASSWORD, ImapHouse

MARTIN = "camille.martin@demo.mssante.fr"
DURAND = "dominique.durand@demo.mssante.fr"
BEGIN = b"From a@b.fr Mon Nov 23 08:09:10 2026\n"
MBOX = b"".join(BEGIN + b"Subject: %d\nStatus: RO\n\nx\n\n" % each for each in range(3))


@pytest.fixture
def office(run: Run) -> Run:
    """Run commands on an instance with two doctors."""
    for address in (MARTIN, DURAND):
        assert run("mailbox", "add", address, "--name", "Dr", "--password-stdin").exit_code == 0
    return run


@pytest.fixture
def mbox(tmp_path: Path) -> Path:
    (tmp_path / "a.mbox").write_bytes(MBOX)
    return tmp_path / "a.mbox"


def test_messages_come_in_go_out_and_come_in_again(office: Run, mbox: Path, tmp_path: Path):
    imported = office("mailbox", "import", MARTIN, str(mbox), "--folder", "Sent Items", "--json")
    exported = office("mailbox", "export", MARTIN, str(tmp_path / "out.mbox"), "--json")
    carried = office("mailbox", "import", DURAND, str(tmp_path / "out.mbox"), "--json")
    maildir = office("mailbox", "export", DURAND, str(tmp_path / "mail"))

    assert [each.exit_code for each in (imported, exported, carried, maildir)] == [0, 0, 0, 0]
    expected = {
        "done": 3,
        "known": 0,
        "failed": 0,
        "size_bytes": 3 * len(b"Subject: 0\r\n\r\nx\r\n"),
        "folders": {"Envoyés": 3},
        "problems": [],
    }
    assert [json.loads(each.stdout) for each in (imported, exported, carried)] == [expected] * 3
    assert maildir.stdout == "messages : 3 (51 octets), déjà là : 0, laissés : 0\n  Envoyés : 3\n"
    assert maildir.stderr == ""
    assert len(list((tmp_path / "mail" / ".Envoy&AOk-s" / "cur").glob("*:2,S"))) == 3


def test_a_second_run_brings_nothing_and_again_brings_all(office: Run, mbox: Path):
    runs = [office("mailbox", "import", MARTIN, str(mbox), *more, "--json") for more in ([], [], ["--again"])]

    assert [(facts["done"], facts["known"]) for facts in (json.loads(each.stdout) for each in runs)] == [
        (3, 0),
        (0, 3),
        (3, 0),
    ]


def test_each_exchange_is_traced_with_its_format_and_count(office: Run, mbox: Path, tmp_path: Path):
    office("mailbox", "import", MARTIN, str(mbox), "--dry-run")
    office("mailbox", "import", MARTIN, str(mbox))
    office("mailbox", "export", MARTIN, str(tmp_path / "dry"), "--dry-run")
    office("mailbox", "export", MARTIN, str(tmp_path / "mail"))

    lines = json.loads(office("trace", "list", "--mailbox", MARTIN, "--json").stdout)
    traced = [(line["act"], line["resource_kind"], line["resource_id"]) for line in reversed(lines)]
    assert traced[-4:] == [
        ("mailbox_import_begun", "mbox", None),
        ("mailbox_imported", "mbox", "3"),
        ("mailbox_export_begun", "maildir", None),
        ("mailbox_exported", "maildir", "3"),
    ]
    assert len([act for act, _, _ in traced if "port" in act]) == 4
    assert not (tmp_path / "dry").exists()


def test_a_bad_message_is_told_by_its_place_and_is_a_failure(office: Run, mbox: Path):
    mbox.write_bytes(b"x\n" + MBOX)

    result = office("mailbox", "import", MARTIN, str(mbox))
    facts = office("mailbox", "import", DURAND, str(mbox), "--json")

    assert (result.exit_code, facts.exit_code) == (1, 1)
    assert result.stderr == "a.mbox, octet 0 : le fichier ne commence pas par une ligne « From »\n"
    assert (json.loads(facts.stdout)["done"], json.loads(facts.stdout)["failed"]) == (2, 1)


@pytest.mark.parametrize("form", ["mbox", "maildir"])
def test_a_whole_domain_goes_out_and_comes_in(office: Run, mbox: Path, tmp_path: Path, form: str):
    office("mailbox", "import", MARTIN, str(mbox))
    out = str(tmp_path / "out")

    runs = [office("mailbox", "export", "@demo.mssante.fr", out, "--format", form, "--json") for _ in range(2)]
    office("mailbox", "close", DURAND)
    carried = office("mailbox", "import", "@demo.mssante.fr", out, "--json")
    told = office("mailbox", "import", "@demo.mssante.fr", out)

    first, second = (json.loads(each.stdout)["mailboxes"] for each in runs)
    assert {address: facts["done"] for address, facts in first.items()} == {MARTIN: 3, DURAND: 0}
    assert second == {} if form == "mbox" else [each["done"] for each in second.values()] == [0, 0]
    assert {address: facts["done"] for address, facts in json.loads(carried.stdout)["mailboxes"].items()} == {MARTIN: 3}
    assert told.stdout == f"{MARTIN} : messages : 0 (0 octets), déjà là : 3, laissés : 0\n"


def test_a_folder_that_the_source_lacks_is_told(office: Run, tmp_path: Path):
    (tmp_path / "mail" / "cur").mkdir(parents=True)

    result = office("mailbox", "import", MARTIN, str(tmp_path / "mail"), "--folder", "Absent")

    assert (result.exit_code, result.stderr) == (1, "Absent : la source n'a pas ce dossier, ou il est vide\n")


def test_a_full_mailbox_keeps_what_had_room(office: Run, mbox: Path, instance_folder: Path):
    config = instance_folder / "vaguemestre.toml"
    config.write_text(config.read_text("utf-8") + "\n[imap]\nquota_bytes = 40\n", "utf-8")

    result = office("mailbox", "import", MARTIN, str(mbox), "--json")

    assert result.exit_code == 1
    facts = json.loads(result.stdout)
    assert (facts["done"], facts["problems"][0]["why"]) == (2, "la boîte est pleine ([imap] quota_bytes)")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("import", MARTIN, "absent.mbox"), "absent.mbox : absent, ou illisible"),
        (("import", "nobody@demo.mssante.fr", "absent.mbox"), "aucune boîte professionnelle à cette adresse"),
        (("import", MARTIN, "imaps://a:secret@localhost"), "le mot de passe n'est jamais un argument"),
        (("import", MARTIN, "imaps://localhost"), "écrivez imaps://LOGIN@SERVEUR"),
        (("import", MARTIN, "imaps://a@localhost:zz"), "le port est un nombre"),
        (("export", MARTIN, "x.mbox", "--folder", "Absent"), "cette boîte n'a pas ce dossier"),
        (("export", "@autre.fr", "x"), "aucune boîte ouverte dans ce domaine"),
        (("import", "@demo.mssante.fr", "imaps://a@localhost"), "un autre serveur se lit boîte par boîte"),
        (("export", MARTIN, "absent/x.mbox"), "No such file or directory"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(
    office: Run, arguments: tuple[str, ...], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("VAGUEMESTRE_IMAP_PASSWORD", "x")

    result = office("mailbox", *arguments)

    assert (result.exit_code, result.stdout, result.stderr) == (1, "", "")
    assert said in str(result.exception)
    assert len(str(result.exception).splitlines()) == 1


def test_no_file_is_replaced_and_no_closed_mailbox_filled(office: Run, mbox: Path):
    office("mailbox", "close", DURAND)

    replaced = office("mailbox", "export", MARTIN, str(mbox))
    filled = office("mailbox", "import", DURAND, str(mbox))

    assert (replaced.exit_code, filled.exit_code) == (1, 1)
    assert mbox.read_bytes() == MBOX
    assert (str(replaced.exception), str(filled.exception)) == (
        "ce fichier existe déjà : il n'est jamais remplacé",
        "cette boîte est fermée",
    )


@pytest.mark.parametrize("way", ["file", "environment"])
def test_a_mailbox_elsewhere_comes_in(office: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str):
    (tmp_path / "house").mkdir()
    with ImapHouse(tmp_path / "house") as house:
        house.deliver(b"Subject: a\r\n\r\nx\r\n", flags=frozenset({"\\Seen"}))
        password = tmp_path / "password"
        password.write_text(PASSWORD)
        password.chmod(0o600)
        options = ["--password-file", str(password)] if way == "file" else []
        if way == "environment":
            monkeypatch.setenv("VAGUEMESTRE_IMAP_PASSWORD", PASSWORD)
        server = f"imaps://{LOGIN}@localhost:{house.tls_port}"

        result = office("mailbox", "import", MARTIN, server, *options, "--authority", str(house.certificate), "--json")
        refused = office("mailbox", "import", MARTIN, server, *options)

    assert json.loads(result.stdout)["folders"] == {"INBOX": 1}
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert "le certificat de l'autre serveur n'est pas reconnu" in str(refused.exception)


def test_without_a_password_the_command_says_how_to_give_one(office: Run):
    result = office("mailbox", "import", MARTIN, "imaps://a@localhost")

    assert result.exit_code == 1
    assert "--password-file FICHIER ou $VAGUEMESTRE_IMAP_PASSWORD" in str(result.exception)


def test_a_terminal_shows_how_far_it_is(office: Run, instance_folder: Path, mbox: Path):
    ours, its = pty.openpty()
    environ = os.environ | {"TERM": "xterm", "VAGUEMESTRE_CONFIG": str(instance_folder / "vaguemestre.toml")}
    command = [sys.executable, "-m", "vaguemestre.app.cli", "mailbox", "import", MARTIN, str(mbox)]

    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=its, env=environ, check=True, timeout=60)
    os.close(its)
    shown = os.read(ours, 65_536)
    os.close(ours)

    assert b"100%" in shown
    assert b"%" not in done.stdout
