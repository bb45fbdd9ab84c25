"""Commands: what they do, what they print, and the one sentence when they refuse."""

import json
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.unit.app.conftest import DOMAIN, PASSWORD, Run
from vaguemestre.app.bootstrap import Instance
from vaguemestre.app.pki import operator_subject
from vaguemestre.app.settings import load_settings
from vaguemestre.app.trust_file import ListedDomain, render_whitelist
from vaguemestre.kernel.clock import SystemClock
from vaguemestre.kernel.errors import ConfigurationError, PermanentFailure

MARTIN = f"camille.martin@{DOMAIN}"
INS = "279035121518989"
HEAVY = ("sqlalchemy", "fastapi", "pydantic", "alembic", "cryptography")


def add_martin(run: Run) -> None:
    done = run("mailbox", "add", MARTIN, "--name", "Dr Camille MARTIN", "--rpps", "10001234567", "--password-stdin")
    assert done.exit_code == 0


def said(run: Run, *arguments: str) -> Any:
    """Return what the command prints with --json."""
    return json.loads(run(*arguments, "--json").stdout)


def add_patient(run: Run) -> None:
    traits = ("--family", "DURAND", "--given", "Léa", "--birth-date", "1979-03-12", "--sex", "F")
    assert run("patient", "add", INS, *traits).exit_code == 0


def test_help_loads_nothing_of_the_program() -> None:
    code = "import sys; from vaguemestre.app.cli.application import build; build(); print(sorted(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    done = subprocess.run([sys.executable, "-m", "vaguemestre.app.cli", "--help"], capture_output=True, check=True)

    assert b"serve" in done.stdout
    assert [name for name in HEAVY if f"'{name}'" in loaded] == []


def test_a_refusal_is_one_sentence_and_status_1(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "vaguemestre.app.cli", "stats", "--config", str(tmp_path / "none.toml")]

    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("vaguemestre : ")
    assert len(done.stderr.splitlines()) == 1


def test_wrong_usage_is_status_2(run: Run) -> None:
    assert run("serve", "--role", "nothing").exit_code == 2
    assert run("mailbox", "add", MARTIN, "--type", "XYZ").exit_code == 2


def test_a_mailbox_is_opened_listed_shown_suspended_and_closed(run: Run) -> None:
    add_martin(run)

    shown = said(run, "mailbox", "show", MARTIN)
    listed = said(run, "mailbox", "list")
    states = [said(run, "mailbox", word, MARTIN)["state"] for word in ("suspend", "resume", "close")]

    assert (shown["address"], shown["type"], shown["rpps"], shown["state"]) == (MARTIN, "PER", "10001234567", "active")
    assert [each["address"] for each in listed] == [MARTIN]
    assert states == ["suspended", "active", "closed"]
    assert isinstance(run("mailbox", "resume", MARTIN).exception, PermanentFailure)


def test_a_new_mailbox_has_its_folders_and_lets_its_owner_in(run: Run, instance_folder: Path) -> None:
    add_martin(run)

    instance = Instance(load_settings(instance_folder / "vaguemestre.toml", {}))
    identifier = said(run, "mailbox", "show", MARTIN)["id"]
    names = [each.name for each in instance.database.read_now(lambda tx: instance.mail_store.folders(tx, identifier))]
    instance.close_now()

    assert names[0] == "INBOX"
    assert {"Envoyés", "Corbeille", "Brouillons"} <= set(names)


@pytest.mark.parametrize(
    ("arguments", "password", "sentence"),
    [
        (("mailbox", "add", MARTIN, "--name", "X"), PASSWORD, "--password-stdin"),
        (("mailbox", "add", MARTIN, "--name", "X", "--password-stdin"), "court", "9 caractères"),
        (("mailbox", "add", "a@ailleurs.fr", "--name", "X", "--password-stdin"), PASSWORD, "domaine"),
        (("mailbox", "add", "pas une adresse", "--name", "X", "--password-stdin"), PASSWORD, "address"),
        (("mailbox", "add", "--password-stdin"), PASSWORD, "--from-csv"),
        (("mailbox", "show", MARTIN), PASSWORD, "aucune boîte"),
        (("patient", "show", INS), PASSWORD, "aucun profil"),
        (("patient", "show", "279035121518988"), PASSWORD, "key"),
        (("trace", "list"), PASSWORD, "--patient"),
        (("explain", "<inconnu@x>"), PASSWORD, "aucune trace"),
        (("thread", "show", "inconnu"), PASSWORD, "aucune conversation"),
        (("dmp", "get", "inconnu", "fichier"), PASSWORD, "aucun document"),
        (("trust", "show", "ailleurs.fr"), PASSWORD, "liste blanche"),
        (("decide", "inconnu"), PASSWORD, "acte inconnu"),
        (("decide",), PASSWORD, "--cases"),
    ],
)
def test_what_cannot_be_done_is_refused_in_a_sentence(
    run: Run, arguments: tuple[str, ...], password: str, sentence: str
) -> None:
    done = run(*arguments, password=password)

    assert done.exit_code == 1
    assert sentence in str(done.exception)
    assert done.stdout == ""


def test_many_mailboxes_come_from_a_csv_all_or_none(run: Run, tmp_path: Path) -> None:
    good, bad = tmp_path / "good.csv", tmp_path / "bad.csv"
    rows = "".join(f"bench.{n:04d}@{DOMAIN},PER,Bench {n}\n" for n in range(300))
    good.write_text("address,type,name\n" + rows, encoding="utf-8")
    bad.write_text(f"address,type,name\nnew@{DOMAIN},PER,New\nbench.0001@{DOMAIN},PER,Again\n", encoding="utf-8")

    done = run("mailbox", "add", "--from-csv", str(good), "--password-stdin", "--json")
    refused = run("mailbox", "add", "--from-csv", str(bad), "--password-stdin")

    assert json.loads(done.stdout) == {"added": 300}
    assert isinstance(refused.exception, PermanentFailure)
    assert len(said(run, "mailbox", "list")) == 300


def test_a_csv_without_its_columns_is_refused(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("adresse,type\n", encoding="utf-8")

    done = run("mailbox", "add", "--from-csv", str(path), "--password-stdin")

    assert "address, name" in str(done.exception)


@pytest.mark.parametrize(
    ("content", "place"),
    [
        (f"a@{DOMAIN},PER,A,12", "x.csv : ligne 2, colonne rpps : RPPS"),
        (f"a@{DOMAIN},PER,A,\nb,PER,B,", "x.csv : ligne 3, colonne address : "),
        ("a@ailleurs.fr,PER,A,", "x.csv : ligne 2, colonne address : l'adresse n'est pas d'un domaine"),
        (f"a@{DOMAIN},ROI,A,", "x.csv : ligne 2, colonne type : "),
        (f"a@{DOMAIN},PER", "x.csv : ligne 2 : pas autant"),
        (f'a@{DOMAIN},"PER"x,A,', "x.csv : ligne 2 : CSV mal formé"),
    ],
)
def test_what_is_wrong_in_a_csv_is_named_by_line_and_column(run: Run, tmp_path: Path, content: str, place: str) -> None:
    path = tmp_path / "x.csv"
    path.write_text(f"\ufeffaddress,type,name,rpps\r\n{content}\r\n", encoding="utf-8", newline="")

    done = run("mailbox", "add", "--from-csv", str(path), "--password-stdin")

    assert place in str(done.exception)
    assert said(run, "mailbox", "list") == []


def test_a_profile_is_added_activated_and_shown(run: Run) -> None:
    add_patient(run)

    before = said(run, "patient", "show", INS)
    active = said(run, "patient", "activate", INS, "--password-stdin")

    assert (before["status"], active["status"]) == ("non_active", "actif")
    assert before["address"] == f"{INS}@patient.mssante.fr"
    assert len(active["totp_secret"]) == 32
    assert "totp_secret" not in before


def test_a_profile_is_opposed_reopened_and_closed(run: Run) -> None:
    add_patient(run)

    states = [said(run, "patient", word, INS)["status"] for word in ("oppose", "reopen", "close")]

    assert states == ["oppose", "non_active", "clos"]


def test_a_minor_is_represented_by_an_active_adult(run: Run) -> None:
    add_patient(run)
    run("patient", "activate", INS, "--password-stdin")
    child = "216035121518991"
    child = child[:13] + f"{97 - int(child[:13]) % 97:02d}"
    run("patient", "add", child, "--family", "D", "--given", "Tom", "--birth-date", "2016-03-12", "--sex", "M")

    done = run("patient", "represent", child, "--by", INS, "--json")

    assert (done.exit_code, json.loads(done.stdout)["ins"]) == (0, child)


def test_what_the_operator_does_is_in_the_trace(run: Run) -> None:
    add_martin(run)
    add_patient(run)
    done = run("care", "declare", INS, "--by", MARTIN, "--until", "2027-01-01", "--json")

    of_patient = said(run, "trace", "list", "--patient", INS)
    of_mailbox = said(run, "trace", "list", "--mailbox", MARTIN)
    verified = said(run, "trace", "verify")

    assert json.loads(done.stdout)["until"] == "2027-01-01T00:00:00+01:00"
    assert [each["act"] for each in of_patient] == ["care_declared", "profile_opened"]
    assert [each["act"] for each in of_mailbox] == ["care_declared", "mailbox_opened"]
    assert verified["ok"]
    assert verified["entries"] == 3


def test_a_changed_byte_of_the_trace_is_found(run: Run, instance_folder: Path) -> None:
    add_martin(run)
    add_patient(run)
    with sqlite3.connect(instance_folder / "catalogue.db") as connection:
        connection.execute("UPDATE trace_entry SET reason = 'KO' WHERE seq = 2")
    connection.close()

    done = run("trace", "verify", "--json")

    assert done.exit_code == 1
    assert json.loads(done.stdout)["first_broken"] == 2
    assert "entrée 2" in str(done.exception)


def test_a_list_is_loaded_whole_or_not_at_all(run: Run, tmp_path: Path) -> None:
    now = SystemClock().now()
    subject = operator_subject("peer.mssante.fr", "PAIR")
    good, cut = tmp_path / "good.xml", tmp_path / "cut.xml"
    good.write_bytes(render_whitelist([ListedDomain("peer.mssante.fr", subject)], now))
    cut.write_bytes(good.read_bytes()[:-20])

    loaded = run("trust", "load", str(good), "--json")
    refused = run("trust", "load", str(cut))

    assert json.loads(loaded.stdout)["domains"] == 1
    assert refused.exit_code == 1
    shown = said(run, "trust", "show", "peer.mssante.fr")
    assert shown["subjects"] == ["CN=peer.mssante.fr,OU=300000000000000,O=PAIR,ST=Paris (75),C=FR"]


def test_the_engine_answers_one_case_and_a_table(run: Run, tmp_path: Path) -> None:
    table = tmp_path / "cases.csv"
    header = "case_id,given,act,expected_decision,reason_code\n"
    table.write_text(header + "A,profession=10,read_document,PERMIT,OK\n", encoding="utf-8")

    one = said(run, "decide", "read_document", "profession=10", "profil=clos")
    rows = said(run, "decide", "--cases", str(table))
    table.write_text(header + "A,profession=10,read_document,DENY,D_PROFIL_CLOS\n", encoding="utf-8")
    differing = run("decide", "--cases", str(table), "--json")

    assert (one["decision"], one["reason_code"], one["sentence"]) == ("DENY", "D_PROFIL_CLOS", "DMP fermé.")
    assert [(row["case_id"], row["as_expected"]) for row in rows] == [("A", True)]
    assert differing.exit_code == 1
    assert "1 cas sur 1" in str(differing.exception)


def test_stats_count_without_naming(run: Run) -> None:
    add_martin(run)
    add_patient(run)

    said = run("stats", "--json").stdout

    assert json.loads(said)["accounts"] == {"patient": 1, "professional": 1}
    assert "accounts : patient 1, professional 1\n" in run("stats").stdout
    assert "MARTIN" not in said
    assert INS not in said


def test_doctor_finds_a_fresh_instance_healthy_but_for_the_antivirus_that_it_has_not(run: Run) -> None:
    done = run("doctor", "--json")

    findings = json.loads(done.stdout)
    assert done.exit_code == 0
    assert {each["sujet"]: each["état"] for each in findings if each["état"] != "bon"} == {"antivirus": "attention"}
    assert {"clés", "certificats", "catalogue", "registre", "ports", "liste blanche"} <= {
        each["sujet"] for each in findings
    }


def test_doctor_names_what_is_wrong(run: Run, instance_folder: Path) -> None:
    (instance_folder / "keys" / "instance.key").chmod(0o644)
    (instance_folder / "pki" / "server.key").write_bytes((instance_folder / "pki" / "operator.key").read_bytes())
    (instance_folder / "whitelist.xml").write_text("<x/>", encoding="utf-8")

    done = run("doctor", "--json")

    bad = [each["sujet"] for each in json.loads(done.stdout) if each["état"] == "défaut"]
    assert done.exit_code == 1
    assert bad == ["clés", "certificats", "liste blanche"]


def test_settings_with_a_fault_stop_every_command(run: Run, instance_folder: Path) -> None:
    with (instance_folder / "vaguemestre.toml").open("a", encoding="utf-8") as file:
        file.write("\n[portal]\nidle_minute = 5\n")

    done = run("stats")

    assert isinstance(done.exception, ConfigurationError)
    assert "idle_minutes" in str(done.exception)


def test_doctor_tells_a_key_that_others_can_read(run: Run, instance_folder: Path) -> None:
    (instance_folder / "pki" / "server.key").chmod(0o644)

    done = run("doctor", "--json")

    bad = [each["constat"] for each in json.loads(done.stdout) if each["état"] == "défaut"]
    assert done.exit_code == 1
    assert bad == ["server.key est lisible par d'autres que son propriétaire : chmod 600"]


def test_doctor_names_a_catalogue_that_is_gone_and_makes_no_empty_one(run: Run, instance_folder: Path) -> None:
    (instance_folder / "catalogue.db").unlink()

    done = run("doctor", "--json")

    bad = [each["sujet"] for each in json.loads(done.stdout) if each["état"] == "défaut"]
    assert done.exit_code == 1
    assert bad == ["catalogue"]
    assert not (instance_folder / "catalogue.db").exists()


def test_doctor_names_a_catalogue_that_is_damaged(run: Run, instance_folder: Path) -> None:
    (instance_folder / "catalogue.db").write_bytes(b"this is no database" * 1000)

    done = run("doctor", "--json")

    bad = {each["sujet"] for each in json.loads(done.stdout) if each["état"] == "défaut"}
    assert done.exit_code == 1
    assert "catalogue" in bad


def test_a_command_says_that_the_catalogue_is_gone_and_makes_no_empty_one(run: Run, instance_folder: Path) -> None:
    (instance_folder / "catalogue.db").unlink()

    done = run("stats")

    assert isinstance(done.exception, ConfigurationError)
    assert "absent" in str(done.exception)
    assert not (instance_folder / "catalogue.db").exists()


def test_a_professional_gets_a_second_factor_once_shown(run: Run) -> None:
    add_martin(run)

    given = said(run, "mailbox", "second-factor", MARTIN)
    run("mailbox", "close", MARTIN)

    assert len(given["totp_secret"]) >= 32
    assert given["totp_uri"].startswith("otpauth://totp/Vaguemestre:camille.martin")
    assert said(run, "trace", "list", "--mailbox", MARTIN)[1]["act"] == "second_factor_enrolled"
    assert "fermée" in str(run("mailbox", "second-factor", MARTIN).exception)
