"""Bodies of requests are held within a budget that all requests share; nobody waits for who dribbles."""

import asyncio
from collections.abc import Sequence

import pytest

from dmp_bridge.services.bodies import BodyBudget
from tests.unit.dmp_bridge.xds_house import House
from vaguemestre.app.demo.fictional_documents import fictional_cda
from vaguemestre.kernel.errors import TemporaryFailure


def receiving(chunks: Sequence[bytes]):
    left = [{"type": "http.request", "body": each, "more_body": True} for each in chunks]
    left.append({"type": "http.request", "body": b"", "more_body": False})

    async def receive():
        return left.pop(0)

    return receive


async def test_a_body_is_joined_and_its_share_given_back():
    budget = BodyBudget(10, 10)

    for _ in range(3):
        async with budget.body(receiving([b"abc", b"defg"])) as body:
            assert body == b"abcdefg"


async def test_a_body_too_long_is_none_and_holds_no_more_than_the_limit():
    async with BodyBudget(5, 5).body(receiving([b"abc", b"def", b"ghi"])) as body:
        assert body is None


async def test_what_exceeds_the_budget_of_all_is_put_off():
    budget = BodyBudget(10, 12)

    async with budget.body(receiving([b"x" * 8])):
        with pytest.raises(TemporaryFailure):
            async with budget.body(receiving([b"y" * 8])):
                pass
    async with budget.body(receiving([b"y" * 8])) as body:
        assert body == b"y" * 8


async def test_a_caller_who_goes_away_gives_his_share_back():
    budget = BodyBudget(10, 10)
    messages = [{"type": "http.request", "body": b"x" * 8, "more_body": True}, {"type": "http.disconnect"}]

    async def receive():
        return messages.pop(0)

    with pytest.raises(ConnectionAbortedError):
        async with budget.body(receive):
            pass
    async with budget.body(receiving([b"y" * 8])) as body:
        assert body == b"y" * 8


async def test_callers_who_dribble_hold_up_nobody(house: House):
    never = asyncio.Event()

    async def dribble():
        await never.wait()

    async def drop(_message) -> None:
        """Nobody reads the answer."""

    scope = {"type": "http", "method": "POST", "path": "/registry", "headers": []}
    slow = [asyncio.create_task(house.endpoint(scope, dribble, drop)) for _ in range(20)]
    await house.provide(fictional_cda())
    answered: list[dict[str, object]] = []

    async def note(message) -> None:
        answered.append(message)

    await house.endpoint(scope, receiving([b"<x/>"]), note)

    assert [each["type"] for each in answered] == ["http.response.start", "http.response.body"]
    for task in slow:
        task.cancel()
    await asyncio.gather(*slow, return_exceptions=True)
