"""The page of mail programs has a row for each session that the tests play, and no other."""

from pathlib import Path

import pytest

from tests.architecture.client_matrix import PAGE, page, sentences_of, session_files

ASKED = {"curl", "fetchmail", "getmail", "imapclient", "imapflow", "mbsync", "neomutt", "offlineimap", "thunderbird"}


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run `make docs`"


def test_each_program_that_was_promised_is_played() -> None:
    assert {file.stem.removeprefix("test_mail_clients_") for file in session_files()} >= ASKED


@pytest.mark.parametrize("file", session_files(), ids=lambda file: file.stem)
def test_a_session_plays_something(file: Path) -> None:
    assert sentences_of(file)
