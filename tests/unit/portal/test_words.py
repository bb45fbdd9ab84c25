"""French words of dates, sizes, counts and devices."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from portal import words

PARIS = ZoneInfo("Europe/Paris")


def test_long_date_reads_as_people_say_it():
    moment = datetime(2026, 12, 1, 8, 30, tzinfo=UTC)

    text = words.long_date(moment, PARIS).replace(words.HARD, " ")

    assert text == "mardi 1er décembre 2026 à 9 h 30"


def test_the_day_is_that_of_the_reader():
    moment = datetime(2026, 7, 13, 22, 30, tzinfo=UTC)

    assert words.day_date(moment, PARIS).replace(words.HARD, " ") == "14 juillet 2026"
    assert words.month_date(moment, PARIS) == "juillet 2026"


@pytest.mark.parametrize(
    ("day", "text"),
    [(23, "aujourd'hui à 9 h"), (22, "hier à 9 h"), (21, "21 novembre 2026")],
)
def test_near_dates(day, text):
    now = datetime(2026, 11, 23, 18, 0, tzinfo=UTC)

    shown = words.near_date(datetime(2026, 11, day, 8, 0, tzinfo=UTC), now, PARIS)

    assert shown.replace(words.HARD, " ") == text


@pytest.mark.parametrize(
    ("size_bytes", "text"),
    [(0, "0 octet"), (2, "2 octets"), (340_400, "340 Ko"), (1_240_000, "1,2 Mo"), (25_000_000, "25 Mo")],
)
def test_sizes(size_bytes, text):
    assert words.size(size_bytes).replace(words.HARD, " ") == text


def test_zero_is_singular():
    assert [words.count(number, "message", "messages")[-8:].strip(words.HARD) for number in (0, 1, 2)] == [
        "message",
        "message",
        "messages",
    ]


def test_a_device_is_named_from_a_closed_list():
    phone = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605 Version/18.0 Mobile Safari/604.1"

    assert words.device(phone) == "Safari sur iPhone"
    assert words.device("<script>") == "Autre programme"


def test_matricule_is_grouped_as_on_the_card():
    assert words.ins_groups("279035121518989").replace(words.HARD, " ") == "2 79 03 51 215 189 89"
