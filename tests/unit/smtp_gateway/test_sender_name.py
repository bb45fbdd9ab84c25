"""The display name that a From field without one gets."""

import pytest

from access_core.professionals import MailboxType, Professional
from smtp_gateway.header import HeaderBlock, addresses, decode_words
from smtp_gateway.sender_name import display_name, lacks_name, with_name

AUTHOR = "camille.martin@demo.mssante.fr"


def mailbox(name: str, kind: MailboxType = MailboxType.PER) -> Professional:
    return Professional(account_id="1", address=AUTHOR, type=kind, name=name)


@pytest.mark.requirement("MSS2:ECO.2.2.7")
@pytest.mark.parametrize(
    ("name", "kind", "shown"),
    [
        ("Dr Camille Martin", MailboxType.PER, "Dr_Camille_MARTIN"),
        ("Camille MARTIN Cardiologie", MailboxType.PER, "Camille_MARTIN_Cardiologie"),
        ("Dr Zoé  d'Étang", MailboxType.PER, "Dr_Zoé_D'ÉTANG"),
        ("Service de cardiologie", MailboxType.ORG, "Service de cardiologie"),
        ("", MailboxType.PER, ""),
    ],
)
def test_name_has_the_form_of_the_referentiel(name: str, kind: MailboxType, shown: str) -> None:
    assert display_name(mailbox(name, kind)) == shown


@pytest.mark.parametrize(
    ("field", "lacks"),
    [
        (AUTHOR, True),
        (f"<{AUTHOR.title()}>", True),
        (f" \r\n {AUTHOR}", True),
        (f"Camille <{AUTHOR}>", False),
        (f"{AUTHOR} (Camille)", False),
    ],
)
def test_only_a_bare_address_lacks_a_name(field: str, lacks: bool) -> None:
    assert lacks_name(HeaderBlock.parse(f"From: {field}\r\n".encode()), AUTHOR) is lacks


@pytest.mark.parametrize("name", ["Dr_Camille_MARTIN", 'Centre "Étoile", site 2', "Dr. A, B \\ C", "Bcc: x\r\nTo: y"])
def test_name_is_written_and_the_address_stays(name: str) -> None:
    header = HeaderBlock.parse(f"To: x@y.fr\r\nFrom: <{AUTHOR}>\r\nSubject: s\r\n".encode())

    named = with_name(header, name)

    assert [field.name for field in named.fields] == [b"to", b"from", b"subject"]
    assert len(HeaderBlock.parse(named.to_bytes()).fields) == 3  # nothing of the name ends a line
    assert addresses(named.fields[1].text) == [AUTHOR]
    phrase = decode_words(named.fields[1].text.rpartition("<")[0].strip())
    assert " ".join(phrase.strip('"').replace("\\", "").split()) == " ".join(name.replace("\\", "").split())
