"""What a reader of archives allows: hard limits, and the irregularities of real senders by name.

Every tolerance is a `Quirk`; none is on unless the caller's rules name it. The limits hold whatever the quirks.
"""

from dataclasses import dataclass
from enum import StrEnum


class Quirk(StrEnum):
    """An irregularity of real archives that a receiver may tolerate (dmp.md §4.1)."""

    NAME_CASE = "name_case"
    """`index.htm`, `METADATA.xml`, or a URI that differs from the file name by letter case only."""
    UPPER_CASE_HASH = "upper_case_hash"
    """SHA-1 written with the digits A to F in upper case."""
    ESCAPED_IDENTIFIER = "escaped_identifier"
    """A patient identifier escaped once too often: `&amp;amp;` in the file."""
    FOREIGN_FILES = "foreign_files"
    """Files of a desktop: `__MACOSX/`, `.DS_Store`, `.svn/`; they are not read."""
    SECOND_TREE = "second_tree"
    """Another IHE_XDM folder below the top of the archive; it is not read."""
    README_MISSING = "readme_missing"
    """No README.TXT or no INDEX.HTM at the top."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReaderRules:
    """Limits of one reading.

    Attributes:
        max_archive_bytes: of the zip as received.
        max_total_bytes: of all entries together once unpacked, as declared and as read.
        max_ratio: unpacked to packed bytes, for an entry of more than `ratio_from_bytes`.
        max_depth: folders above a file.
    """

    max_archive_bytes: int = 32 * 1024 * 1024
    max_total_bytes: int = 100 * 1024 * 1024
    max_document_bytes: int = 25 * 1024 * 1024
    max_metadata_bytes: int = 2 * 1024 * 1024
    max_entries: int = 200
    max_depth: int = 8
    max_name_characters: int = 255
    max_ratio: int = 100
    ratio_from_bytes: int = 1024 * 1024
    quirks: frozenset[Quirk] = frozenset()


STRICT = ReaderRules()
TOLERANT = ReaderRules(quirks=frozenset(Quirk))
