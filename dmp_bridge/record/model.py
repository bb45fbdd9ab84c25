"""Documents as the record knows them: XDS metadata, availability, visibility, who filed them."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from dmp_bridge.xds.metadata import APPROVED, ARCHIVED, DELETED, DEPRECATED, DocumentEntry, SubmissionSet
from dmp_bridge.xds.times import instant_from_xds


class Availability(StrEnum):
    """Life of an entry (JDV_J52); `urn` is its name in XDS."""

    APPROVED = "approved"
    DEPRECATED = "deprecated"
    ARCHIVED = "archived"
    DELETED = "deleted"

    @property
    def urn(self) -> str:
        """The status URN of the XDS registry."""
        return _URNS[self]


_URNS = {
    Availability.APPROVED: APPROVED,
    Availability.DEPRECATED: DEPRECATED,
    Availability.ARCHIVED: ARCHIVED,
    Availability.DELETED: DELETED,
}


class Origin(StrEnum):
    """Who a document comes from; the values of the engine's fact `origine`."""

    PRO = "pro"
    PATIENT = "patient"
    ASSURANCE = "assurance"
    SYSTEME = "systeme"


@dataclass(frozen=True, slots=True, kw_only=True)
class Filing:
    """Where an entry comes from.

    Attributes:
        filed_by: account id, None for a sender elsewhere.
        label: name and address of who filed it, as the patient reads it.
        message_id: of the message that carried it, None when filed directly.
    """

    filed_at: datetime
    label: str
    filed_by: str | None = None
    message_id: str | None = None
    origin: Origin = Origin.PRO


class MaskSetter(StrEnum):
    """Who masked a document: its holder, its author, or her masking by default, which takes its masks back."""

    HOLDER = "titulaire"
    AUTHOR = "auteur"
    DEFAULT = "defaut"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedDocument:
    """One entry of the record.

    Attributes:
        entry: its XDS metadata; `entry.entry_id` is its entryUUID, visibility is in `entry.confidentiality`.
        version: of the metadata, from 1; `cda_version` is that of the document.
        masked_by: who set the mask, None when not masked.
        warnings: what was tolerated when it was filed, as codes.
    """

    id: str
    profile_id: str
    mailbox_id: str
    content_id: str
    submission_set_id: str
    entry: DocumentEntry
    availability: Availability
    filing: Filing
    version: int = 1
    set_id: str | None = None
    cda_version: int | None = None
    masked_by: MaskSetter | None = None
    masked: bool = False
    invisible_patient: bool = False
    invisible_representatives: bool = False
    warnings: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """The title that its author gave."""
        return self.entry.title

    @property
    def type_label(self) -> str:
        """The kind of document in French; the code when there is no label."""
        code = self.entry.type_code
        return "" if code is None else code.display or code.code

    @property
    def created_at(self) -> datetime | None:
        """When it was written, aware, UTC."""
        return instant_from_xds(self.entry.creation_time or "")

    @property
    def author_name(self) -> str:
        """Given name and family name of the first author; her institution when she has no name."""
        for author in self.entry.authors:
            if author.person is not None and author.person.family:
                return f"{author.person.given} {author.person.family}".strip()
            if author.institutions:
                return author.institutions[0].name
        return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedSet:
    """One submission set of the record."""

    id: str
    profile_id: str
    submission_set: SubmissionSet
    filing: Filing
