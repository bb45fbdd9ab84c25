"""The generated pages say what the code says today."""

import pytest

from vaguemestre.app.reference import FOLDER, pages


@pytest.mark.parametrize("name", ["settings.md", "cli.md", "imap.md"])
def test_a_generated_page_is_up_to_date(name: str) -> None:
    assert (FOLDER / name).read_text(encoding="utf-8") == pages()[name], "run `make docs`"
