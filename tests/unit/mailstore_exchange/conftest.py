"""A store for the tests of this folder."""

from collections.abc import Iterator

import pytest

from tests.fictional.carrier import Carrier


@pytest.fixture
def carrier() -> Iterator[Carrier]:
    with Carrier() as made:
        yield made
