"""`vaguemestre mailbox app-password`: made once, listed, revoked, traced."""

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from access_core.accounts import Account
from access_core.authentication.channel import Channel, Use
from access_core.authentication.failures import AuthenticationFailed
from access_core.authentication.sasl.steps import Challenge
from tests.standins.scram_client import ScramClient
from tests.unit.app.conftest import PASSWORD, Run
from tests.unit.app.test_cli import MARTIN, add_martin, said
from vaguemestre.app.bootstrap import Instance
from vaguemestre.app.settings import load_settings


@pytest.fixture(autouse=True)
def martin(run: Run) -> None:
    add_martin(run)


def made(run: Run, *options: str) -> Any:
    return said(run, "mailbox", "app-password", "add", MARTIN, "--label", "Thunderbird du cabinet", *options)


def opens(folder: Path, password: str, use: Use) -> bool:
    async def attempt() -> bool:
        instance = Instance(load_settings(folder / "vaguemestre.toml"))
        try:
            await instance.authenticator.password(MARTIN, password, peer="192.0.2.1", use=use)
        except AuthenticationFailed:
            return False
        finally:
            await instance.close()
        return True

    return asyncio.run(attempt())


def test_it_opens_what_its_scope_says_and_never_the_portal(run: Run, instance_folder: Path) -> None:
    new = made(run, "--scope", "imap")

    assert opens(instance_folder, new["password"], Use.IMAP)
    assert opens(instance_folder, new["password"].upper().replace("-", " "), Use.IMAP)
    assert not opens(instance_folder, new["password"], Use.SMTP)
    assert not opens(instance_folder, new["password"], Use.PORTAL)


def test_it_is_listed_with_its_last_use_and_without_itself(run: Run, instance_folder: Path) -> None:
    new = made(run)
    before = datetime.now(UTC)
    opens(instance_folder, new["password"], Use.SMTP)

    [line] = said(run, "mailbox", "app-password", "list", MARTIN)

    assert (line["id"], line["label"], line["scope"], line["state"]) == (
        new["id"], "Thunderbird du cabinet", "all", "active",
    )  # fmt: skip
    assert datetime.fromisoformat(line["last_used_at"]) >= before
    assert new["password"] not in json.dumps(line)


def test_it_is_revoked_alone(run: Run, instance_folder: Path) -> None:
    lost, kept = made(run), made(run)

    assert run("mailbox", "app-password", "revoke", MARTIN, lost["id"]).exit_code == 0

    again = run("mailbox", "app-password", "revoke", MARTIN, lost["id"])
    assert (again.exit_code, str(again.exception)) == (
        1, "cette boîte n'a pas de mot de passe d'application en vigueur à cet identifiant",
    )  # fmt: skip
    assert not opens(instance_folder, lost["password"], Use.IMAP)
    assert opens(instance_folder, kept["password"], Use.IMAP)
    assert [each["state"] for each in said(run, "mailbox", "app-password", "list", MARTIN)] == ["revoked", "active"]


def test_creation_use_and_revocation_are_traced(run: Run, instance_folder: Path) -> None:
    new = made(run)
    opens(instance_folder, new["password"], Use.IMAP)
    run("mailbox", "app-password", "revoke", MARTIN, new["id"])
    opens(instance_folder, new["password"], Use.IMAP)

    traced = said(run, "trace", "list", "--mailbox", MARTIN)

    assert [(each["act"], each["verdict"]) for each in reversed(traced)][1:] == [
        ("application_password_created", "PERMIT"),
        ("sign_in", "PERMIT"),
        ("application_password_revoked", "PERMIT"),
        ("sign_in", "DENY"),
    ]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--until", "2020-01-01"), "expired"),
        (("--until", "demain"), "AAAA-MM-JJ"),
        (("--label", "x" * 81), "80"),
        (("--label", " "), "80"),
    ],
)
def test_what_cannot_be_made_is_refused(run: Run, options: tuple[str, ...], sentence: str) -> None:
    refused = run("mailbox", "app-password", "add", MARTIN, "--label", "x", *options)

    assert refused.exit_code == 1
    assert sentence in str(refused.exception)
    assert said(run, "mailbox", "app-password", "list", MARTIN) == []


def test_the_password_of_a_new_mailbox_opens_by_scram_at_once(run: Run, instance_folder: Path) -> None:
    async def sign_in() -> str:
        instance = Instance(load_settings(instance_folder / "vaguemestre.toml"))
        exchange = instance.authenticator.begin("SCRAM-SHA-256", Channel(peer="192.0.2.1", use=Use.IMAP))
        assert exchange is not None
        client = ScramClient(MARTIN, PASSWORD)
        first = await exchange.respond(client.first())
        assert isinstance(first, Challenge)
        final = await exchange.respond(client.final(first.data))
        assert isinstance(final, Challenge)
        assert client.believes(final.data)
        account = await exchange.respond(b"")
        await instance.close()
        assert isinstance(account, Account)
        return account.login

    assert asyncio.run(sign_in()) == MARTIN
