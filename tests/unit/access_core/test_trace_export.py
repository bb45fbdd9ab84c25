"""A downloaded history proves itself; whatever is changed in it is found. FHIR says the same."""

import copy
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from access_core.identifiers import INS
from access_core.profiles import NewProfile, Profile, add_profile
from access_core.trace import checkpoints
from access_core.trace.checkpointer import Checkpointer
from access_core.trace.checkpoints import Signer
from access_core.trace.export import export_history
from access_core.trace.fhir import audit_event, audit_events
from access_core.trace.reader import Recorded, history_of_patient
from access_core.trace.verify_export import Broken, verify
from tests.conftest import NOON
from tests.unit.access_core.test_trace import DELIVERY, write
from vaguemestre.kernel.clock import ManualClock
from vaguemestre.kernel.database import Database
from vaguemestre.kernel.keys import InstanceKey

SIGNER = Signer(InstanceKey(b"k" * 32))
PUBLIC = SIGNER.public_key.hex()
LEA_INS = INS.parse("279035121518989")
ODD = 'Zoé \u2028 \t \\ " \x7f 🩺'


@pytest.fixture
def lea(database: Database) -> Profile:
    new = NewProfile(ins=LEA_INS, family="DURAND", given="Léa", birth_date=date(1979, 3, 12), sex="F", created_at=NOON)
    return database.write_now(lambda tx: add_profile(tx, new))


@pytest.fixture
def export(
    database: Database, lea: Profile, tmp_path: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> dict[str, Any]:
    monkeypatch.setattr(checkpoints, "BATCH", 5)
    mine = replace(DELIVERY, profile_id=lea.id, subject_label=ODD)
    entries = [mine if number % 3 else replace(DELIVERY, profile_id="f" * 32) for number in range(13)]
    write(database, *entries)
    Checkpointer(database, SIGNER, tmp_path / "points.jsonl", clock).run()
    write(database, mine)

    def work(tx: Any) -> dict[str, Any]:
        return export_history(tx, lea, history_of_patient(tx, lea.id), SIGNER.public_key, at=NOON)

    exported: dict[str, Any] = json.loads(json.dumps(database.read_now(work)))
    return exported


@pytest.mark.requirement("VGM:TRACE-EXPORT")
def test_an_export_is_proved_entry_by_entry(export: dict[str, Any]) -> None:
    said = verify(export, PUBLIC)

    assert said == "8 entrées prouvées, 1 trop récentes pour l'être"
    assert PUBLIC in verify(export)
    assert {item["entry"]["profile_id"] for item in export["entries"]} == {export["entries"][0]["entry"]["profile_id"]}
    assert export["entries"][0]["entry"]["subject_label"] == ODD
    assert [each["checkpoint"] for each in export["entries"]] == [5, 5, 5, 10, 10, 10, 13, 13, None]


def test_an_empty_history_is_an_export_too(database: Database, lea: Profile) -> None:
    exported = database.read_now(lambda tx: export_history(tx, lea, [], SIGNER.public_key, at=NOON))

    assert verify(exported, PUBLIC) == "0 entrées prouvées, 0 trop récentes pour l'être"


def _label(export: dict[str, Any]) -> None:
    export["entries"][2]["entry"]["subject_label"] = "Personne"


def _swapped(export: dict[str, Any]) -> None:
    export["entries"][0], export["entries"][1] = export["entries"][1], export["entries"][0]


def _twice(export: dict[str, Any]) -> None:
    export["entries"].insert(1, copy.deepcopy(export["entries"][0]))


def _previous(export: dict[str, Any]) -> None:
    export["entries"][1]["previous"] = "00" * 32


def _short_path(export: dict[str, Any]) -> None:
    export["entries"][3]["path"].pop()


def _long_path(export: dict[str, Any]) -> None:
    export["entries"][3]["path"].append("00" * 32)


def _index(export: dict[str, Any]) -> None:
    export["entries"][3]["index"] += 1


def _statement(export: dict[str, Any]) -> None:
    export["checkpoints"][0]["statement"] = export["checkpoints"][0]["statement"].replace('"seq":5', '"seq":6')


def _format(export: dict[str, Any]) -> None:
    export["format"] = "autre"


def _young_follows_wrongly(export: dict[str, Any]) -> None:
    export["entries"][-1]["entry"]["seq"] = export["entries"][-2]["entry"]["seq"]


@pytest.mark.parametrize(
    "spoil",
    [
        _label,
        _swapped,
        _twice,
        _previous,
        _short_path,
        _long_path,
        _index,
        _statement,
        _format,
        _young_follows_wrongly,
    ],
)
def test_whatever_is_changed_is_found(export: dict[str, Any], spoil: Callable[[dict[str, Any]], None]) -> None:
    spoil(export)

    with pytest.raises(Broken):
        verify(export, PUBLIC)


def test_a_key_known_otherwise_must_be_the_one(export: dict[str, Any]) -> None:
    with pytest.raises(Broken, match="clé publique"):
        verify(export, "00" * 32)


def test_the_verifier_stands_alone(export: dict[str, Any], tmp_path: Path) -> None:
    good, bad, other = tmp_path / "bon.json", tmp_path / "faux.json", tmp_path / "autre.json"
    good.write_text(json.dumps(export), encoding="utf-8")
    other.write_text("[]", encoding="utf-8")
    _label(export)
    bad.write_text(json.dumps(export), encoding="utf-8")

    command = [sys.executable, "-m", "access_core.trace.verify_export"]
    done = [
        subprocess.run([*command, path], capture_output=True, text=True, check=False) for path in (good, bad, other)
    ]

    assert [each.returncode for each in done] == [0, 1, 1]
    assert "8 entrées prouvées" in done[0].stdout
    assert done[1].stderr.startswith("NON PROUVÉ")
    assert done[2].stderr.startswith("illisible")


def test_the_verifier_imports_nothing_of_the_program() -> None:
    code = (
        "import sys, access_core.trace.verify_export; "
        "print([name for name in sys.modules if name.split('.')[0] in ('sqlalchemy', 'vaguemestre', 'msgspec')])"
    )

    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    assert loaded == "[]\n"


@pytest.mark.requirement("VGM:TRACE-FHIR")
def test_a_refusal_in_an_emergency_as_an_audit_event() -> None:
    entry = replace(
        DELIVERY,
        act="open_break_glass",
        verdict="DENY",
        reason="H_MODE_NON_JUSTIFIE",
        mode="bris_de_glace",
        message_id_header=None,
        resource_kind="profile",
        resource_id="p1",
        obligations=(),
    )

    event = audit_event(Recorded(7, entry), LEA_INS, "demo.mssante.fr")

    assert event["outcome"] == "4"
    assert event["outcomeDesc"] == "H_MODE_NON_JUSTIFIE"
    assert event["type"]["code"] == "110113"
    assert [each["code"] for each in event["purposeOfEvent"][0]["coding"]] == ["bris_de_glace", "BTG"]
    assert len(event["subtype"]) == 1
    assert event["period"]["start"] == event["recorded"] == entry.at.isoformat()
    assert len(event["agent"]) == 1
    assert event["agent"][0]["who"]["display"] == "Dr Camille Martin"
    assert event["entity"][0]["what"]["identifier"] == {
        "system": "urn:oid:1.2.250.1.213.1.4.8",
        "value": LEA_INS.value,
    }
    assert event["entity"][1]["what"]["identifier"]["value"] == "p1"
    assert event["entity"][1]["detail"] == [{"type": "matrix", "valueString": "2023-10-26"}]


def test_permits_delays_and_events_without_resource_or_mode() -> None:
    lines = [
        Recorded(1, DELIVERY),
        Recorded(2, replace(DELIVERY, verdict="DEFER", at=DELIVERY.at + timedelta(seconds=1), mode="secret")),
        Recorded(3, replace(DELIVERY, act="sign_in", resource_kind=None, mode="-", subject_kind="titulaire")),
        Recorded(4, replace(DELIVERY, subject_id=None, subject_label="", matrix_version=None, obligations=())),
    ]

    bundle = audit_events(lines, LEA_INS, "demo.mssante.fr", at=NOON)

    events = [each["resource"] for each in bundle["entry"]]
    assert [each["outcome"] for each in events] == ["0", "8", "0", "0"]
    assert [each["action"] for each in events] == ["C", "C", "E", "C"]
    assert [each["type"]["code"] for each in events] == ["110110", "110110", "110114", "110110"]
    assert events[1]["purposeOfEvent"] == [{"coding": [{"system": "urn:vaguemestre:access-mode", "code": "secret"}]}]
    assert events[2]["purposeOfEvent"] == []
    assert events[2]["agent"][0]["who"]["identifier"]["system"] == "urn:vaguemestre:profile"
    assert [len(each["entity"]) for each in events] == [2, 2, 1, 2]
    assert events[3]["agent"][0]["who"] == {"display": "pro"}
    assert "detail" not in events[3]["entity"][1]
    assert events[0]["entity"][1]["what"]["identifier"]["value"] == "<m1@demo.mssante.fr>"
