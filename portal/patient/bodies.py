"""The text of a message, safe to show: plain text when there is one, else HTML reduced to its structure.

Mail is written by others. Nothing of it is loaded from elsewhere, runs, or takes the look of the page: the only
HTML that leaves this file went through nh3 with the short list of tags below.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import nh3
from markupsafe import Markup

from mailstore.mime.index import Part

_TAGS = (
    "p br hr div span b strong i em u s sub sup small blockquote pre code ul ol li dl dt dd a "
    "table thead tbody tfoot tr td th caption h1 h2 h3 h4 h5 h6"
)
TAGS = frozenset(_TAGS.split())
ATTRIBUTES = {"a": {"href"}, "td": {"colspan", "rowspan"}, "th": {"colspan", "rowspan", "scope"}}
SCHEMES = {"https", "http", "mailto", "tel"}
LONGEST_CHARACTERS = 500_000
_HEADING = re.compile(r"<(/?)h[1-6]>")
_IMAGE = re.compile(r"<(?:img|svg|picture|object|embed|video|iframe)\b", re.IGNORECASE)
_BLANK = re.compile(r"\n[ \t]*(?:\n[ \t]*){2,}")


@dataclass(frozen=True, slots=True)
class Body:
    """What a message says: `text` or `html` is set, or neither when it has no text at all."""

    text: str | None = None
    html: Markup | None = None
    images_left_out: bool = False


def is_text_part(part: Part) -> bool:
    """Say whether a part is a version of the message's own text, not a file that comes with it."""
    return part.media_type in ("text/plain", "text/html") and part.disposition != "attachment" and part.filename is None


def choose_body(parts: Sequence[Part], read_text: Callable[[str], str]) -> Body:
    """Read the text of a message.

    Args:
        parts: the leaves of the message, in their order, none of an enclosed message.
        read_text: gives the text of a section, its encodings undone.
    """
    texts = [part for part in parts if is_text_part(part)]
    plain = next((part for part in texts if part.media_type == "text/plain"), None)
    if plain is not None:
        text = read_text(plain.section)[:LONGEST_CHARACTERS]
        if text.strip():
            return Body(text=tidy(text))
    rich = next((part for part in texts if part.media_type == "text/html"), None)
    if rich is None:
        return Body()
    return safe_html(read_text(rich.section)[:LONGEST_CHARACTERS])


def tidy(text: str) -> str:
    """Return text with plain line ends, at most one empty line in a row, and no control character."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").expandtabs(4)
    shown = "".join(character for character in lines if character == "\n" or character.isprintable())
    return _BLANK.sub("\n\n", shown).strip()


def safe_html(html: str) -> Body:
    """Reduce HTML to its structure. Headings become bold lines: the page keeps its own outline."""
    clean = nh3.clean(
        html,
        tags=set(TAGS),
        attributes=ATTRIBUTES,
        url_schemes=SCHEMES,
        link_rel="noopener noreferrer nofollow",
        clean_content_tags={"script", "style", "title", "head", "template", "noscript"},
    )
    flat = _HEADING.sub(lambda match: "</strong></p>" if match[1] else "<p><strong>", clean)
    return Body(html=Markup(flat), images_left_out=bool(_IMAGE.search(html))) if clean.strip() else Body()  # noqa: S704 - nh3 made it safe
