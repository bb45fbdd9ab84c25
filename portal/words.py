"""Dates, sizes and counts as a French reader says them. No other file formats one."""

from datetime import datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

DAYS = ("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche")
MONTHS = (
    "janvier",
    "février",
    "mars",
    "avril",
    "mai",
    "juin",
    "juillet",
    "août",
    "septembre",
    "octobre",
    "novembre",
    "décembre",
)
NARROW = "\u202f"
HARD = "\u00a0"


def _day_of_month(day: int) -> str:
    return "1er" if day == 1 else str(day)


def hour(moment: datetime) -> str:
    """Return « 9 h 30 », « 9 h » on the hour."""
    return f"{moment.hour}{HARD}h" + (f"{HARD}{moment.minute:02d}" if moment.minute else "")


def plain_date(year: int, month: int, day: int) -> str:
    """Return « 1er décembre 2026 »."""
    return f"{_day_of_month(day)}{HARD}{MONTHS[month - 1]} {year}"


def long_date(moment: datetime, zone: ZoneInfo) -> str:
    """Return « mardi 1er décembre 2026 à 9 h 30 », in the reader's time zone."""
    local = moment.astimezone(zone)
    return f"{DAYS[local.weekday()]} {plain_date(local.year, local.month, local.day)} à {hour(local)}"


def day_date(moment: datetime, zone: ZoneInfo) -> str:
    """Return « 1er décembre 2026 », in the reader's time zone."""
    local = moment.astimezone(zone)
    return plain_date(local.year, local.month, local.day)


def month_date(moment: datetime, zone: ZoneInfo) -> str:
    """Return « décembre 2026 », in the reader's time zone."""
    local = moment.astimezone(zone)
    return f"{MONTHS[local.month - 1]} {local.year}"


def near_date(moment: datetime, now: datetime, zone: ZoneInfo) -> str:
    """Return « aujourd'hui à 9 h 30 », « hier à 9 h 30 », else the date without the hour."""
    local, today = moment.astimezone(zone), now.astimezone(zone).date()
    days = (today - local.date()).days
    if days == 0:
        return f"aujourd'hui à {hour(local)}"
    if days == 1:
        return f"hier à {hour(local)}"
    return plain_date(local.year, local.month, local.day)


def size(size_bytes: int) -> str:
    """Return « 1,2 Mo », « 340 Ko », « 12 octets » (decimal units, as telephones show them)."""
    if size_bytes < 1_000:
        return f"{size_bytes}{HARD}octet{'s' if size_bytes > 1 else ''}"
    if size_bytes < 1_000_000:
        return f"{round(size_bytes / 1_000)}{HARD}Ko"
    return f"{size_bytes / 1_000_000:.1f}".replace(".", ",").removesuffix(",0") + f"{HARD}Mo"


def count(number: int, one: str, many: str) -> str:
    """Return « 1 message », « 2 messages »; zero is singular in French."""
    return f"{number}{HARD}{one if number < 2 else many}"


def ins_groups(value: str) -> str:
    """Return « 2 79 03 51 215 189 89 »: a matricule and its key in the groups of the card."""
    ends = (0, 1, 3, 5, 7, 10, 13, 15)
    return HARD.join(value[start:end] for start, end in pairwise(ends))


def device(user_agent: str) -> str:
    """Name a browser and its system in a few words, from a closed list so that nothing else is kept."""
    browser = next((name for mark, name in _BROWSERS if mark in user_agent), "Autre programme")
    system = next((name for mark, name in _SYSTEMS if mark in user_agent), "")
    return f"{browser} sur {system}" if system else browser


_BROWSERS = (
    ("Edg/", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
_SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS X", "Mac"),
    ("Linux", "Linux"),
)
