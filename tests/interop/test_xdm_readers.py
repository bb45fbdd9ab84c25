"""Our IHE_XDM.zip as other programs unpack it: Info-ZIP and the Java Archive tool."""

import subprocess
from pathlib import Path

import pytest

from tests.unit.dmp_bridge.archives import entries_of
from vaguemestre.app.demo.fictional_documents import fictional_archive, fictional_cda

ARCHIVE = fictional_archive(fictional_cda(), fictional_cda(title="Accents é è ç"))


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    (tmp_path / "IHE_XDM.zip").write_bytes(ARCHIVE)
    return tmp_path / "IHE_XDM.zip"


@pytest.mark.parametrize("command", [["unzip", "-q"], ["jar", "xf"]], ids=["Info-ZIP", "Java"])
def test_every_file_comes_out_whole(archive: Path, command: list[str]):
    subprocess.run([*command, str(archive)], check=True, cwd=archive.parent, timeout=60)

    unpacked = {
        str(path.relative_to(archive.parent)): path.read_bytes()
        for path in archive.parent.rglob("*")
        if path.is_file() and path != archive
    }
    assert unpacked == entries_of(ARCHIVE)


def test_info_zip_finds_no_fault(archive: Path):
    done = subprocess.run(["unzip", "-t", str(archive)], check=False, capture_output=True, timeout=60)

    assert done.returncode == 0
    assert b"No errors detected" in done.stdout
