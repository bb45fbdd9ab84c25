"""When a recipient is tried again, reported, given up."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtp_gateway.config import RelaySettings
from smtp_gateway.queue.model import Answer, EntryState, Trouble, Waiting
from smtp_gateway.queue.peer import read_reply
from smtp_gateway.queue.routes import Hop, parse_hop
from smtp_gateway.queue.schedule import Action, Occasion, pause, rule

START = datetime(2026, 11, 23, tzinfo=UTC)
SETTINGS = RelaySettings()


def waiting(**changed: object) -> Waiting:
    facts = {"attempts": 1, "notify": None, "orcpt": None, "delay_reported": False}
    expires_at = START + timedelta(seconds=SETTINGS.lifetime_s)
    return Waiting(id="1", recipient="a@b", expires_at=expires_at, **(facts | changed))  # type: ignore[arg-type]


@given(st.integers(1, 100), st.floats(0, 1))
def test_pause_stays_within_its_bounds(attempts: int, chance: float) -> None:
    seconds = pause(attempts, SETTINGS, chance).total_seconds()

    assert 0.79 * SETTINGS.retry_first_s <= seconds <= 1.21 * SETTINGS.retry_longest_s


@given(st.floats(0, 6 * 86_400), st.integers(1, 50), st.floats(0, 1))
def test_recipient_never_waits_past_its_end(age_s: float, attempts: int, chance: float) -> None:
    one, now = waiting(attempts=attempts), START + timedelta(seconds=age_s)

    ruling = rule(one, Answer(status="4.4.1"), START, SETTINGS, Occasion(now, chance))

    assert (ruling.state is EntryState.EXPIRED) == (now >= one.expires_at)
    assert ruling.due_at <= max(one.expires_at, now)


@pytest.mark.parametrize(
    ("hours", "notify", "told_before", "report"),
    [
        (3, None, False, None),
        (4, None, False, Action.DELAYED),
        (5, None, True, None),
        (5, "FAILURE", False, None),
        (5, "DELAY", False, Action.DELAYED),
        (120, None, True, Action.FAILED),
        (120, "DELAY", True, None),
    ],
)
def test_sender_is_told_of_delays(hours: int, notify: str | None, told_before: bool, report: Action | None) -> None:
    one = waiting(notify=notify, delay_reported=told_before)

    ruling = rule(one, Answer(status="4.4.1"), START, SETTINGS, Occasion(START + timedelta(hours=hours), 0.5))

    assert ruling.report is report


@pytest.mark.parametrize(
    ("code", "text", "status", "trouble"),
    [
        (550, "5.1.1 unknown", "5.1.1", Trouble.UNKNOWN_RECIPIENT),
        (552, "5.2.2 full", "5.2.2", Trouble.FULL),
        (452, "4.2.2 full", "4.2.2", Trouble.FULL),
        (552, "5.3.4 big", "5.3.4", Trouble.TOO_LARGE),
        (554, "no", "5.0.0", Trouble.REFUSED),
        (550, "4.1.1 contradicts", "5.0.0", Trouble.REFUSED),
        (421, "4.3.2 later", "4.3.2", Trouble.POSTPONED),
        (354, "what", "4.0.0", Trouble.POSTPONED),
        (-1, "garbage", "4.0.0", Trouble.POSTPONED),
    ],
)
def test_replies_of_peers_are_read_with_care(code: int, text: str, status: str, trouble: Trouble) -> None:
    answer = read_reply(code, text)

    assert (answer.status, answer.trouble) == (status, trouble)


@pytest.mark.parametrize(
    ("text", "hop"),
    [
        ("127.0.0.1:4027", Hop("127.0.0.1", 4027)),
        ("mx.peer.test", Hop("mx.peer.test", 25)),
        ("[::1]:2525", Hop("::1", 2525)),
    ],
)
def test_static_routes_are_read(text: str, hop: Hop) -> None:
    assert parse_hop(text) == hop
