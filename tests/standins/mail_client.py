"""What a `test_mail_clients_*.py` says of the program that it plays; docs/reference/clients.md is made of it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """A row of the client matrix; what was played is the names of the file's tests."""

    name: str
    version: str
    """The one that was tried; the test runs what the machine has."""

    sign_in: str
    settings: str
    """What a user of this program should set, or know, in words for the page."""
