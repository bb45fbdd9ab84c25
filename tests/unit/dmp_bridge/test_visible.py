"""What a caller sees of a record is decided for each document, from facts that are loaded once."""

from collections.abc import Iterator

import pytest
from sqlalchemy import event
from sqlalchemy.pool import Pool

from tests.unit.dmp_bridge.xds_house import House
from vaguemestre.app.demo.fictional_documents import fictional_cda


@pytest.fixture
def sent() -> Iterator[list[str]]:
    """Every statement that reaches SQLite from now on, by connections that are made from now on."""
    statements: list[str] = []

    def follow(connection, _record) -> None:
        connection.set_trace_callback(statements.append)

    event.listen(Pool, "connect", follow)
    yield statements
    event.remove(Pool, "connect", follow)


async def statements_of_a_search(house: House, sent: list[str]) -> list[str]:
    before = len(sent)
    found = await house.find()
    assert found.outcome == "Success"
    return sent[before:]


@pytest.mark.requirement("ITI-18")
async def test_a_search_asks_as_much_of_the_catalogue_for_one_document_as_for_many(sent, house):
    await house.provide(fictional_cda())
    of_one = await statements_of_a_search(house, sent)
    await house.provide(*(fictional_cda(title=f"Document {number}") for number in range(6)))

    of_many = await statements_of_a_search(house, sent)

    assert len(of_many) == len(of_one)


async def test_a_caller_is_looked_up_by_number_not_among_all_mailboxes(sent, house):
    statements = await statements_of_a_search(house, sent)

    lookups = [each for each in statements if "FROM professional" in each and "directory_standing" in each]
    assert lookups
    assert all("WHERE professional.rpps" in each or "WHERE professional.structure" in each for each in lookups)
