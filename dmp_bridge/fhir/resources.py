"""The resources of MHD and PDSm (FHIR R4), read from and written to JSON.

Source: IHE MHD 4.2.3; ANS PDSm 3.1 (Partage de documents de santé en mobilité); https://hl7.org/fhir/R4
"""

import re
from typing import TypeVar

import msgspec

from dmp_bridge.fhir.elements import (
    Annotation,
    Attachment,
    CodeableConcept,
    Coding,
    Extension,
    HumanName,
    Identifier,
    Meta,
    Period,
    Reference,
)
from dmp_bridge.fhir.problems import FhirProblem, IssueType
from dmp_bridge.refusals import Refusal

MEDIA_TYPE = "application/fhir+json"
_PLACE = re.compile(r"at `\$\.?(.*)`$")


class Resource(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel", tag_field="resourceType"):
    """What every resource may carry."""

    id: str | None = None
    meta: Meta | None = None
    implicit_rules: str | None = None
    extension: tuple[Extension, ...] = ()
    modifier_extension: tuple[Extension, ...] = ()


class Patient(Resource, frozen=True, kw_only=True, tag="Patient"):
    """A patient by her identifiers; traits as the source knows them."""

    identifier: tuple[Identifier, ...] = ()
    name: tuple[HumanName, ...] = ()
    gender: str | None = None
    birth_date: str | None = None


class Practitioner(Resource, frozen=True, kw_only=True, tag="Practitioner"):
    """A professional."""

    identifier: tuple[Identifier, ...] = ()
    name: tuple[HumanName, ...] = ()


class PractitionerRole(Resource, frozen=True, kw_only=True, tag="PractitionerRole"):
    """A professional in a structure."""

    identifier: tuple[Identifier, ...] = ()
    practitioner: Reference | None = None
    organization: Reference | None = None
    code: tuple[CodeableConcept, ...] = ()
    specialty: tuple[CodeableConcept, ...] = ()


class Organization(Resource, frozen=True, kw_only=True, tag="Organization"):
    """A structure."""

    identifier: tuple[Identifier, ...] = ()
    name: str | None = None


class DeviceName(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A name of a device."""

    name: str
    type: str = "user-friendly-name"


class Device(Resource, frozen=True, kw_only=True, tag="Device"):
    """A system that writes documents."""

    identifier: tuple[Identifier, ...] = ()
    device_name: tuple[DeviceName, ...] = ()
    model_number: str | None = None
    owner: Reference | None = None


Party = Patient | Practitioner | PractitionerRole | Organization | Device
"""Who a document is about or from; contained in it, or beside it in a bundle."""


class Content(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A document and its format."""

    attachment: Attachment
    format: Coding | None = None


class RelatesTo(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A link to another document."""

    code: str
    target: Reference


class Context(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """The act that a document is about."""

    event: tuple[CodeableConcept, ...] = ()
    period: Period | None = None
    facility_type: CodeableConcept | None = None
    practice_setting: CodeableConcept | None = None
    source_patient_info: Reference | None = None
    related: tuple[Reference, ...] = ()


class DocumentReference(Resource, frozen=True, kw_only=True, tag="DocumentReference"):
    """The metadata of a document (PDSm fiche)."""

    contained: tuple[Party, ...] = ()
    master_identifier: Identifier | None = None
    identifier: tuple[Identifier, ...] = ()
    status: str | None = None
    doc_status: str | None = None
    type: CodeableConcept | None = None
    category: tuple[CodeableConcept, ...] = ()
    subject: Reference | None = None
    date: str | None = None
    author: tuple[Reference, ...] = ()
    authenticator: Reference | None = None
    custodian: Reference | None = None
    relates_to: tuple[RelatesTo, ...] = ()
    description: str | None = None
    security_label: tuple[CodeableConcept, ...] = ()
    content: tuple[Content, ...] = ()
    context: Context | None = None


class ListEntry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A member of a list."""

    item: Reference


class DocumentList(Resource, frozen=True, kw_only=True, tag="List"):
    """A submission set (PDSm lot de soumission)."""

    contained: tuple[Party, ...] = ()
    identifier: tuple[Identifier, ...] = ()
    status: str | None = None
    mode: str | None = None
    title: str | None = None
    code: CodeableConcept | None = None
    subject: Reference | None = None
    date: str | None = None
    source: Reference | None = None
    note: tuple[Annotation, ...] = ()
    entry: tuple[ListEntry, ...] = ()


class Binary(Resource, frozen=True, kw_only=True, tag="Binary"):
    """The bytes of a document, base64."""

    content_type: str | None = None
    data: str | None = None


class Part(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """One side of a FHIRPath patch operation."""

    name: str
    value_code: str | None = None
    value_string: str | None = None
    value_boolean: bool | None = None
    value_codeable_concept: CodeableConcept | None = None


class Parameter(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A patch operation: type, path and value."""

    name: str
    part: tuple[Part, ...] = ()


class Parameters(Resource, frozen=True, kw_only=True, tag="Parameters"):
    """A FHIRPath patch, as the replacement of MHD carries one."""

    parameter: tuple[Parameter, ...] = ()


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """A page of a search."""

    relation: str
    url: str


class EntryRequest(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a transaction asks for an entry."""

    method: str
    url: str


class EntryResponse(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """What a transaction did with an entry."""

    status: str
    location: str | None = None
    etag: str | None = None
    last_modified: str | None = None


class EntrySearch(msgspec.Struct, frozen=True, kw_only=True):
    """Why an entry is in a search: `match` or `include`."""

    mode: str


Entries = Party | DocumentReference | DocumentList | Binary | Parameters
"""What a bundle may hold."""


class Entry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """An entry of a bundle."""

    full_url: str | None = None
    resource: Entries | None = None
    search: EntrySearch | None = None
    request: EntryRequest | None = None
    response: EntryResponse | None = None


class Bundle(Resource, frozen=True, kw_only=True, tag="Bundle"):
    """Several resources: a transaction, its answer, or what a search found."""

    type: str | None = None
    total: int | None = None
    link: tuple[Link, ...] = ()
    entry: tuple[Entry, ...] = ()


T = TypeVar("T", bound=Resource)
_BUNDLE = msgspec.json.Decoder(Bundle)
_DOCUMENT = msgspec.json.Decoder(DocumentReference)


def read_bundle(body: bytes) -> Bundle:
    """Read a Bundle.

    Raises:
        FhirProblem: not JSON, another resource, an element of another type; its place is named, nothing quoted.
    """
    return _read(_BUNDLE, body)


def read_document_reference(body: bytes) -> DocumentReference:
    """Read a DocumentReference; raises as `read_bundle` does."""
    return _read(_DOCUMENT, body)


def write(resource: msgspec.Struct) -> bytes:
    """Write a resource as JSON."""
    return msgspec.json.encode(resource)


def _read(decoder: msgspec.json.Decoder[T], body: bytes) -> T:
    try:
        return decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        found = _PLACE.search(str(error))
        raise FhirProblem.of(IssueType.STRUCTURE, Refusal.FHIR_UNREADABLE, found[1] if found else "") from None
