"""The header of a CDA R2 document as values (dmp.md §3.1).

Texts are as in the document, times with their offset; an element with a nullFlavor reads as absent.
"""

from dataclasses import dataclass

from dmp_bridge.xds.identifiers import INS_OIDS
from dmp_bridge.xds.metadata import Code

UNSTRUCTURED_TEMPLATE = "1.3.6.1.4.1.19376.1.2.20"
FRENCH_TEMPLATE = "2.16.840.1.113883.2.8.2.1"
CI_SIS_TEMPLATE = "1.2.250.1.213.1.1.1.1"


@dataclass(frozen=True, slots=True, repr=False)
class InstanceId:
    """An HL7 v3 II: an OID or UUID, and an extension that may be empty."""

    root: str
    extension: str = ""

    @property
    def xds(self) -> str:
        """The XDS form: the root alone, or `root^extension` (ITI TF-3 §4.2.3.2.26)."""
        return f"{self.root}^{self.extension}" if self.extension else self.root

    def __repr__(self) -> str:
        return f"InstanceId({self.root})"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class PatientIdentity:
    """Who the document is about (recordTarget).

    Attributes:
        ids: first the INS when the document has one, then local numbers.
        birth_family: `family[@qualifier='BR']`, else the only family name.
        used_families: the other family names (CL, old SP).
        given: birth given names as listed, without qualifier.
        first_given: `given[@qualifier='BR']`.
        birth_date: YYYYMMDD, possibly shorter.
        birth_place: INSEE COG code of the place of birth.
    """

    ids: tuple[InstanceId, ...] = ()
    birth_family: str | None = None
    used_families: tuple[str, ...] = ()
    given: str | None = None
    first_given: str | None = None
    sex: str | None = None
    birth_date: str | None = None
    birth_place: str | None = None

    @property
    def ins(self) -> InstanceId | None:
        """The first identifier under an INS OID."""
        return next((each for each in self.ids if each.root in INS_OIDS), None)

    def __repr__(self) -> str:
        return "PatientIdentity(…)"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Organization:
    """A structure: Struct_IdNat and name; standardIndustryClassCode for a performer's."""

    identifier: InstanceId | None = None
    name: str = ""
    industry: Code | None = None

    def __repr__(self) -> str:
        return "Organization(…)"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Person:
    """An author, authenticator or performer: a person, a device, or the patient."""

    identifier: InstanceId | None = None
    family: str = ""
    given: str = ""
    specialty: Code | None = None
    role: str = ""
    organization: Organization | None = None
    is_device: bool = False
    time: str | None = None

    def __repr__(self) -> str:
        return "Person(…)"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceEvent:
    """An act that the document reports (documentationOf)."""

    code: Code | None = None
    start: str | None = None
    stop: str | None = None
    performer: Person | None = None


@dataclass(frozen=True, slots=True)
class RelatedDocument:
    """A link to a former document: RPLC, XFRM or APND."""

    kind: str
    parents: tuple[InstanceId, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Encounter:
    """The stay or visit (componentOf)."""

    start: str | None = None
    stop: str | None = None
    facility: Code | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CDADocument:
    """A document's header, and what its body is made of.

    Attributes:
        effective_time: as written, with offset.
        recipients: to whom it is addressed (informationRecipient).
        body_media_type: media type of a level 1 body; None when the body is structured (level 3).
        self_presenting: the document was wrapped in its own style sheet or in a signature.
    """

    id: InstanceId
    code: Code
    title: str
    effective_time: str
    patient: PatientIdentity
    set_id: InstanceId | None = None
    version: int | None = None
    confidentiality: Code | None = None
    language: str | None = None
    templates: tuple[str, ...] = ()
    authors: tuple[Person, ...] = ()
    custodian: Organization | None = None
    recipients: tuple[Person, ...] = ()
    legal_authenticator: Person | None = None
    service_events: tuple[ServiceEvent, ...] = ()
    related: tuple[RelatedDocument, ...] = ()
    encounter: Encounter | None = None
    orders: tuple[InstanceId, ...] = ()
    body_media_type: str | None = None
    self_presenting: bool = False

    @property
    def is_level_1(self) -> bool:
        """Whether the body is a file (PDF, image, text) rather than sections."""
        return self.body_media_type is not None

    @property
    def main_event(self) -> ServiceEvent | None:
        """The first act whose performer's structure has a practice setting, else the first act."""
        described = (event for event in self.service_events if event.performer and _setting_of(event))
        return next(described, self.service_events[0] if self.service_events else None)

    @property
    def practice_setting(self) -> Code | None:
        """The practice setting of the main act (JDV_J04)."""
        return _setting_of(self.main_event) if self.main_event else None

    @property
    def replaced(self) -> tuple[InstanceId, ...]:
        """The documents that this one replaces, as it says."""
        return tuple(parent for link in self.related if link.kind == "RPLC" for parent in link.parents)


def _setting_of(event: ServiceEvent) -> Code | None:
    organization = event.performer.organization if event.performer else None
    return organization.industry if organization else None
