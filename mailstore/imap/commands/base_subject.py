"""The subject without what replies and forwards add to it.

Source: RFC 5256 §2.1.
"""

import re

_BLANKS = re.compile(r"[ \t\r\n]+")
# subj-trailer = "(fwd)" / WSP
_TRAILER = re.compile(r"(?:\(fwd\)|[ \t])+\Z", re.IGNORECASE)
# subj-leader = (*subj-blob subj-refwd) / WSP; subj-refwd = ("re" / ("fw" ["d"])) *WSP [subj-blob] ":"
_LEADER = re.compile(r"(?:\[[^\[\]]*\][ \t]*)*(?:re|fwd?)[ \t]*(?:\[[^\[\]]*\][ \t]*)?:|[ \t]+", re.IGNORECASE)
# subj-blob = "[" *BLOBCHAR "]" *WSP
_BLOB = re.compile(r"\[[^\[\]]*\][ \t]*")
_WRAPPED = re.compile(r"\[fwd:(.*)\]\Z", re.IGNORECASE | re.DOTALL)
LONGEST = 1_000


def base_subject(subject: str) -> tuple[str, bool]:
    """Return the base subject in one letter case, and whether anything says reply or forward.

    Args:
        subject: decoded; what follows LONGEST characters is not looked at.
    """
    text, replied = _BLANKS.sub(" ", subject[:LONGEST]), False
    while True:
        before = text
        trimmed = _TRAILER.sub("", text)
        replied, text = replied or "(fwd)" in text[len(trimmed) :].lower(), trimmed
        text, was_reply = _without_leaders(text)
        wrapped = _WRAPPED.match(text)
        text = wrapped[1] if wrapped else text
        replied = replied or was_reply or wrapped is not None
        if text == before:
            return text.casefold(), replied


def _without_leaders(text: str) -> tuple[str, bool]:
    replied = False
    while True:
        leader = _LEADER.match(text)
        if leader is not None:
            replied = replied or leader[0].endswith(":")
            text = text[leader.end() :]
            continue
        blob = _BLOB.match(text)
        if blob is None or blob.end() == len(text):
            return text, replied
        text = text[blob.end() :]
