"""Archives of other vendors and of the ANS documents, as the tolerant reader reads them."""

from pathlib import Path

import pytest

from dmp_bridge.refusals import ExchangeError
from dmp_bridge.xdm.limits import TOLERANT
from dmp_bridge.xdm.reader import read_archive
from tests.unit.dmp_bridge.archives import ARCHIVES, VECTORS, zipped


def archive_bytes(row: dict[str, str], request: pytest.FixtureRequest) -> bytes:
    if "/" not in row["archive"]:
        return (VECTORS / row["archive"]).read_bytes()
    corpus: Path = request.getfixturevalue("corpus")
    place = corpus / row["archive"]
    return zipped(place) if place.is_dir() else place.read_bytes()


@pytest.mark.parametrize("row", ARCHIVES, ids=lambda row: row["archive"])
@pytest.mark.requirement("VGM:XDM-03")
def test_an_archive_shows_its_irregularities_and_its_documents(row, request):
    data = archive_bytes(row, request)

    if row["reasons"].startswith("X_METADONNEES"):
        with pytest.raises(ExchangeError, match=row["reasons"]):
            read_archive(data, TOLERANT)
        return
    archive = read_archive(data, TOLERANT)

    assert ";".join(sorted(archive.quirks)) == row["quirks"]
    assert len(archive.documents) == len(row["reasons"].split(";"))
    assert all(document.content and document.refusal is None for document in archive.documents)
