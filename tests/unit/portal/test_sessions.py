"""Sessions: limits of time, what the table holds, whose session can be ended by whom."""

from datetime import timedelta
from functools import partial

import pytest

from portal.config import PortalSettings
from portal.sessions import (
    CODE_ATTEMPTS,
    SessionLimits,
    Stage,
    close_other_sessions,
    close_session,
    count_failure,
    find_session,
    fresh_session,
    new_token,
    sessions_of,
    start_session,
    touch_session,
)
from portal.tables import portal_session

LIMITS = SessionLimits.of(PortalSettings())
MINUTE = timedelta(minutes=1)


def started(database, clock, stage=Stage.OPEN, account="a" * 32):
    token = new_token()
    session = fresh_session(account, stage, "Firefox sur Linux", clock.now())
    database.write_now(partial(start_session, token=token, session=session, limits=LIMITS))
    return token, session


def found(database, clock, token):
    return database.read_now(partial(find_session, token=token, now=clock.now(), limits=LIMITS))


def test_a_session_is_found_by_its_cookie_only(database, clock):
    token, session = started(database, clock)

    assert found(database, clock, token) == session
    assert found(database, clock, new_token()) is None


def test_the_table_does_not_hold_the_cookie(database, clock):
    token, _ = started(database, clock)

    row = database.read_now(lambda tx: tx.execute(portal_session.select()).one())

    assert all(token.encode() not in (value if isinstance(value, bytes) else str(value).encode()) for value in row)


@pytest.mark.parametrize(("idle", "there"), [(30, True), (31, False)])
def test_a_session_ends_when_it_is_not_used(database, clock, idle, there):
    token, _ = started(database, clock)

    clock.advance(idle * MINUTE)

    assert (found(database, clock, token) is not None) is there


def test_a_session_that_is_used_still_ends(database, clock):
    token, session = started(database, clock)

    for _ in range(8):
        clock.advance(30 * MINUTE)
        database.write_now(partial(touch_session, session=session, now=clock.now()))
    at_the_limit = found(database, clock, token)
    clock.advance(MINUTE)

    assert at_the_limit is not None
    assert found(database, clock, token) is None


def test_a_code_is_awaited_five_minutes(database, clock):
    token, _ = started(database, clock, Stage.CODE)

    clock.advance(5 * MINUTE)
    in_time = found(database, clock, token)
    clock.advance(MINUTE)

    assert in_time is not None
    assert found(database, clock, token) is None


def test_wrong_codes_end_the_session(database, clock):
    token, session = started(database, clock, Stage.CODE)

    for _ in range(CODE_ATTEMPTS):
        database.write_now(partial(count_failure, session=session))

    assert found(database, clock, token) is None


def test_one_ends_ones_own_sessions_only(database, clock):
    mine, session = started(database, clock)
    other, other_session = started(database, clock)
    stranger, strange_session = started(database, clock, account="b" * 32)

    database.write_now(partial(close_session, account_id=session.account_id, session_id=strange_session.id))
    database.write_now(partial(close_session, account_id=session.account_id, session_id=other_session.id))

    assert found(database, clock, mine) is not None
    assert found(database, clock, other) is None
    assert found(database, clock, stranger) is not None


def test_other_sessions_end_together(database, clock):
    mine, session = started(database, clock)
    started(database, clock)
    waiting, _ = started(database, clock, Stage.CODE)

    database.write_now(partial(close_other_sessions, account_id=session.account_id, session_id=session.id))
    listed = database.read_now(partial(sessions_of, account_id=session.account_id, now=clock.now(), limits=LIMITS))

    assert [each.id for each in listed] == [session.id]
    assert found(database, clock, mine) is not None
    assert found(database, clock, waiting) is None


def test_what_ended_by_time_is_removed_at_the_next_sign_in(database, clock):
    started(database, clock)
    clock.advance(LIMITS.lifetime + MINUTE)

    _, last = started(database, clock, account="c" * 32)

    rows = database.read_now(lambda tx: tx.execute(portal_session.select()).all())
    assert [row.id for row in rows] == [last.id]
