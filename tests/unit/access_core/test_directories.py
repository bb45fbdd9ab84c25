"""The national extraction: what is read, what is refused and where, what decisions then rest on."""

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from access_core.accounts import AccountState
from access_core.acts import Act
from access_core.case_acts import BY_CARD, Asking, act_facts
from access_core.case_inputs import local_sender
from access_core.directories.extracts import BATCH_LINES, ExtractDirectory, is_loaded, load_extract
from access_core.directories.fhir_directory import ANSWER_LIMIT_BYTES, FhirDirectory, FhirEndpoint
from access_core.directories.layouts import Layout
from access_core.directories.standings import keep_standings, look_up, persons, standing_of
from access_core.facts import Directory
from access_core.identifiers import RPPS
from access_core.professionals import (
    MailboxType,
    NewProfessional,
    Professional,
    add_professional,
    professional_by_account,
    set_state,
)
from access_core.reasons import Reason
from access_core.tables import directory_activity, directory_extract
from tests.conftest import NOON
from tests.fictional.people import add_active_patient
from vaguemestre.kernel.clock import ManualClock
from vaguemestre.kernel.database import Database, Transaction
from vaguemestre.kernel.errors import ConfigurationError, TemporaryFailure

MARTIN, RETIRED, UNKNOWN = RPPS.parse("10002422979"), RPPS.parse("10000441302"), RPPS.parse("10004000922")
ACTIVITIES = (
    "Type d'identifiant PP|Identifiant PP|Identification nationale PP|Nom d'exercice|Prénom d'exercice|"
    "Code profession|Code savoir-faire|Code mode exercice|Numéro SIRET site|Numéro FINESS site|"
    "Identifiant technique de la structure|Raison sociale site|Code secteur d’activité|"
)
MAILBOXES = (
    "Type de BAL|Adresse BAL|Type Identifiant PP|Identifiant PP|Identification nationale PP|"
    "Identification Structure|Service de rattachement|Code Profession"
)


def activity(rpps: str, *, mode: str = "L", structure: str = "R10100000011111") -> str:
    return f"8|{rpps[1:]}|{rpps}|MARTIN|CAMILLE|10|SM54|{mode}|||{structure}|CABINET MARTIN|SA07|"


def write(folder: Path, header: str, *lines: str) -> Path:
    path = folder / "extraction.txt"
    path.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def martin(database: Database) -> Professional:
    new = NewProfessional(
        address="martin@demo.mssante.fr",
        type=MailboxType.PER,
        name="Dr Camille Martin",
        created_at=NOON,
        rpps=MARTIN.number,
        profession="10",
    )
    return database.write_now(lambda tx: add_professional(tx, new))


@pytest.mark.requirement("VGM:DIRECTORY")
def test_an_extraction_answers_for_professionals(database: Database, clock: ManualClock, tmp_path: Path) -> None:
    load_extract(
        database,
        clock,
        write(
            tmp_path,
            ACTIVITIES,
            activity(MARTIN.national_id),
            activity(MARTIN.national_id, mode="S", structure=""),
            activity(RETIRED.national_id, mode="", structure=""),
            activity("0123456789"),
        ),
    )
    boxes = load_extract(
        database,
        clock,
        write(
            tmp_path,
            MAILBOXES,
            f"PER|Camille.MARTIN@demo.mssante.fr|8|{MARTIN.number}|{MARTIN.national_id}|||10",
            "ORG|labo@demo.mssante.fr||||1750000001|Biologie|",
        ),
    )

    def look(tx: Transaction) -> list[object]:
        return [ExtractDirectory(tx).find(each) for each in (MARTIN, RETIRED, UNKNOWN)]

    found, retired, unknown = database.read_now(look)
    assert found is not None
    assert (found.family, found.state, len(found.activities)) == ("MARTIN", Directory.ACTIF, 2)  # type: ignore[attr-defined]
    assert found.mailboxes == ("camille.martin@demo.mssante.fr",)  # type: ignore[attr-defined]
    assert found.activities[0].profession == "10"  # type: ignore[attr-defined]
    assert retired is not None
    assert retired.state is Directory.INACTIF  # type: ignore[attr-defined]
    assert unknown is None
    assert (boxes.layout, boxes.lines, boxes.skipped) == (Layout.MAILBOXES, 2, 0)


def test_lines_without_rpps_are_counted_and_a_wrong_key_is_only_a_warning(
    database: Database, clock: ManualClock, tmp_path: Path
) -> None:
    done = load_extract(
        database, clock, write(tmp_path, ACTIVITIES, activity("810003461033"), activity("0751234567"), "")
    )

    assert (done.lines, done.skipped, done.rpps_keys_wrong) == (1, 1, 1)
    assert database.read_now(lambda tx: ExtractDirectory(tx).find(RPPS.parse("10003461033"))) is not None


@pytest.mark.parametrize(
    ("file", "message"),
    [
        (("a|b", *["1|2"]), "line 1: neither"),
        ((ACTIVITIES.replace("Code profession|", ""), *[]), "line 1: the column « code profession » is missing"),
        ((ACTIVITIES, *[activity(MARTIN.national_id), "8|1"]), "line 3: 2 fields instead of 13"),
        ((ACTIVITIES, *[activity("81000")]), "line 2, column Identification nationale PP: RPPS"),
        ((ACTIVITIES, *[activity(MARTIN.national_id, mode="beaucoup trop")]), "line 2, column Code mode exercice"),
        ((ACTIVITIES, *[activity(MARTIN.national_id) + "\0"]), "line 2: a NUL character"),
        ((MAILBOXES, *["XXX|a@b.fr||||||10"]), "line 2, column Type de BAL"),
        ((MAILBOXES, *["PER|pas une adresse||||||10"]), "line 2, column Adresse BAL"),
    ],
)
def test_a_fault_is_named_and_nothing_stays_of_the_file(
    database: Database, clock: ManualClock, tmp_path: Path, file: tuple[str, ...], message: str
) -> None:
    load_extract(database, clock, write(tmp_path, ACTIVITIES, activity(MARTIN.national_id)))

    with pytest.raises(ConfigurationError, match=message):
        load_extract(database, clock, write(tmp_path, *file))

    def left(tx: Transaction) -> tuple[int, int]:
        return (
            len(tx.execute(directory_extract.select()).all()),
            len(tx.execute(directory_activity.select()).all()),
        )

    assert database.read_now(left) == (1, 1)
    assert database.read_now(lambda tx: ExtractDirectory(tx).find(MARTIN)) is not None


def test_what_is_not_text_is_refused(database: Database, clock: ManualClock, tmp_path: Path) -> None:
    path = write(tmp_path, ACTIVITIES)
    path.write_bytes(path.read_bytes() + b"\xff\xfe\n")

    for each, message in ((path, "line 2, character 1: not UTF-8"), (tmp_path / "absent.txt", "cannot be read")):
        with pytest.raises(ConfigurationError, match=message):
            load_extract(database, clock, each)

    assert database.read_now(lambda tx: is_loaded(tx, Layout.ACTIVITIES)) is False


def test_the_new_file_replaces_the_old_one_whole(database: Database, clock: ManualClock, tmp_path: Path) -> None:
    many = [activity(MARTIN.national_id)] * (BATCH_LINES + 1)
    load_extract(database, clock, write(tmp_path, ACTIVITIES, *many))

    load_extract(database, clock, write(tmp_path, ACTIVITIES, activity(RETIRED.national_id)))

    assert database.read_now(lambda tx: ExtractDirectory(tx).find(MARTIN)) is None
    assert database.read_now(lambda tx: len(tx.execute(directory_activity.select()).all())) == 1


@pytest.mark.requirement("VGM:DIRECTORY")
@pytest.mark.parametrize("state", list(Directory))
def test_decisions_follow_what_the_directory_said(database: Database, martin: Professional, state: Directory) -> None:
    lea = database.write_now(lambda tx: add_active_patient(tx, NOON))
    before = database.read_now(lambda tx: professional_by_account(tx, martin.account_id))
    assert before is not None
    assert before.directory is None

    database.write_now(lambda tx: keep_standings(tx, {martin.account_id: state}, at=NOON))

    after = database.read_now(lambda tx: professional_by_account(tx, martin.account_id))
    assert after == replace(before, directory=state)
    sender = local_sender(after)
    asking = Asking(profile=lea, actor=sender, session=BY_CARD, now=NOON)
    case = database.read_now(lambda tx: act_facts(tx, asking, Act.READ_DOCUMENT))
    refused = case.decide().reason is Reason.A_IDENTITE_PRO_INCONNUE
    assert refused is (state is not Directory.ACTIF)
    assert database.read_now(lambda tx: standing_of(tx, martin.account_id)) is state


def test_a_closed_account_is_not_looked_up_and_is_never_active(database: Database, martin: Professional) -> None:
    assert database.read_now(persons) == {martin.account_id: MARTIN}
    database.write_now(lambda tx: keep_standings(tx, {martin.account_id: Directory.ACTIF}, at=NOON))

    database.write_now(lambda tx: set_state(tx, martin.account_id, AccountState.CLOSED))

    assert database.read_now(persons) == {}
    found = database.read_now(lambda tx: professional_by_account(tx, martin.account_id))
    assert found is not None
    assert local_sender(found).directory is Directory.INACTIF


class Service(BaseHTTPRequestHandler):
    """The national directory, as far as we ask it; each test says what it answers."""

    answer: ClassVar[bytes] = b"{}"
    status: ClassVar[int] = 200
    asked: ClassVar[list[tuple[str, str | None]]] = []

    def do_GET(self) -> None:
        self.asked.append((self.path, self.headers["ESANTE-API-KEY"]))
        self.send_response(self.status)
        self.send_header("Content-Length", str(len(self.answer)))
        self.send_header("Location", "http://127.0.0.1:1/")
        self.end_headers()
        self.wfile.write(self.answer)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def service() -> Iterator[FhirDirectory]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Service)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    Service.asked, Service.status = [], 200
    yield FhirDirectory(FhirEndpoint(url=f"http://127.0.0.1:{server.server_port}/fhir/v2/", api_key="cle", timeout_s=5))
    server.shutdown()
    thread.join()
    server.server_close()


def practitioner(**fields: object) -> dict[str, object]:
    metadata = "https://interop.esante.gouv.fr/ig/fhir/annuaire/StructureDefinition/as-ext-mailbox-mss-metadata"

    def mailbox(address: str, *, red: bool) -> dict[str, object]:
        parts = [{"url": "listeRouge", "valueBoolean": red}]
        return {"system": "email", "value": address, "extension": [{"url": metadata, "extension": parts}]}

    return {
        "resourceType": "Practitioner",
        "active": True,
        "identifier": [{"system": "urn:oid:1.2.250.1.71.4.2.1", "value": MARTIN.national_id}],
        "name": [{"family": "MARTIN", "given": ["Camille"]}],
        "qualification": [{"code": {"coding": [{"system": "https://mos/NOS/TRE_G15-ProfessionSante", "code": "10"}]}}],
        "telecom": [
            mailbox("c.martin@demo.mssante.fr", red=False),
            mailbox("cache@demo.mssante.fr", red=True),
            mailbox("pas une adresse", red=False),
            {"system": "email", "value": "ordinaire@exemple.fr"},
        ],
        **fields,
    }


def answer(*resources: object) -> None:
    entries = [{"resource": each} for each in resources]
    Service.answer = json.dumps({"resourceType": "Bundle", "entry": entries}).encode()


@pytest.mark.requirement("VGM:DIRECTORY")
def test_the_national_service_is_asked_by_fhir(service: FhirDirectory) -> None:
    answer(practitioner(identifier=[{"value": "810000000000"}]), practitioner())

    found = service.find(MARTIN)

    assert Service.asked == [(f"/fhir/v2/Practitioner?identifier={MARTIN.national_id}", "cle")]
    assert found is not None
    assert (found.family, found.given, found.state) == ("MARTIN", "Camille", Directory.ACTIF)
    assert found.mailboxes == ("c.martin@demo.mssante.fr",)
    assert [each.profession for each in found.activities] == ["10"]


def test_inactive_and_unknown_professionals(service: FhirDirectory) -> None:
    answer(practitioner(active=False))
    numbers = {"a": MARTIN, "b": UNKNOWN}

    assert look_up(service, numbers) == {"a": Directory.INACTIF, "b": Directory.INCONNU}


@pytest.mark.parametrize(
    "body",
    [b"<html>", b"[]", b'{"entry": 3}', b'{"entry": [{"resource": []}, 4]}', b'{"entry": null}', b"\xff", b""],
)
def test_an_answer_that_makes_no_sense_finds_nobody(service: FhirDirectory, body: bytes) -> None:
    Service.answer = body

    try:
        assert service.find(MARTIN) is None
    except TemporaryFailure:
        assert body in (b"<html>", b"[]", b"\xff", b"")


def test_fields_of_other_kinds_are_passed_over(service: FhirDirectory) -> None:
    answer(practitioner(name=[], telecom=[{"extension": 3}, {"value": 4}], qualification=[{"code": []}], active=None))

    found = service.find(MARTIN)

    assert found is not None
    assert (found.family, found.mailboxes, found.activities, found.active) == ("", (), (), False)


@pytest.mark.parametrize("status", [302, 401, 404, 500])
def test_an_error_or_a_redirect_is_no_answer(service: FhirDirectory, status: int) -> None:
    answer(practitioner())
    Service.status = status

    with pytest.raises(TemporaryFailure):
        service.find(MARTIN)


def test_an_answer_without_end_is_cut(service: FhirDirectory) -> None:
    Service.answer = b" " * (ANSWER_LIMIT_BYTES + 1)

    with pytest.raises(TemporaryFailure):
        service.find(MARTIN)


def test_a_service_that_is_away_is_told() -> None:
    with pytest.raises(TemporaryFailure):
        FhirDirectory(FhirEndpoint(url="https://localhost:9/fhir", timeout_s=1)).find(MARTIN)


@pytest.mark.parametrize("url", ["http://annuaire.example/fhir", "ftp://annuaire.example", "annuaire"])
def test_the_service_is_reached_by_https_only(url: str) -> None:
    with pytest.raises(ConfigurationError):
        FhirDirectory(FhirEndpoint(url=url))
