"""The professional directory as the engine needs it: is this RPPS known, is its holder active, what does she do.

`ProfessionalDirectory` is what the national service fits: `ExtractDirectory` answers from the extraction loaded into
the catalogue, `FhirDirectory` asks the service. Decisions never wait for either: they read the standing that was
last found (`standings`).
"""

from dataclasses import dataclass
from typing import Protocol

from access_core.facts import Directory
from access_core.identifiers import RPPS


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """One place where a professional exercises; codes are empty when the directory gives none.

    `profession` is of TRE_G15, `mode` L, S or B, `sector` of TRE_R02; `structure` an identifier of the site.
    """

    profession: str = ""
    skill: str = ""
    mode: str = ""
    sector: str = ""
    structure: str = ""
    structure_name: str = ""

    @property
    def is_exercised(self) -> bool:
        """Whether the line tells of a present exercise, and not only of a right to exercise."""
        return bool(self.mode or self.structure)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class DirectoryEntry:
    """What a directory says of one professional; `mailboxes` are her published MSSanté addresses."""

    rpps: RPPS
    family: str
    given: str
    active: bool
    activities: tuple[Activity, ...] = ()
    mailboxes: tuple[str, ...] = ()

    @property
    def state(self) -> Directory:
        """The fact `annuaire`."""
        return Directory.ACTIF if self.active else Directory.INACTIF


class ProfessionalDirectory(Protocol):
    """Where professionals are looked up."""

    def find(self, rpps: RPPS) -> DirectoryEntry | None:
        """Return what is known of a professional; None when the number is not known.

        Raises:
            TemporaryFailure: the directory cannot be asked now.
        """
