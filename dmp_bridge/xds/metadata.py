"""The metadata of shared documents as values: DocumentEntry, SubmissionSet, Association (dmp.md §2).

Attributes that a sender may have left out are None or empty: whether that is acceptable is decided by who
files or sends, not here. Times are XDS texts in UTC (`times.py`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from dmp_bridge.xds.identifiers import CX, XCN, XON

APPROVED = "urn:oasis:names:tc:ebxml-regrep:StatusType:Approved"
DEPRECATED = "urn:oasis:names:tc:ebxml-regrep:StatusType:Deprecated"
ARCHIVED = "urn:asip:ci-sis:2010:StatusType:Archived"
DELETED = "urn:asip:ci-sis:2010:StatusType:Deleted"

HAS_MEMBER = "urn:oasis:names:tc:ebxml-regrep:AssociationType:HasMember"
REPLACES = "urn:ihe:iti:2007:AssociationType:RPLC"
TRANSFORMS = "urn:ihe:iti:2007:AssociationType:XFRM"
TRANSFORMS_AND_REPLACES = "urn:ihe:iti:2007:AssociationType:XFRM_RPLC"
SIGNS = "urn:ihe:iti:2007:AssociationType:signs"
UPDATE_AVAILABILITY = "urn:ihe:iti:2010:AssociationType:UpdateAvailabilityStatus"
APPENDS = "urn:ihe:iti:2007:AssociationType:APND"
REPLACING = frozenset({REPLACES, TRANSFORMS_AND_REPLACES})

HL7_CONFIDENTIALITY = "2.16.840.1.113883.5.25"
FRENCH_VISIBILITY = "1.2.250.1.213.1.1.4.13"
MASKED = "MASQUE_PS"
INVISIBLE_PATIENT = "INVISIBLE_PATIENT"
INVISIBLE_REPRESENTATIVES = "INVISIBLE_REPRESENTANTS_LEGAUX"


@dataclass(frozen=True, slots=True)
class Code:
    """A coded value: code, coding scheme (an OID or a name) and the label that people read."""

    code: str
    scheme: str
    display: str = ""


NORMAL = Code("N", HL7_CONFIDENTIALITY, "Normal")
MASKED_FROM_PROFESSIONALS = Code(MASKED, FRENCH_VISIBILITY, "Masqué aux professionnels de santé")
HIDDEN_FROM_PATIENT = Code(INVISIBLE_PATIENT, FRENCH_VISIBILITY, "Non visible par le patient")
HIDDEN_FROM_REPRESENTATIVES = Code(
    INVISIBLE_REPRESENTATIVES, FRENCH_VISIBILITY, "Non visible par les représentants légaux du patient"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Author:
    """Who wrote: one person, or a system, with institutions, roles and specialties."""

    person: XCN | None = None
    institutions: tuple[XON, ...] = ()
    roles: tuple[str, ...] = ()
    specialties: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentEntry:
    """One document of a submission (ITI TF-3 §4.2.3.2, dmp.md §2.2).

    Attributes:
        entry_id: symbolic inside a submission, `urn:uuid:…` once registered.
        hash: SHA-1 of the bytes, 40 hexadecimal digits, letter case as sent.
        source_patient_info: PID lines, such as `PID-7|19790328`; never used to identify.
        uri: name of the file in its folder, XDM only.
        logical_id: constant over metadata versions (`lid`), ITI-57.
    """

    entry_id: str
    unique_id: str
    mime_type: str = "text/xml"
    patient_id: CX | None = None
    source_patient_id: CX | None = None
    source_patient_info: tuple[str, ...] = ()
    hash: str | None = None
    size_bytes: int | None = None
    uri: str | None = None
    title: str = ""
    comments: str = ""
    language: str | None = None
    creation_time: str | None = None
    service_start: str | None = None
    service_stop: str | None = None
    authors: tuple[Author, ...] = ()
    legal_authenticator: XCN | None = None
    class_code: Code | None = None
    type_code: Code | None = None
    format_code: Code | None = None
    facility_type: Code | None = None
    practice_setting: Code | None = None
    confidentiality: tuple[Code, ...] = ()
    event_codes: tuple[Code, ...] = ()
    reference_ids: tuple[str, ...] = ()
    repository_id: str | None = None
    status: str | None = None
    logical_id: str | None = None

    @property
    def object_id(self) -> str:
        """The entryUUID."""
        return self.entry_id

    @property
    def visibility(self) -> frozenset[str]:
        """The French visibility codes that it carries (JDV_J58)."""
        return frozenset(code.code for code in self.confidentiality if code.scheme == FRENCH_VISIBILITY)


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmissionSet:
    """What was sent together, by whom and when (ITI TF-3 §4.2.3.3, dmp.md §2.3)."""

    entry_id: str
    unique_id: str
    source_id: str = ""
    patient_id: CX | None = None
    submission_time: str | None = None
    title: str = ""
    comments: str = ""
    authors: tuple[Author, ...] = ()
    content_type: Code | None = None

    @property
    def object_id(self) -> str:
        """The entryUUID."""
        return self.entry_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """Documents that somebody puts together, a « classeur » (ITI TF-3 §4.2.3.4, dmp.md §2.3).

    Attributes:
        unique_id: empty when the source gives none.
        updated_at: XDS time at which the registry last changed it (lastUpdateTime).
    """

    entry_id: str
    unique_id: str
    patient_id: CX | None = None
    updated_at: str | None = None
    title: str = ""
    comments: str = ""
    codes: tuple[Code, ...] = ()

    @property
    def object_id(self) -> str:
        """The entryUUID."""
        return self.entry_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Association:
    """A link between two objects, by their entry ids; slots such as SubmissionSetStatus."""

    association_id: str
    kind: str
    source: str
    target: str
    slots: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def object_id(self) -> str:
        """Its own id."""
        return self.association_id


Described = DocumentEntry | SubmissionSet | Folder
"""What a source describes: it has an id of its own, a unique id, a patient."""

RegistryObject = DocumentEntry | SubmissionSet | Folder | Association
"""What a registry holds and answers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """One submission set with its documents, folders and associations, in the order sent."""

    submission_set: SubmissionSet
    entries: tuple[DocumentEntry, ...]
    associations: tuple[Association, ...] = ()
    folders: tuple[Folder, ...] = ()


def members(submission: Submission) -> tuple[Association, ...]:
    """Return the HasMember associations that put every document and folder into its submission set."""
    described: tuple[Described, ...] = (*submission.entries, *submission.folders)
    return tuple(
        Association(
            association_id=f"member{place:02d}",
            kind=HAS_MEMBER,
            source=submission.submission_set.entry_id,
            target=entry.entry_id,
            slots={"SubmissionSetStatus": ("Original",)},
        )
        for place, entry in enumerate(described, 1)
    )
