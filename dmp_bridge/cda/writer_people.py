"""Patients, professionals, devices and structures as CDA elements, the mirror of `people.py`."""

from lxml import etree

from dmp_bridge.cda.header import Organization, PatientIdentity, Person
from dmp_bridge.cda.nodes import add, add_code, add_id, add_text, add_time, add_unknown
from dmp_bridge.cda.people import BIRTH
from dmp_bridge.xds.metadata import Code

USED = "CL"
GENDERS = "2.16.840.1.113883.5.1"
_GENDER_LABELS = {"F": "Féminin", "M": "Masculin", "U": "Inconnu"}


def add_patient(root: etree._Element, identity: PatientIdentity) -> None:
    """Append recordTarget (CI-SIS; dmp.md §3.2)."""
    role = add(add(root, "recordTarget"), "patientRole")
    for identifier in identity.ids:
        add_id(role, "id", identifier)
    add_unknown(role, "addr")
    add_unknown(role, "telecom")
    patient = add(role, "patient", classCode="PSN")
    name = add(patient, "name")
    add_text(name, "family", identity.birth_family, qualifier=BIRTH)
    for family in identity.used_families:
        add_text(name, "family", family, qualifier=USED)
    add_text(name, "given", identity.given)
    add_text(name, "given", identity.first_given, qualifier=BIRTH)
    if identity.sex:
        add_code(patient, "administrativeGenderCode", Code(identity.sex, GENDERS, _GENDER_LABELS.get(identity.sex, "")))
    add_time(patient, "birthTime", identity.birth_date)
    if identity.birth_place:
        place = add(add(patient, "birthplace"), "place")
        add_text(add(place, "addr"), "county", identity.birth_place)


def add_author(root: etree._Element, person: Person) -> None:
    """Append an author: a professional, a device or the patient."""
    author = add(root, "author")
    if person.role:
        add(author, "functionCode", nullFlavor="UNK", displayName=person.role)
    add_time(author, "time", person.time)
    assigned = add(author, "assignedAuthor")
    _identify(assigned, person)
    add_unknown(assigned, "addr")
    add_unknown(assigned, "telecom")
    _name(assigned, person)
    _add_structure(assigned, "representedOrganization", person.organization)


def add_authenticator(root: etree._Element, person: Person) -> None:
    """Append legalAuthenticator, with its signatureCode S."""
    authenticator = add(root, "legalAuthenticator")
    add_time(authenticator, "time", person.time)
    add(authenticator, "signatureCode", code="S")
    add_entity(authenticator, person)


def add_entity(parent: etree._Element, person: Person) -> None:
    """Append an assignedEntity."""
    entity = add(parent, "assignedEntity")
    _identify(entity, person)
    add_unknown(entity, "addr")
    add_unknown(entity, "telecom")
    _name(entity, person)
    _add_structure(entity, "representedOrganization", person.organization)


def add_recipient(root: etree._Element, person: Person) -> None:
    """Append an informationRecipient."""
    intended = add(add(root, "informationRecipient"), "intendedRecipient")
    if person.identifier:
        add_id(intended, "id", person.identifier)
    add_unknown(intended, "addr")
    add_unknown(intended, "telecom")
    if person.family or person.given:
        _add_name(add(intended, "informationRecipient"), person)
    _add_structure(intended, "receivedOrganization", person.organization)


def add_custodian(root: etree._Element, custodian: Organization | None) -> None:
    """Append custodian, which the schema requires even when nothing is known of it."""
    holder = add(add(root, "custodian"), "assignedCustodian")
    if custodian is None:
        add_unknown(add(holder, "representedCustodianOrganization"), "id")
    else:
        _add_structure(holder, "representedCustodianOrganization", custodian)


def _identify(assigned: etree._Element, person: Person) -> None:
    if person.identifier:
        add_id(assigned, "id", person.identifier)
    else:
        add_unknown(assigned, "id")
    add_code(assigned, "code", person.specialty)


def _name(assigned: etree._Element, person: Person) -> None:
    if person.is_device:
        device = add(assigned, "assignedAuthoringDevice")
        add_text(device, "manufacturerModelName", person.family)
        add_text(device, "softwareName", person.family)
    elif person.family or person.given:
        _add_name(add(assigned, "assignedPerson"), person)


def _add_name(holder: etree._Element, person: Person) -> None:
    name = add(holder, "name")
    add_text(name, "given", person.given)
    add_text(name, "family", person.family)


def _add_structure(parent: etree._Element, name: str, structure: Organization | None) -> None:
    if structure is None:
        return
    element = add(parent, name)
    if structure.identifier:
        add_id(element, "id", structure.identifier)
    elif name == "representedCustodianOrganization":
        add_unknown(element, "id")
    add_text(element, "name", structure.name)
    add_unknown(element, "telecom")
    add_unknown(element, "addr")
    add_code(element, "standardIndustryClassCode", structure.industry)
