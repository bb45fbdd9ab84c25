"""Identifiers and names: CX, XCN and XON of XDS, as Identifier, Practitioner, Patient, Device and Organization of FHIR.

FHIR elements say what the HL7 v2 text says. A text that they cannot give back to the letter goes with them in an
extension, which is believed only as long as it says the same as they do.
"""

from collections.abc import Callable, Iterable

from dmp_bridge.fhir.elements import CodeableConcept, Coding, Extension, HumanName, Identifier
from dmp_bridge.fhir.resources import Device, DeviceName, Organization, Patient, Practitioner
from dmp_bridge.xds.identifiers import CX, INS_NIA, INS_OIDS, PROFESSIONALS, STRUCTURES, XCN, XON, is_oid

KEPT = "urn:vaguemestre:fhir:hl7v2"
URI_SYSTEM = "urn:ietf:rfc:3986"
OID_PREFIX = "urn:oid:"
UUID_PREFIX = "urn:uuid:"
FRENCH_TYPES = "https://hl7.fr/ig/fhir/core/CodeSystem/fr-core-cs-v2-0203"
HL7_TYPES = "http://terminology.hl7.org/CodeSystem/v2-0203"
UNIQUE_IDS = "urn:vaguemestre:fhir:unique-id"
_INS = "NH"
_PERSON = "IDNPS"
_STRUCTURE = "IDNST"
_SYSTEM = "RI"
# Numbers that FHIR sources write under a system of their own; in XDS they begin with the digit of their kind.
_NATIONAL_PEOPLE = {"https://rpps.esante.gouv.fr": "8", "urn:oid:1.2.250.1.71.4.2.1.8": "8"}
_NATIONAL_STRUCTURES = {"https://finess.esante.gouv.fr": "1", "https://sirene.fr": "3"}


def kept_text(extensions: Iterable[Extension], url: str = KEPT) -> str | None:
    """Return the text that goes with an element."""
    return next((each.value_string for each in extensions if each.url == url), None)


def keeping(text: str, rebuilt: str | None, url: str = KEPT) -> tuple[Extension, ...]:
    """Return the extension for a text that its element does not give back by itself."""
    return () if text == rebuilt else (Extension(url=url, value_string=text),)


def believed(kept: str | None, rebuilt: str, same: Callable[[str], bool]) -> str:
    """Return the text that goes with an element when it says the same as the element does, else what that says."""
    return kept if kept is not None and same(kept) else rebuilt


def unique_identifier(unique_id: str) -> Identifier:
    """Write the uniqueId of a document or set: `urn:oid:…`, or the root as system and the extension as value."""
    if is_oid(unique_id):
        return Identifier(use="usual", system=URI_SYSTEM, value=f"{OID_PREFIX}{unique_id}")
    root, _, extension = unique_id.partition("^")
    if is_oid(root) and extension:
        return Identifier(use="usual", system=f"{OID_PREFIX}{root}", value=extension)
    return Identifier(use="usual", system=UNIQUE_IDS, value=unique_id)


def unique_id_of(system: str | None, value: str | None) -> str | None:
    """Read a uniqueId; a UUID becomes the OID that it is under 2.25. None when there is none."""
    if not value:
        return None
    if system in (URI_SYSTEM, "", None):
        return _of_urn(value)
    root = (system or "").removeprefix(OID_PREFIX)
    return f"{root}^{value}" if root != system and is_oid(root) else value if system == UNIQUE_IDS else None


def _of_urn(value: str) -> str | None:
    if value.startswith(OID_PREFIX):
        oid = value.removeprefix(OID_PREFIX)
        return oid if is_oid(oid) else None
    digits = value.removeprefix(UUID_PREFIX).replace("-", "")
    if len(digits) != 32 or not value.isascii():
        return value if is_oid(value) else None
    try:
        return f"2.25.{int(digits, 16)}"
    except ValueError:
        return None


def patient_identifier(cx: CX) -> Identifier:
    """Write a patient identifier."""
    plain = Identifier(type=_type(_patient_type(cx.oid, cx.kind)), system=_system(cx.oid), value=cx.value or None)
    return Identifier(
        type=plain.type, system=plain.system, value=plain.value, extension=keeping(cx.text, _plain_cx(plain))
    )


def cx_of(identifier: Identifier) -> CX:
    """Read a patient identifier."""
    kept = kept_text(identifier.extension)
    return CX(believed(kept, _plain_cx(identifier), lambda text: patient_identifier(CX(text)) == identifier))


def _plain_cx(identifier: Identifier) -> str:
    oid = _oid(identifier)
    kind = _type_code(identifier)
    return CX.build(identifier.value or "", oid, _INS if oid in INS_OIDS else kind or "PI").text


def _patient_type(oid: str, kind: str) -> str:
    if oid in INS_OIDS:
        return "INS-NIA" if oid == INS_NIA else "INS-NIR"
    return kind


def practitioner_of(xcn: XCN, name: str | None = None) -> Practitioner:
    """Write a professional; NAME: its id among contained resources."""
    plain = Practitioner(id=name, identifier=_number(xcn), name=_names(xcn))
    return Practitioner(
        id=name, identifier=plain.identifier, name=plain.name, extension=keeping(xcn.text, _plain_person(plain))
    )


def patient_author_of(xcn: XCN, name: str | None = None) -> Patient:
    """Write a patient who is an author."""
    plain = Patient(id=name, identifier=_number(xcn), name=_names(xcn))
    return Patient(
        id=name, identifier=plain.identifier, name=plain.name, extension=keeping(xcn.text, _plain_person(plain))
    )


def device_of(xcn: XCN, name: str | None = None) -> Device:
    """Write a system that is an author: maker or software, then model."""
    plain = Device(
        id=name,
        identifier=_number(xcn),
        device_name=(DeviceName(name=xcn.family),) if xcn.family else (),
        model_number=xcn.given or None,
    )
    return Device(
        id=name,
        identifier=plain.identifier,
        device_name=plain.device_name,
        model_number=plain.model_number,
        extension=keeping(xcn.text, _plain_device(plain)),
    )


def xcn_of(party: Practitioner | Patient | Device) -> XCN:
    """Read a person or a system."""
    kept = kept_text(party.extension)
    if isinstance(party, Device):
        return XCN(believed(kept, _plain_device(party), lambda text: _said(device_of(XCN(text))) == _said(party)))
    write = patient_author_of if isinstance(party, Patient) else practitioner_of
    return XCN(believed(kept, _plain_person(party), lambda text: _said(write(XCN(text))) == _said(party)))


def xcn_of_number(identifiers: tuple[Identifier, ...]) -> XCN | None:
    """Read a professional who is named by a number only."""
    return XCN(_plain_person(Practitioner(identifier=identifiers))) if identifiers else None


def _said(party: Practitioner | Patient | Device) -> tuple[object, ...]:
    """Return what an element says of somebody, apart from the text that goes with it."""
    if isinstance(party, Device):
        return party.identifier, party.device_name, party.model_number
    return party.identifier, party.name


def _number(xcn: XCN) -> tuple[Identifier, ...]:
    if not xcn.identifier:
        return ()
    return (Identifier(type=_type(xcn.kind), system=_system(xcn.oid), value=xcn.identifier),)


def _names(xcn: XCN) -> tuple[HumanName, ...]:
    if not xcn.family and not xcn.given:
        return ()
    return (HumanName(family=xcn.family or None, given=(xcn.given,) if xcn.given else ()),)


def _plain_person(party: Practitioner | Patient) -> str:
    number = _chosen(party.identifier, PROFESSIONALS, _NATIONAL_PEOPLE)
    name = party.name[0] if party.name else HumanName()
    value, oid, kind = _numbered(number, _NATIONAL_PEOPLE, PROFESSIONALS, _PERSON)
    kind = _INS if oid in INS_OIDS else kind
    return XCN.build(value, name.family or "", " ".join(name.given), oid=oid, kind=kind).text


def _plain_device(device: Device) -> str:
    number = device.identifier[0] if device.identifier else Identifier()
    family = device.device_name[0].name if device.device_name else ""
    return XCN.build(number.value or "", family, device.model_number or "", oid=_oid(number), kind=_SYSTEM).text


def organization_of(xon: XON, name: str | None = None) -> Organization:
    """Write a structure."""
    number = (Identifier(type=_type(_STRUCTURE), system=_system(xon.oid), value=xon.identifier),)
    plain = Organization(id=name, identifier=number if xon.identifier else (), name=xon.name or None)
    return Organization(
        id=name, identifier=plain.identifier, name=plain.name, extension=keeping(xon.text, _plain_structure(plain))
    )


def xon_of(party: Organization) -> XON:
    """Read a structure."""

    def same(text: str) -> bool:
        written = organization_of(XON(text))
        return (written.identifier, written.name) == (party.identifier, party.name)

    return XON(believed(kept_text(party.extension), _plain_structure(party), same))


def _plain_structure(party: Organization) -> str:
    number = _chosen(party.identifier, STRUCTURES, _NATIONAL_STRUCTURES)
    value, oid, _ = _numbered(number, _NATIONAL_STRUCTURES, STRUCTURES, _STRUCTURE)
    return XON.build(party.name or "", value, oid=oid).text


def _chosen(identifiers: tuple[Identifier, ...], oid: str, national: dict[str, str]) -> Identifier:
    """Prefer the national number of the French profiles, then the systems of the register, then the first."""
    official = (each for each in identifiers if _oid(each) == oid)
    listed = (each for each in identifiers if (each.system or "").rstrip("/") in national)
    return next(official, None) or next(listed, None) or next(iter(identifiers), Identifier())


def _numbered(number: Identifier, national: dict[str, str], oid: str, kind: str) -> tuple[str, str, str]:
    """Return value, OID and type of a number."""
    prefix = national.get((number.system or "").rstrip("/"))
    if prefix is not None:
        return f"{prefix}{number.value or ''}", oid, kind
    return number.value or "", _oid(number), _type_code(number) or kind


def numbers_of_search(system: str | None, number: str) -> list[tuple[str, str]]:
    """Return OID and value under which XDS may hold a number of a person or a structure that FHIR names."""
    name = (system or "").rstrip("/")
    national = [
        (oid, f"{prefixes[name]}{number}")
        for oid, prefixes in ((PROFESSIONALS, _NATIONAL_PEOPLE), (STRUCTURES, _NATIONAL_STRUCTURES))
        if name in prefixes
    ]
    return [*national, (name.removeprefix(OID_PREFIX), number)]


def _system(oid: str) -> str | None:
    return f"{OID_PREFIX}{oid}" if oid else None


def _oid(identifier: Identifier) -> str:
    return (
        (identifier.system or "").removeprefix(OID_PREFIX) if (identifier.system or "").startswith(OID_PREFIX) else ""
    )


def _type(kind: str) -> CodeableConcept | None:
    if not kind:
        return None
    french = kind in ("INS-NIR", "INS-NIA", _PERSON, _STRUCTURE)
    return CodeableConcept(coding=(Coding(system=FRENCH_TYPES if french else HL7_TYPES, code=kind),))


def _type_code(identifier: Identifier) -> str:
    codings = () if identifier.type is None else identifier.type.coding
    return next((each.code for each in codings if each.code), "")
