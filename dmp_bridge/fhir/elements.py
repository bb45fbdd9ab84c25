"""The data types of FHIR R4 (4.0.1) that the document resources use, as they are written in JSON.

Only the elements that have a meaning here are declared; others are ignored when read and absent when written. An
element that changes the meaning of the rest (`modifierExtension`, `implicitRules`) is declared so that it is refused.
"""

import msgspec


class Element(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """What every data type may carry."""

    extension: tuple["Extension", ...] = ()


class Coding(Element, frozen=True, kw_only=True):
    """A code of a system, with the label that people read."""

    system: str | None = None
    code: str | None = None
    display: str | None = None


class CodeableConcept(Element, frozen=True, kw_only=True):
    """A concept by its codings, or by a text."""

    coding: tuple[Coding, ...] = ()
    text: str | None = None


class Period(Element, frozen=True, kw_only=True):
    """Two dateTimes."""

    start: str | None = None
    end: str | None = None


class Identifier(Element, frozen=True, kw_only=True):
    """An identifier: `urn:oid:…` and a value, or `urn:ietf:rfc:3986` and a URN."""

    use: str | None = None
    type: CodeableConcept | None = None
    system: str | None = None
    value: str | None = None


class Reference(Element, frozen=True, kw_only=True):
    """A resource by `#id`, `urn:uuid:…`, `Type/id`, or by its identifier only."""

    reference: str | None = None
    type: str | None = None
    identifier: Identifier | None = None
    display: str | None = None


class Extension(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """The extensions of MHD, PDSm and ours; others are kept out."""

    url: str
    value_string: str | None = None
    value_boolean: bool | None = None
    value_identifier: Identifier | None = None
    value_reference: Reference | None = None
    value_codeable_concept: CodeableConcept | None = None


class HumanName(Element, frozen=True, kw_only=True):
    """A name."""

    family: str | None = None
    given: tuple[str, ...] = ()


class Annotation(Element, frozen=True, kw_only=True):
    """A note."""

    text: str


class Attachment(Element, frozen=True, kw_only=True):
    """The document: where it is (`url`) or itself (`data`, base64), and what is said of it.

    Attributes:
        hash: base64 of the SHA-1 of the bytes.
        creation: dateTime.
    """

    content_type: str | None = None
    language: str | None = None
    data: str | None = None
    url: str | None = None
    size: int | None = None
    hash: str | None = None
    title: str | None = None
    creation: str | None = None


class Meta(Element, frozen=True, kw_only=True):
    """Version and profiles of a resource."""

    version_id: str | None = None
    last_updated: str | None = None
    profile: tuple[str, ...] = ()
