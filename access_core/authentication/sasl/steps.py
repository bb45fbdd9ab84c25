"""The vocabulary of a SASL exchange: what a mechanism yields, and what it hears back.

A mechanism is a generator that yields a `Challenge`, and hears the client's response as bytes, or a question, and
hears its answer from whoever can look things up; it returns the account. It raises `ProtocolError` for a response
that breaks its syntax and `AuthenticationFailed` for one that proves nothing. It reads no clock, no store, no socket.

Source: RFC 4422 §3.
"""

from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any

from access_core.accounts import Account
from vaguemestre.kernel.errors import ProtocolError


@dataclass(frozen=True, slots=True)
class Challenge:
    """Bytes for the client, who answers with bytes."""

    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, repr=False)
class CheckPassword:
    """Does this password open the account of this login? Answer: the Account."""

    login: str
    password: str


@dataclass(frozen=True, slots=True, repr=False)
class CheckCertificate:
    """Does the certificate of the TLS client open this mailbox ("": the only one it opens)? Answer: the Account."""

    login: str


@dataclass(frozen=True, slots=True, repr=False)
class CheckToken:
    """Does this access token open this mailbox, "" for the one that it names? Answer: the Account, or TokenRefused."""

    login: str
    token: str


@dataclass(frozen=True, slots=True, repr=False)
class LookUpScram:
    """With which salt does the client of this login derive its keys? Answer: a `ScramOffer`, real or not."""

    login: str


@dataclass(frozen=True, slots=True, repr=False)
class SettleScram:
    """The exchange was the work of this credential's holder, None: of nobody. Answer: the Account."""

    login: str
    credential_id: str | None


@dataclass(frozen=True, slots=True, repr=False)
class ScramSecret:
    """What is kept of one password for SCRAM; `credential_id` tells the account's own from the applications'."""

    credential_id: str
    stored_key: bytes
    server_key: bytes


@dataclass(frozen=True, slots=True, repr=False)
class ScramOffer:
    """What is known of a login; one that does not exist has a salt all the same, and no secret."""

    salt: bytes
    iterations: int
    secrets: tuple[ScramSecret, ...]


Question = CheckPassword | CheckCertificate | CheckToken | LookUpScram | SettleScram
Step = Challenge | Question
Dialogue = Generator[Step, Any, Account]
"""One exchange. What it hears has the type that its last step says."""


def challenge(data: bytes) -> Generator[Step, Any, bytes]:
    """Send DATA; returns what the client answers."""
    response = yield Challenge(data)
    assert isinstance(response, bytes)
    return response


def ask(question: Question) -> Generator[Step, Any, Account]:
    """Ask for an account; raises what the check raises."""
    account = yield question
    assert isinstance(account, Account)
    return account


def text(data: bytes) -> str:
    """Read a response or a part of one as UTF-8.

    Raises:
        ProtocolError: it is not.
    """
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise ProtocolError("SASL: not UTF-8") from None
