"""Thunderbird itself, on a display of its own: signs in, reads, hears of mail, writes, files, moves and deletes."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.standins.mail_client import Client
from tests.standins.mail_office import MailOffice, letter, until
from tests.standins.thunderbird import Thunderbird, start_thunderbird
from vaguemestre.app.demo.people import DURAND, MARTIN

CLIENT = Client(
    name="Thunderbird",
    version="153.7.0esr",
    sign_in="PLAIN (« normal password »), IMAP and SMTP",
    settings="Nothing but the account: sent mail, drafts, trash, junk and archives are found by their marks.",
)
FOLDERS = {"INBOX", "Archives", "Brouillons", "Corbeille", "Envoyés", "Indésirables"}


@pytest.fixture
def thunderbird(office: MailOffice, tmp_path: Path) -> Iterator[Thunderbird]:
    office.fill([letter(name) for name in ("un", "deux", "trois", "quatre")])
    with start_thunderbird(tmp_path, office) as program:
        program.run("server.getNewMessages(root, null, null);")
        until(lambda: set(program.folders()) == FOLDERS)
        until(lambda: len(program.subjects("INBOX")) == 4)
        program.run('show(find("INBOX"));')
        yield program


def test_lists_the_inbox_and_hears_of_new_mail_by_idle(office: MailOffice, thunderbird: Thunderbird) -> None:
    office.deliver(letter("neuf"))
    until(lambda: "Résultat neuf" in thunderbird.subjects("INBOX"))

    assert thunderbird.folders()["INBOX"] == 5


def test_keeps_every_message_for_work_without_the_network(thunderbird: Thunderbird) -> None:
    thunderbird.run('await listened((end) => find("INBOX").downloadAllForOffline(end, null));')

    kept = 'const inbox = find("INBOX"); return headers(inbox).map((each) => inbox.hasMsgOffline(each.messageKey));'
    until(lambda: thunderbird.run(kept) == [True] * 4)


def test_finds_the_folder_of_each_use(thunderbird: Thunderbird) -> None:
    script = """
    const having = (use) => folders().filter((each) => each.getFlag(Ci.nsMsgFolderFlags[use]));
    return ["SentMail", "Drafts", "Trash", "Junk", "Archive"].map((use) => having(use).map((each) => each.onlineName));
    """

    assert thunderbird.run(script) == [["Envoyés"], ["Brouillons"], ["Corbeille"], ["Indésirables"], ["Archives"]]


def test_shows_a_message_and_marks_it_read(office: MailOffice, thunderbird: Thunderbird, tmp_path: Path) -> None:
    thunderbird.run('show(find("INBOX")).threadTree.selectedIndex = 0;')

    until(lambda: office.held()["<un@essai.test>"] == {"\\Seen"})
    thunderbird.photograph(tmp_path / "lecture.png")
    assert (tmp_path / "lecture.png").stat().st_size > 20_000


def test_flags_moves_and_deletes(office: MailOffice, thunderbird: Thunderbird) -> None:
    chosen = 'const chosen = [header(find("INBOX"), `${arguments[0]}@essai.test`)]; const inbox = find("INBOX");'
    thunderbird.run(f"{chosen} inbox.markMessagesFlagged(chosen, true);", "un")
    thunderbird.run(
        f"{chosen} await listened((end) =>"
        ' MailServices.copy.copyMessages(inbox, chosen, find("Archives"), true, end, null, true));',
        "deux",
    )
    thunderbird.run(
        f"{chosen} await listened((end) => inbox.deleteMessages(chosen, null, false, false, end, true));", "trois"
    )

    until(lambda: office.held() == {"<un@essai.test>": {"\\Flagged"}, "<quatre@essai.test>": frozenset()})
    assert list(office.held("Archives")) == ["<deux@essai.test>"]
    assert list(office.held("Corbeille")) == ["<trois@essai.test>"]


def test_hears_at_once_what_another_program_does(office: MailOffice, thunderbird: Thunderbird) -> None:
    with office.onlooker() as other:
        first, second, *_ = other.search()
        other.add_flags([first], ["\\Seen", "\\Flagged"])
        other.delete_messages([second])
        other.expunge()

    read = 'const each = header(find("INBOX"), "un@essai.test"); return each.isRead && each.isFlagged;'
    until(lambda: thunderbird.run(read))
    until(lambda: "Résultat deux" not in thunderbird.subjects("INBOX"))
    assert len(thunderbird.subjects("INBOX")) == 3


def test_sends_through_submission_and_keeps_the_copy(office: MailOffice, thunderbird: Thunderbird) -> None:
    thunderbird.compose(MARTIN.address, "Compte rendu envoyé")

    thunderbird.press_in_message("cmd_sendNow")

    until(lambda: len(office.held()) == 5)
    until(lambda: office.held("Envoyés"))
    assert set(thunderbird.folders()) == FOLDERS  # no Sent beside Envoyés
    (copied,) = office.held("Envoyés")
    assert copied in office.held()
    assert any("Bonjour, à bientôt.".encode() in each for each in office.contents("Envoyés"))


def test_saves_a_draft(office: MailOffice, thunderbird: Thunderbird) -> None:
    thunderbird.compose(DURAND.address, "Compte rendu en cours")

    thunderbird.press_in_message("cmd_saveAsDraft")

    until(lambda: office.held("Brouillons"))
    assert set(thunderbird.folders()) == FOLDERS
    (draft,) = office.contents("Drafts")
    assert b"Subject: Compte rendu en cours" in draft
    assert DURAND.address.encode() in draft
    assert "\\Draft" in office.held("Brouillons").popitem()[1]
