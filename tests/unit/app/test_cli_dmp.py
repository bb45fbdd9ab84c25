"""`vaguemestre dmp`: deposit a file, list, get it back; refusals end with 1 and one sentence."""

import json
from pathlib import Path

import pytest
from PIL import Image

from access_core.trace.entries import TraceEntry
from access_core.trace.reader import Recorded
from dmp_bridge.refusals import Refusal
from dmp_bridge.xdm.reader import read_archive
from tests.unit.app.conftest import Run
from vaguemestre.app.cli.explain import _explained
from vaguemestre.app.cli.shared import Refused
from vaguemestre.app.demo.fictional_documents import WRITTEN_AT, fictional_archive, fictional_cda, fictional_pdf

INS = "279035121518989"
MARTIN = "camille.martin@demo.mssante.fr"


@pytest.fixture
def record(run: Run) -> Run:
    """Run commands on an instance with a doctor and the patient that she takes care of."""
    traits = ("--family", "Pat-Trois", "--given", "Dominique", "--birth-date", "1979-03-28", "--sex", "F")
    person = ("--type", "PER", "--name", "Dr Camille Martin", "--rpps", "10002422979", "--profession", "10")
    for command in (
        ("mailbox", "add", MARTIN, *person, "--password-stdin"),
        ("patient", "add", INS, *traits),
        ("care", "declare", INS, "--by", MARTIN),
    ):
        assert run(*command).exit_code == 0
    return run


@pytest.mark.parametrize(
    ("name", "content"),
    [("cr.xml", fictional_cda()), ("IHE_XDM.zip", fictional_archive()), ("cr.pdf", fictional_pdf("Compte rendu"))],
)
def test_a_deposit_is_listed_and_can_be_fetched(record: Run, tmp_path: Path, name: str, content: bytes):
    file, copy = tmp_path / name, tmp_path / "copie.xml"
    file.write_bytes(content)

    deposited = record("dmp", "file", str(file), "--patient", INS, "--as", MARTIN, "--json")
    listed = record("dmp", "list", "--patient", INS, "--json")

    (outcome,), (line,) = json.loads(deposited.stdout), json.loads(listed.stdout)
    assert (deposited.exit_code, outcome["verdict"], outcome["document_id"]) == (0, "PERMIT", line["id"])
    assert record("dmp", "get", line["id"], str(copy)).exit_code == 0
    assert copy.read_bytes().startswith(b"<?xml")
    assert name == "cr.pdf" or copy.read_bytes() in (content, _document_of(content))


def _document_of(content: bytes) -> bytes:
    return read_archive(content).documents[0].content if content.startswith(b"PK") else content


def test_a_type_may_be_asked_for(record: Run, tmp_path: Path):
    file = tmp_path / "cr.pdf"
    file.write_bytes(fictional_pdf())

    record("dmp", "file", str(file), "--patient", INS, "--as", MARTIN, "--type", "34112-3")

    (line,) = json.loads(record("dmp", "list", "--patient", INS, "--json").stdout)
    assert line["type_code"] == "34112-3"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\x00\x01binary", "[X_DOCUMENT_NON_CDA]"),
        (b"PK\x03\x04", "[X_ARCHIVE_ILLISIBLE]"),
        (None, "ne peut pas être lu"),
    ],
)
def test_a_refusal_is_one_sentence(record: Run, tmp_path: Path, content: bytes | None, said: str):
    file = tmp_path / "fichier"
    if content is not None:
        file.write_bytes(content)

    result = record("dmp", "file", str(file), "--patient", INS, "--as", MARTIN)

    assert isinstance(result.exception, Refused)
    assert said in str(result.exception)
    assert json.loads(record("dmp", "list", "--patient", INS, "--json").stdout) == []


@pytest.mark.requirement("VGM:ACCESS-MASK")
def test_a_document_is_masked_shown_and_deleted_by_those_who_may(record: Run, tmp_path: Path):
    file = tmp_path / "cr.xml"
    file.write_bytes(fictional_cda())
    deposited = record("dmp", "file", str(file), "--patient", INS, "--as", MARTIN, "--json")
    document_id = json.loads(deposited.stdout)[0]["document_id"]
    assert record("patient", "activate", INS, "--password-stdin").exit_code == 0

    masked = record("dmp", "mask", document_id, "--json")
    lifted = record("dmp", "unmask", document_id, "--by", MARTIN)
    unmasked = record("dmp", "unmask", document_id, "--json")
    by_patient = record("dmp", "delete", document_id)
    by_author = record("dmp", "delete", document_id, "--by", MARTIN, "--json")

    assert [json.loads(each.stdout)["decision"] for each in (masked, unmasked, by_author)] == ["PERMIT"] * 3
    assert "[H_TITULAIRE_REQUIS]" in str(lifted.exception)
    assert "[H_AUTEUR_REQUIS]" in str(by_patient.exception)
    assert json.loads(record("dmp", "list", "--patient", INS, "--json").stdout) == []


def test_an_act_on_no_document_is_refused(record: Run):
    assert "aucun document" in str(record("dmp", "mask", "0" * 32).exception)


def test_nothing_waits_when_no_mail_came(record: Run):
    assert json.loads(record("dmp", "pending", "--json").stdout) == []


def test_explain_has_words_for_the_refusals_of_the_bridge():
    entry = TraceEntry(
        at=WRITTEN_AT, act="file_document", verdict="DENY", reason=Refusal.ARCHIVE_NOT_XDM, subject_kind="pro"
    )

    explained = _explained(Recorded(1, entry))

    assert (explained["sentence"], explained["sources"]) == ("L'archive ne contient aucun lot IHE_XDM.", ("ITI-32",))


@pytest.fixture
def checked(record: Run, corpus: Path, instance_folder: Path) -> Run:
    """The same instance, with the schema of the corpus in its settings."""
    configuration = instance_folder / "vaguemestre.toml"
    text = configuration.read_text("utf-8")
    schema = f'cda_schema = "{corpus / "xsd" / "cda" / "CDA_extended.xsd"}"\n'
    text = text.replace("[dmp]\n", f"[dmp]\n{schema}") if "[dmp]\n" in text else f"{text}\n[dmp]\n{schema}"
    configuration.write_text(text, "utf-8")
    return record


@pytest.mark.requirement("VGM:CDA-01")
def test_documents_are_checked_by_the_rules_of_the_settings(checked: Run, tmp_path: Path):
    good, bad, other = tmp_path / "good.xml", tmp_path / "bad.xml", tmp_path / "other.xml"
    good.write_bytes(fictional_cda())
    bad.write_bytes(fictional_cda().replace(b"<realmCode", b"<realmKode", 1))
    other.write_bytes(b"<a/>")

    clean = checked("dmp", "check", str(good), "--json")
    faulty = checked("dmp", "check", str(good), str(bad), str(other), "--json")

    assert (clean.exit_code, json.loads(clean.stdout)) == (0, [])
    assert faulty.exit_code == 1
    assert {(each["file"], each["severity"], each["check"]) for each in json.loads(faulty.stdout)} == {
        (str(bad), "error", "schema")
    }
    assert "1 fichier(s) sans CDA lisible, 1 document(s) non conforme(s)" in str(faulty.exception)


def test_without_rules_there_is_nothing_to_check_by(record: Run, tmp_path: Path):
    file = tmp_path / "cr.xml"
    file.write_bytes(fictional_cda())

    assert "rien à vérifier" in str(record("dmp", "check", str(file)).exception)


def test_a_photograph_is_made_ready_or_refused(record: Run, tmp_path: Path):
    photo, broken = tmp_path / "photo.png", tmp_path / "broken.png"
    Image.new("RGB", (60, 30)).save(photo)
    broken.write_bytes(b"\x89PNG\r\n\x1a\n")

    filed = record("dmp", "file", str(photo), "--patient", INS, "--as", MARTIN, "--json")
    refused = record("dmp", "file", str(broken), "--patient", INS, "--as", MARTIN)

    assert json.loads(filed.stdout)[0]["verdict"] == "PERMIT"
    assert "[X_IMAGE_ILLISIBLE]" in str(refused.exception)


def test_a_mailbox_says_under_which_type_its_files_go_to_the_record(record: Run):
    before = record("dmp", "plain", MARTIN, "--json")
    chosen = record("dmp", "plain", MARTIN, "--type", "11488-4", "--json")
    kept = record("dmp", "plain", MARTIN, "--json")
    dropped = record("dmp", "plain", MARTIN, "--off", "--json")

    types = [json.loads(each.stdout)["type_code"] for each in (before, chosen, kept, dropped)]
    assert types == [None, "11488-4", "11488-4", None]


@pytest.mark.parametrize(
    "arguments", [(MARTIN, "--type", "courrier"), (MARTIN, "--type", "11488-4", "--off"), ("personne@demo.mssante.fr",)]
)
def test_a_choice_that_cannot_be_is_refused(record: Run, arguments: tuple[str, ...]):
    assert isinstance(record("dmp", "plain", *arguments).exception, Refused)
