"""What the sessions with mail programs share: one served instance for the run, each test with an empty mailbox."""

from collections.abc import Iterator

import pytest

from tests.standins.mail_office import MailOffice, open_office


@pytest.fixture(scope="session")
def open_mail_office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MailOffice]:
    with open_office(tmp_path_factory.mktemp("office") / "instance") as opened:
        yield opened


@pytest.fixture
def office(open_mail_office: MailOffice) -> MailOffice:
    open_mail_office.empty()
    return open_mail_office
