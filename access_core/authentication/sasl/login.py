"""LOGIN: login and password in two responses. Source: draft-murchison-sasl-login (what Outlook still sends)."""

from access_core.authentication.sasl.steps import CheckPassword, Dialogue, ask, challenge, text


def login() -> Dialogue:
    """Ask for the login, then for the password."""
    name = text((yield from challenge(b"Username:")))
    password = text((yield from challenge(b"Password:")))
    return (yield from ask(CheckPassword(name, password)))
