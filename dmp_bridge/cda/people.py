"""Patients, professionals, devices and structures of a CDA header."""

from lxml import etree

from dmp_bridge.cda.elements import child, children, code_of, id_of, ids_of, text_of, time_of
from dmp_bridge.cda.header import Organization, PatientIdentity, Person

BIRTH = "BR"


def patient_of(role: etree._Element) -> PatientIdentity:
    """Read a patientRole (CI-SIS recordTarget; dmp.md §3.2)."""
    patient = child(role, "patient")
    if patient is None:
        return PatientIdentity(ids=ids_of(role))
    families = [(each.get("qualifier", ""), text_of(each)) for each in children(patient, "name", "family")]
    givens = [(each.get("qualifier", ""), text_of(each)) for each in children(patient, "name", "given")]
    sex, birth = child(patient, "administrativeGenderCode"), time_of(child(patient, "birthTime"))
    return PatientIdentity(
        ids=ids_of(role),
        birth_family=_first(families, BIRTH) or _first(families, ""),
        used_families=tuple(text for qualifier, text in families if text and qualifier not in (BIRTH, "")),
        given=_first(givens, ""),
        first_given=_first(givens, BIRTH),
        sex=None if sex is None else sex.get("code"),
        birth_date=birth,
        birth_place=text_of(child(patient, "birthplace", "place", "addr", "county")) or None,
    )


def _first(names: list[tuple[str, str]], qualifier: str) -> str | None:
    return next((text for each, text in names if each == qualifier and text), None)


def person_of(participation: etree._Element, role: str) -> Person:
    """Read the ROLE (assignedAuthor, assignedEntity) of a participation: a person, a device or the patient."""
    time = time_of(child(participation, "time"))
    assigned = child(participation, role)
    if assigned is None:
        return Person(time=time)
    device = child(assigned, "assignedAuthoringDevice")
    name = child(assigned, "assignedPerson", "name")
    function = child(participation, "functionCode")
    return Person(
        identifier=id_of(child(assigned, "id")),
        family=_device_name(device) if device is not None else _part(name, "family"),
        given="" if device is not None else _part(name, "given"),
        specialty=code_of(child(assigned, "code")),
        role="" if function is None else function.get("displayName", ""),
        organization=organization_of(child(assigned, "representedOrganization")),
        is_device=device is not None,
        time=time,
    )


def recipient_of(participation: etree._Element) -> Person:
    """Read an informationRecipient: a person, a structure or both."""
    intended = child(participation, "intendedRecipient")
    if intended is None:
        return Person()
    name = child(intended, "informationRecipient", "name")
    return Person(
        identifier=id_of(child(intended, "id")),
        family=_part(name, "family"),
        given=_part(name, "given"),
        organization=organization_of(child(intended, "receivedOrganization")),
    )


def _part(name: etree._Element | None, part: str) -> str:
    return "" if name is None else text_of(child(name, part))


def _device_name(device: etree._Element) -> str:
    return text_of(child(device, "softwareName")) or text_of(child(device, "manufacturerModelName"))


def organization_of(element: etree._Element | None) -> Organization | None:
    """Read a representedOrganization or representedCustodianOrganization; None when absent."""
    if element is None:
        return None
    return Organization(
        identifier=id_of(child(element, "id")),
        name=text_of(child(element, "name")),
        industry=code_of(child(element, "standardIndustryClassCode")),
    )
