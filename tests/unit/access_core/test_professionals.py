"""Professional mailboxes and who belongs to which."""

from datetime import UTC, datetime

import pytest

from access_core.accounts import AccountState, AlreadyExists
from access_core.professionals import (
    MailboxType,
    NewProfessional,
    add_professional,
    addresses_of,
    mailboxes_of,
    professional_by_account,
    professional_by_address,
    professionals,
    set_members,
    set_state,
)
from tests.fictional.people import add_martin, add_service
from vaguemestre.kernel.database import Database
from vaguemestre.kernel.errors import PermanentFailure

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
MARTIN = "camille.martin@demo.mssante.fr"
SERVICE = "cardiologie@ch-demo.mssante.fr"


def test_a_professional_is_found_by_address_and_account(database: Database) -> None:
    martin = database.write_now(lambda tx: add_martin(tx, NOW))

    found = database.read_now(lambda tx: professional_by_address(tx, "Camille.MARTIN@demo.mssante.fr"))

    assert found == martin == database.read_now(lambda tx: professional_by_account(tx, martin.account_id))
    assert (martin.address, martin.type, martin.profession) == (MARTIN, MailboxType.PER, "10")


def test_a_member_may_write_in_the_name_of_her_service(database: Database) -> None:
    martin = database.write_now(lambda tx: add_martin(tx, NOW))
    service = database.write_now(lambda tx: add_service(tx, NOW, MARTIN))

    addresses = database.read_now(lambda tx: addresses_of(tx, martin.account_id))

    assert addresses == {MARTIN, SERVICE}
    assert service.members == (MARTIN,)
    assert database.read_now(lambda tx: mailboxes_of(tx, martin.account_id))[SERVICE] == service.account_id


def test_the_service_does_not_write_in_the_name_of_its_members(database: Database) -> None:
    database.write_now(lambda tx: add_martin(tx, NOW))
    service = database.write_now(lambda tx: add_service(tx, NOW, MARTIN))

    addresses = database.read_now(lambda tx: addresses_of(tx, service.account_id))

    assert addresses == {SERVICE}


def test_who_leaves_a_service_loses_its_address_and_so_does_everyone_when_it_closes(database: Database) -> None:
    martin = database.write_now(lambda tx: add_martin(tx, NOW))
    service = database.write_now(lambda tx: add_service(tx, NOW, MARTIN))

    database.write_now(lambda tx: set_members(tx, service.account_id, ()))
    after_leaving = database.read_now(lambda tx: addresses_of(tx, martin.account_id))
    database.write_now(lambda tx: set_members(tx, service.account_id, [MARTIN]))
    database.write_now(lambda tx: set_state(tx, service.account_id, AccountState.CLOSED))
    after_closing = database.read_now(lambda tx: addresses_of(tx, martin.account_id))

    assert after_leaving == after_closing == {MARTIN}


def test_all_mailboxes_are_listed_by_address_with_their_members(database: Database) -> None:
    database.write_now(lambda tx: add_martin(tx, NOW))
    database.write_now(lambda tx: add_service(tx, NOW, MARTIN))

    listed = database.read_now(professionals)

    assert [(each.address, each.members) for each in listed] == [(MARTIN, ()), (SERVICE, (MARTIN,))]


def test_a_member_without_mailbox_here_is_refused_and_nothing_is_kept(database: Database) -> None:
    with pytest.raises(PermanentFailure, match="member"):
        database.write_now(lambda tx: add_service(tx, NOW, "inconnu@demo.mssante.fr"))

    assert database.read_now(lambda tx: professional_by_address(tx, SERVICE)) is None


def test_a_person_has_no_members(database: Database) -> None:
    martin = database.write_now(lambda tx: add_martin(tx, NOW))

    with pytest.raises(PermanentFailure, match="organisational"):
        database.write_now(lambda tx: set_members(tx, martin.account_id, [MARTIN]))


def test_an_address_is_given_once(database: Database) -> None:
    database.write_now(lambda tx: add_martin(tx, NOW))

    with pytest.raises(AlreadyExists):
        database.write_now(lambda tx: add_martin(tx, NOW))


def test_a_suspended_mailbox_says_so(database: Database) -> None:
    martin = database.write_now(lambda tx: add_martin(tx, NOW))

    database.write_now(lambda tx: set_state(tx, martin.account_id, AccountState.SUSPENDED))

    found = database.read_now(lambda tx: professional_by_address(tx, MARTIN))
    assert found is not None
    assert found.state is AccountState.SUSPENDED


def test_a_practice_mailbox_has_members_too(database: Database) -> None:
    new = NewProfessional(
        address="cabinet@demo.mssante.fr", type=MailboxType.CAB, name="Cabinet", created_at=NOW, members=(MARTIN,)
    )
    database.write_now(lambda tx: add_martin(tx, NOW))

    opened = database.write_now(lambda tx: add_professional(tx, new))

    assert opened.members == (MARTIN,)
