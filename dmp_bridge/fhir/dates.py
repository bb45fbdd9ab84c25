"""Points in time: HL7 DTM of XDS (UTC, any precision) and dateTime of FHIR (a day, or seconds with an offset).

Source: https://hl7.org/fhir/R4/datatypes.html#dateTime; ITI TF-3 §4.2.3.1.7
"""

import re
from datetime import UTC, datetime

_DATE_TIME = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d))?)?)?", re.ASCII
)
_SECONDS = "%Y%m%d%H%M%S"


def date_time_of(dtm: str) -> str | None:
    """Write an XDS time; hours and minutes alone are given their seconds. None when it is not a time."""
    if not dtm.isascii() or not dtm.isdigit() or len(dtm) not in (4, 6, 8, 10, 12, 14):
        return None
    day = "-".join(part for part in (dtm[:4], dtm[4:6], dtm[6:8]) if part)
    if len(dtm) <= 8:
        return day
    clock = dtm[8:].ljust(6, "0")
    return f"{day}T{clock[:2]}:{clock[2:4]}:{clock[4:6]}Z"


def dtm_of(date_time: str) -> str | None:
    """Read a dateTime as an XDS time in UTC; None when it is not one."""
    found = _DATE_TIME.fullmatch(date_time)
    if found is None:
        return None
    year, month, day, hour = found.group(1, 2, 3, 4)
    try:
        if hour is None:
            datetime(int(year), int(month or 1), int(day or 1), tzinfo=UTC)
            return f"{year}{month or ''}{day or ''}"
        moment = datetime.fromisoformat(date_time).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return moment.strftime(_SECONDS).rjust(14, "0")


def instant_text(moment: datetime) -> str:
    """Write an aware instant."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
