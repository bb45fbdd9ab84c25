"""Templates to answers. Everything is escaped unless `bodies.py` made it safe; a missing value is an error."""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import HTMLResponse

from portal import words
from portal.attachments.kinds import ACCEPT, ACCEPTED_WORDS
from portal.pro.words import act_words
from portal.spaces import PATIENT

STATIC = Path(__file__).parent / "static"


class Templates:
    """The compiled templates with their French helpers."""

    def __init__(self, zone: ZoneInfo) -> None:
        self.zone = zone
        self._environment = Environment(
            loader=PackageLoader("portal"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self._environment.globals.update(
            stylesheet=f"/static/portal.css?v={_fingerprint('portal.css')}",
            accept=ACCEPT,
            accepted_words=ACCEPTED_WORDS,
            count=words.count,
        )
        self._environment.filters.update(
            long_date=lambda moment: words.long_date(moment, zone),
            day=lambda moment: words.day_date(moment, zone),
            month=lambda moment: words.month_date(moment, zone),
            near=lambda moment, now: words.near_date(moment, now, zone),
            iso=_iso,
            size=words.size,
            act_words=act_words,
            plain_date=lambda date: words.plain_date(date.year, date.month, date.day),
        )

    def page(
        self, name: str, *, status: int = 200, headers: Mapping[str, str] | None = None, **values: Any
    ) -> HTMLResponse:
        """Render one template as a page; VALUES are its variables, `viewer` among them when signed in."""
        text = self._environment.get_template(name).render({"viewer": None, "here": "", "space": PATIENT, **values})
        return HTMLResponse(text, status, headers)


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="minutes")


def _fingerprint(name: str) -> str:
    return hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]
