"""Accounts and their logins."""

from datetime import UTC, datetime

import pytest

from access_core.accounts import (
    Account,
    AccountKind,
    AccountState,
    AlreadyExists,
    NewAccount,
    account_by_id,
    account_by_login,
    add_account,
    canonical_login,
    set_account_state,
)
from vaguemestre.kernel.database import Database, Transaction

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def new(login: str) -> NewAccount:
    return NewAccount(kind=AccountKind.PROFESSIONAL, login=login, display_name="Dr Camille Martin", created_at=NOW)


@pytest.mark.parametrize(
    ("typed", "canonical"),
    [
        ("Camille.Martin@Demo.MSSante.fr", "camille.martin@demo.mssante.fr"),
        (" 2 79 03 51 215 189 89 ", "279035121518989"),
        ("279035121518989@patient.mssante.fr", "279035121518989"),
        ("279035121518989@ailleurs.mssante.fr", "279035121518989@ailleurs.mssante.fr"),
        ("19901 2A 0010135", "199012a0010135"),
        ("", ""),
    ],
)
def test_a_login_has_one_writing(typed: str, canonical: str) -> None:
    domains = {"patient.mssante.fr"}

    found = canonical_login(typed, domains)

    assert found == canonical


def test_an_account_is_found_by_its_login_in_any_writing(database: Database) -> None:
    opened = database.write_now(lambda tx: add_account(tx, new("Camille.Martin@demo.mssante.fr")))

    found = database.read_now(lambda tx: account_by_login(tx, "CAMILLE.martin@DEMO.mssante.fr"))

    assert found == opened == database.read_now(lambda tx: account_by_id(tx, opened.id))
    assert opened.state is AccountState.ACTIVE


def test_nobody_is_found_by_an_unknown_login(database: Database) -> None:
    found = database.read_now(lambda tx: (account_by_login(tx, "x@y.fr"), account_by_id(tx, "0" * 32)))

    assert found == (None, None)


def test_a_login_is_never_given_twice_even_after_closing(database: Database) -> None:
    def close(tx: Transaction) -> Account:
        opened = add_account(tx, new("camille.martin@demo.mssante.fr"))
        set_account_state(tx, opened.id, AccountState.CLOSED)
        return opened

    database.write_now(close)

    with pytest.raises(AlreadyExists) as refusal:
        database.write_now(lambda tx: add_account(tx, new("Camille.Martin@demo.mssante.fr")))
    assert "camille" not in str(refusal.value).lower()
