"""What a caller sees of a record is decided for each document, from facts that are loaded once."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine

from tests.unit.dmp_bridge.xds_house import House
from vaguemestre.app.demo.fictional_documents import fictional_cda


@contextmanager
def counted_statements() -> Iterator[list[str]]:
    """Note every statement that is sent to a catalogue."""
    sent: list[str] = []

    def note(_connection, _cursor, statement, *_others) -> None:
        sent.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(Engine, "before_cursor_execute", note)


async def statements_of_a_search(house: House) -> list[str]:
    with counted_statements() as sent:
        found = await house.find()
    assert found.outcome == "Success"
    return sent


@pytest.mark.requirement("ITI-18")
async def test_a_search_asks_as_much_of_the_catalogue_for_one_document_as_for_many(house):
    await house.provide(fictional_cda())
    of_one = await statements_of_a_search(house)
    await house.provide(*(fictional_cda(title=f"Document {number}") for number in range(6)))

    of_many = await statements_of_a_search(house)

    assert len(of_many) == len(of_one)


async def test_a_caller_is_looked_up_by_number_not_among_all_mailboxes(house):
    with counted_statements() as sent:
        await house.find()

    lookups = [each for each in sent if "FROM professional" in each and "directory_standing" in each]
    assert lookups
    assert all("WHERE professional.rpps" in each or "WHERE professional.structure" in each for each in lookups)
