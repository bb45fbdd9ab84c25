"""The colours of the stylesheet: enough contrast in both themes. Source: WCAG 2.2 §1.4.3, §1.4.11."""

import re

import pytest

from portal.rendering import STATIC

SHEET = (STATIC / "portal.css").read_text()
TEXT = [
    *((ink, paper) for ink in ("ink", "ink-soft", "accent", "accent-strong") for paper in ("paper", "card")),
    *(("on-accent", "accent"), ("on-accent", "accent-strong"), ("on-tint", "tint")),
    *(("on-warn", "warn"), ("on-bad", "bad"), ("on-good", "good"), ("on-bad", "paper"), ("on-bad", "card")),
]
CONTROLS = [(line, paper) for line in ("field", "accent", "focus") for paper in ("paper", "card", "tint")]


def theme(start: str) -> dict[str, str]:
    block = SHEET[SHEET.index(start) :]
    block = block[block.index(":root {") : block.index("}")]
    return dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", block))


LIGHT = theme(":root {")
DARK = LIGHT | theme("@media (prefers-color-scheme: dark)")


def luminance(colour: str) -> float:
    channels = (int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5))
    red, green, blue = (each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("tokens", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize(("ink", "paper"), TEXT)
def test_text_can_be_read(tokens, ink, paper):
    assert contrast(tokens[ink], tokens[paper]) >= 4.5


@pytest.mark.parametrize("tokens", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize(("line", "paper"), CONTROLS)
def test_controls_and_focus_can_be_seen(tokens, line, paper):
    assert contrast(tokens[line], tokens[paper]) >= 3


def test_the_sheet_is_small_and_loads_nothing():
    assert len(SHEET.encode()) < 16_000
    assert "url(" not in SHEET
    assert "@import" not in SHEET
