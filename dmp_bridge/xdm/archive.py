"""What an XDM archive holds, as values: lots (one submission set each) and their documents."""

from dataclasses import dataclass

from dmp_bridge.refusals import Refusal
from dmp_bridge.xdm.limits import Quirk
from dmp_bridge.xds.metadata import DocumentEntry, Submission


@dataclass(frozen=True, slots=True, kw_only=True)
class XDMDocument:
    """One document of a lot: its metadata, and its bytes or the reason why they cannot be used."""

    entry: DocumentEntry
    content: bytes = b""
    refusal: Refusal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class XDMLot:
    """One folder below IHE_XDM: one METADATA.XML, one submission set."""

    folder: str
    submission: Submission
    documents: tuple[XDMDocument, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class XDMArchive:
    """The lots of an archive in the order of their folders' names, and the irregularities that were met."""

    lots: tuple[XDMLot, ...]
    quirks: frozenset[Quirk] = frozenset()

    @property
    def documents(self) -> tuple[XDMDocument, ...]:
        """All documents, lot after lot."""
        return tuple(document for lot in self.lots for document in lot.documents)
