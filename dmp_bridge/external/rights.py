"""What the record elsewhere lets us do, by the way in which we authenticate: its rights matrix, known beforehand.

An organisation certificate (INDIRECTE) feeds, looks for references and deletes what its structure filed; it never
reads. AIR (INDIRECTE_RENFORCEE) is the reverse: it reads and manages, and feeds for nobody. A call that would be
refused there is not made. Source: PDT-INF-526 v1.8, PDT-INF-606 v1.3 (dmp.md §0 facts 1 and 2, §1.3).
"""

from enum import StrEnum

from access_core.decision import Decision, Verdict
from access_core.reasons import Reason


class Mode(StrEnum):
    """How a call is authenticated, as a VIHF names it."""

    DIRECT = "DIRECTE"
    ORGANISATION = "INDIRECTE"
    REINFORCED = "INDIRECTE_RENFORCEE"


class Deed(StrEnum):
    """What is asked of the record, by the number of its transaction."""

    EXISTENCE = "TD0.2"
    FEED = "TD2.1"
    SEARCH = "TD3.1"
    REFERENCE = "TD3.1 référence"
    READ = "TD3.2"
    MASK = "TD3.3a"
    SHOW = "TD3.3b"
    DELETE = "TD3.3c"
    ARCHIVE = "TD3.3d"


_RIGHTS = {
    Mode.DIRECT: frozenset(Deed),
    Mode.ORGANISATION: frozenset({Deed.EXISTENCE, Deed.FEED, Deed.REFERENCE, Deed.DELETE}),
    Mode.REINFORCED: frozenset(Deed) - {Deed.FEED},
}
_SOURCES = {
    Mode.DIRECT: ("PDT-INF-526",),
    Mode.ORGANISATION: ("PDT-INF-526", "VGM:DMP-01"),
    Mode.REINFORCED: ("PDT-INF-606", "VGM:DMP-01"),
}


def decide_deed(mode: Mode, deed: Deed) -> Decision:
    """Decide whether a way to authenticate is enough for a transaction. Pure."""
    if deed in _RIGHTS[mode]:
        return Decision(Verdict.PERMIT, Reason.OK, (), _SOURCES[mode])
    return Decision(Verdict.DENY, Reason.A_MOYEN_INSUFFISANT, (), _SOURCES[mode])
