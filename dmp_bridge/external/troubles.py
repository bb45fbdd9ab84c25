"""What can go wrong with the record elsewhere: nothing was done and may be later, or it said no.

Codes are stable and hold no data: those of XDS and SOAP as the other side gave them, ours below. Only what
dmp.md §1.5 lists is tried again; anything else waits for a person.
"""

import re
from collections.abc import Sequence
from enum import StrEnum

from vaguemestre.kernel.errors import PermanentFailure, TemporaryFailure


class Trouble(StrEnum):
    """Why a call is to be tried again; shown by `vaguemestre dmp pending`."""

    UNREACHABLE = "X_DMP_INJOIGNABLE"
    SLOW = "X_DMP_TROP_LENT"
    ANSWER = "X_DMP_REPONSE_ILLISIBLE"
    HTTP = "X_DMP_ERREUR_HTTP"
    BUSY = "X_DMP_OCCUPE"
    TOKEN = "X_DMP_CLE_ABSENTE"  # noqa: S105 - a card, not a password


BUSY_CODES = frozenset(
    {
        "XDSRepositoryBusy",
        "XDSRegistryBusy",
        "XDSRegistryNotAvailable",
        "XDSRepositoryOutOfResources",
        "XDSRegistryOutOfResources",
    }
)
"""Registry errors after which the same submission may pass."""

_CODE = re.compile(r"[A-Za-z0-9_.-]{1,80}")
DUPLICATE = "XDSDuplicateUniqueIdInRegistry"
CLOSED = "DMPClosed"
UNKNOWN = "XDSUnknownPatientId"


class RecordAway(TemporaryFailure):
    """The record elsewhere cannot be reached, or does not answer as it should."""

    def __init__(self, trouble: Trouble) -> None:
        super().__init__(trouble)
        self.trouble = trouble


class RecordRefused(PermanentFailure):
    """The record elsewhere answered no; CODES: its own, the first that tells most, without what is no code."""

    def __init__(self, codes: Sequence[str]) -> None:
        self.codes = tuple(each for each in codes if _CODE.fullmatch(each)) or ("Failure",)
        super().__init__(", ".join(self.codes))


def raise_for(codes: Sequence[str]) -> None:
    """Raise what registry errors mean.

    Raises:
        RecordAway: all of them say that it is busy.
        RecordRefused: otherwise.
    """
    if codes and set(codes) <= BUSY_CODES:
        raise RecordAway(Trouble.BUSY)
    raise RecordRefused(codes)
