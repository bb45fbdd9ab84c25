"""Points in time: CDA (local, with offset) to XDS (UTC, HL7 DTM) and back.

Precision is kept: a day stays a day. `20260115101500+0100` in a CDA is `20260115091500` in XDS
(ITI TF-3 §4.2.3.1.7, CI-SIS; dmp.md §0 fact 10).
"""

import re
from datetime import UTC, datetime, timedelta

_CDA = re.compile(r"(\d{4}(?:\d\d){0,5})(?:\.\d+)?(?:([+-])(\d\d)(\d\d))?", re.ASCII)
_FORMATS = {4: "%Y", 6: "%Y%m", 8: "%Y%m%d", 10: "%Y%m%d%H", 12: "%Y%m%d%H%M", 14: "%Y%m%d%H%M%S"}
DAY_CHARACTERS = 8


def utc_from_cda(text: str) -> str | None:
    """Return the XDS form of a CDA time, of the same precision; None when it is not one.

    A time without an offset is taken as it stands.
    """
    match = _CDA.fullmatch(text)
    if match is None or len(match[1]) not in _FORMATS:
        return None
    pattern = _FORMATS[len(match[1])]
    try:
        moment = datetime.strptime(match[1], pattern).replace(tzinfo=UTC)
        if match[2] and len(match[1]) > DAY_CHARACTERS:
            offset = timedelta(hours=int(match[3]), minutes=int(match[4]))
            moment -= offset if match[2] == "+" else -offset
    except (ValueError, OverflowError):
        return None
    return moment.strftime(pattern).rjust(len(match[1]), "0")


def instant_from_xds(text: str) -> datetime | None:
    """Return the aware instant at which an XDS time of any precision begins; None when it is not one."""
    pattern = _FORMATS.get(len(text))
    if pattern is None or not text.isascii() or not text.isdigit():
        return None
    try:
        return datetime.strptime(text, pattern).replace(tzinfo=UTC)
    except ValueError:
        return None


def xds_from_instant(instant: datetime) -> str:
    """Return an aware instant as an XDS time, to the second."""
    return instant.astimezone(UTC).strftime("%Y%m%d%H%M%S")


def cda_from_instant(instant: datetime) -> str:
    """Return an aware instant as a CDA time with the offset of its own time zone, to the second."""
    return instant.strftime("%Y%m%d%H%M%S%z")[:19]
