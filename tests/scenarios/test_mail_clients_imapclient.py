"""IMAPClient does a doctor's day on the whole program: its own parser must understand every answer."""

import imapclient
import pytest
from imapclient import imapclient as uses

from tests.standins.mail_client import Client
from tests.standins.mail_office import HOST, MailOffice, letter
from vaguemestre.app.demo.people import MARTIN

CLIENT = Client(
    name="IMAPClient",
    version="4.1.0",
    sign_in="LOGIN command, PLAIN",
    settings="Folder names are given as they are read (`Envoyés`); the library encodes them.",
)
USES = {
    uses.SENT: ("Envoyés", "Sent", "Sent Items", "Éléments envoyés"),
    uses.DRAFTS: ("Brouillons", "Drafts", "Brouillon"),
    uses.TRASH: ("Corbeille", "Trash", "Deleted Items", "Éléments supprimés"),
    uses.JUNK: ("Indésirables", "Junk", "Spam", "Courrier indésirable"),
    uses.ARCHIVE: ("Archives", "Archive"),
}


def test_signs_in_by_plain(office: MailOffice) -> None:
    with imapclient.IMAPClient(HOST, office.ports["imaps"], ssl_context=office.tls(), timeout=60) as client:
        assert client.has_capability("AUTH=SCRAM-SHA-256")
        assert client.plain_login(MARTIN.address, MARTIN.password)
        assert client.has_capability("QRESYNC")
        assert client.id_({"name": "essai"}) == ((b"name", b"Vaguemestre"),)


def test_signs_in_after_starttls(office: MailOffice) -> None:
    with imapclient.IMAPClient(HOST, office.ports["imap"], ssl=False, timeout=60) as client:
        with pytest.raises(imapclient.exceptions.LoginError, match="PRIVACYREQUIRED"):
            client.login(MARTIN.address, MARTIN.password)
        client.starttls(office.tls())

        assert client.login(MARTIN.address, MARTIN.password)


@pytest.mark.parametrize("use", USES, ids=lambda use: use.decode().strip("\\"))
def test_finds_special_folders_under_french_and_english_names(office: MailOffice, use: bytes) -> None:
    with office.onlooker() as client:
        before = [name for _, _, name in client.list_folders()]
        for number, name in enumerate(USES[use], start=1):
            if number > 1:
                client.create_folder(name)
            client.append(name, letter(f"depot-{number}"))

            assert client.select_folder(name)[b"EXISTS"] == number
        assert client.find_special_folder(use) == USES[use][0]
        assert [name for _, _, name in client.list_folders()] == before


def test_makes_renames_subscribes_and_deletes_folders(office: MailOffice) -> None:
    with office.onlooker() as client:
        client.create_folder("Patients/Été & hiver")
        client.append("Patients/Été & hiver", letter("classe"))
        client.rename_folder("Patients", "Anciens")
        client.subscribe_folder("Anciens/Été & hiver")

        assert client.folder_status("Anciens/Été & hiver", ["MESSAGES"]) == {b"MESSAGES": 1}
        assert "Anciens/Été & hiver" in [name for _, _, name in client.list_sub_folders()]
        client.unsubscribe_folder("Anciens/Été & hiver")
        client.delete_folder("Anciens/Été & hiver")
        assert not client.folder_exists("Anciens/Été & hiver")


def test_reads_envelopes_structures_and_parts(office: MailOffice) -> None:
    office.deliver(letter("lu"))

    with office.onlooker() as client:
        (uid,) = client.search()
        read = client.fetch([uid], ["ENVELOPE", "BODYSTRUCTURE", "RFC822.SIZE", "INTERNALDATE", "BODY.PEEK[1]"])[uid]
        assert client.get_flags([uid]) == {uid: (b"\\Recent",)}
        whole = client.fetch([uid], ["BODY[]"])[uid]

        assert read[b"ENVELOPE"].message_id == b"<lu@essai.test>"
        assert read[b"BODYSTRUCTURE"][:2] == (b"text", b"plain")
        assert read[b"BODY[1]"] == "Bonjour docteur,\r\nà bientôt.\r\n".encode()
        assert read[b"RFC822.SIZE"] == len(whole[b"BODY[]"])
        assert set(client.get_flags([uid])[uid]) == {b"\\Recent", b"\\Seen"}


def test_searches_sorts_and_threads(office: MailOffice) -> None:
    office.fill([letter("b"), letter("a"), letter("c", body="Glycémie stable.\r\n")])

    with office.onlooker() as client:
        second, first, third = client.search(["SUBJECT", "résultat"], "UTF-8")

        assert client.search(["BODY", "glycémie"], "UTF-8") == [third]
        assert client.search(["NOT", ["OR", "UID", str(first), "UID", str(second)]]) == [third]
        assert client.sort(["SUBJECT"]) == [first, second, third]
        assert client.thread("REFERENCES") == ((second,), (first,), (third,))


def test_flags_copies_moves_and_expunges(office: MailOffice) -> None:
    office.fill([letter(name) for name in ("un", "deux", "trois")])

    with office.onlooker() as client:
        first, second, third = client.search()
        client.add_flags([first, second], [b"\\Flagged", b"$Important"])
        client.remove_flags([second], [b"\\Flagged"])
        client.copy([first], "Archives")
        client.move([second], "Corbeille")
        client.delete_messages([third])
        client.uid_expunge([third])

    assert office.held() == {"<un@essai.test>": {"\\Flagged", "$Important"}}
    assert office.held("Archives") == {"<un@essai.test>": {"\\Flagged", "$Important"}}
    assert office.held("Trash") == {"<deux@essai.test>": {"$Important"}}


def test_keeps_a_draft_byte_for_byte(office: MailOffice) -> None:
    draft = letter("brouillon")

    with office.onlooker() as client:
        said = client.append("Drafts", draft, [b"\\Draft", b"\\Seen"])

    assert b"APPENDUID" in said
    assert office.contents("Brouillons") == [draft]
    assert office.held("Brouillons") == {"<brouillon@essai.test>": {"\\Draft", "\\Seen"}}


def test_hears_of_new_mail_by_idle(office: MailOffice) -> None:
    with office.onlooker() as client:
        client.idle()
        office.deliver(letter("neuf"))
        heard = client.idle_check(timeout=60)
        client.idle_done()

    assert (1, b"EXISTS") in heard


def test_files_several_messages_at_once(office: MailOffice) -> None:
    kept = [letter(name) for name in ("a", "b", "c")]

    with office.onlooker() as client:
        client.multiappend("Archives", kept)

    assert office.contents("Archives") == kept
