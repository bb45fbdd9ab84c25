"""The grammar of commands and of AUTH responses."""

import pytest

from smtp_gateway.commands import is_mailbox, parse_path
from vaguemestre.kernel.errors import ProtocolError


@pytest.mark.parametrize(
    ("argument", "mailbox", "parameters"),
    [
        ("FROM:<a@b.fr>", "a@b.fr", {}),
        ("from:<>", "", {}),
        ("FROM:<a@b.fr> SIZE=10 BODY=8BITMIME", "a@b.fr", {"SIZE": "10", "BODY": "8BITMIME"}),
        ("FROM:<a@b.fr> smtputf8", "a@b.fr", {"SMTPUTF8": None}),
        ('FROM:<"a b>"@b.fr>', '"a b>"@b.fr', {}),
        ("FROM:<@relay.fr,@other.fr:a@b.fr>", "a@b.fr", {}),
    ],
)
def test_paths_and_parameters(argument: str, mailbox: str, parameters: dict[str, str | None]) -> None:
    path = parse_path("FROM:", argument)

    assert (path.mailbox, dict(path.parameters)) == (mailbox, parameters)


@pytest.mark.parametrize(
    "argument",
    ["", "TO:<a@b.fr>", "FROM:a@b.fr", "FROM: <a@b.fr>", "FROM:<a@b.fr", "FROM:<a@b.fr>x", "FROM:<a@b.fr>  SIZE=1",
     "FROM:<a@b.fr> SIZE=", "FROM:<a@b.fr> =1", "FROM:<a b@c.fr>", "FROM:<<a@b.fr>>", "FROM:<a@b.fr> SIZE=1 size=2"],
)  # fmt: skip
def test_what_is_not_a_path_is_refused(argument: str) -> None:
    with pytest.raises(ProtocolError):
        parse_path("FROM:", argument)


@pytest.mark.parametrize("text", ["a@b.fr", '"a b"@b.fr', "279035121518989@patient.mssante.fr", "a'b+c@d"])
def test_mailboxes(text: str) -> None:
    assert is_mailbox(text)


@pytest.mark.parametrize("text", ["", "a", "@b.fr", "a@", "a@b@c", "a b@c.fr", "a\r\n@b.fr", "x" * 65 + "@b.fr"])
def test_what_is_not_a_mailbox(text: str) -> None:
    assert not is_mailbox(text)
