"""testssl against every TLS door of a running instance: TLS 1.2 and 1.3, the ciphers of the list, and no known hole.

Source: MSS2:ECO.1.1.1, MSS2:ECO.1.1.3, domain notes: MSSanté §4 and DMP §1.1.
"""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.standins.ports import free_port_base
from vaguemestre.app.demo.stage import Stage, prepare

DOORS = {
    "mx": ("smtp", 25),
    "submission": ("smtp", 587),
    "submissions": (None, 465),
    "imap": ("imap", 143),
    "imaps": (None, 993),
    "portal": (None, 443),
}
ADMITTED = re.compile(r"TLS_(AES|CHACHA20)_\w+|ECDHE-(RSA|ECDSA)-(AES(128|256)-GCM-SHA(256|384)|CHACHA20-POLY1305)")
OLD = ("SSLv2", "SSLv3", "TLS1", "TLS1_1")
GRAVE = frozenset({"MEDIUM", "HIGH", "CRITICAL"})
OF_A_TEST_AUTHORITY = re.compile(r"cert|OCSP|CRL|CAA|DNS|HSTS|chain|certificate|intermediate", re.IGNORECASE)
"""Findings about a certificate that no public authority issued."""


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Stage, int]]:
    base = free_port_base()
    made = prepare(tmp_path_factory.mktemp("instance") / "vaguemestre", base)
    yield made, base
    assert made.program.stop() == 0


def probe(folder: Path, port: int, starttls: str | None) -> list[dict[str, Any]]:
    """Return the findings of testssl about one port."""
    report = folder / f"{port}.json"
    options = ["--quiet", "--warnings", "batch", "--color", "0", "-p", "-E", "-U", "--jsonfile", str(report)]
    options += ["--starttls", starttls] if starttls else []
    options += ["--ip", "127.0.0.1", "--connect-timeout", "10", "--openssl-timeout", "10", f"localhost:{port}"]
    subprocess.run(
        ["testssl", *options], capture_output=True, check=False, timeout=1_500, env=os.environ | {"LC_ALL": "C"}
    )
    found: list[dict[str, Any]] = json.loads(report.read_text(encoding="utf-8"))
    return found


@pytest.mark.parametrize("door", DOORS)
def test_door_speaks_only_what_the_list_admits(door: str, stage: tuple[Stage, int], tmp_path: Path) -> None:
    starttls, standard = DOORS[door]

    findings = probe(tmp_path, stage[1] + standard, starttls)

    said = {each["id"]: each["finding"] for each in findings}
    assert all("not offered" in said[version] for version in OLD if version in said)
    assert said["TLS1_2"].startswith("offered")
    ciphers = [each["finding"] for each in findings if each["id"].startswith("cipher-tls")]
    assert ciphers
    assert [each for each in ciphers if not any(ADMITTED.fullmatch(word) for word in each.split())] == []
    grave = [each["id"] for each in findings if each["severity"] in GRAVE]
    assert [each for each in grave if not OF_A_TEST_AUTHORITY.search(each)] == []
