"""Our patients and professionals as the header of a CDA names them: from their profile and mailbox, never from a file.

What the header requires and nobody knows is said as the norm allows: place of birth 99999 (unknown), a practice
without a number by the RPPS of its professional, a mailbox without any number by its account under our own OID.

Source: CI-SIS Structuration minimale §recordTarget, §author, §custodian (dmp.md §1.4, §3.2).
"""

from access_core.professionals import MailboxType, Professional
from access_core.profiles import Profile
from dmp_bridge.cda.header import InstanceId, Organization, PatientIdentity, Person
from dmp_bridge.xds.identifiers import PROFESSIONALS, STRUCTURES
from dmp_bridge.xds.terminology import specialty_of_profession

UNKNOWN_BIRTH_PLACE = "99999"
_TITLES = frozenset({"DR", "DR.", "DOCTEUR", "PR", "PR.", "PROFESSEUR", "MME", "M.", "MADAME", "MONSIEUR"})
_STRUCTURE_KINDS = {9: "1", 14: "3"}  # Struct_IdNat: FINESS, SIRET
_PRACTICE_KIND, _FIRST_PRACTICE = "4", "001"  # Struct_IdNat of a practice: RPPS of its professional, then its rank


def patient_identity(profile: Profile) -> PatientIdentity:
    """Describe a patient in a CDA, from her profile."""
    return PatientIdentity(
        ids=(InstanceId(profile.ins.oid, profile.ins.value),),
        birth_family=profile.family,
        given=profile.given,
        first_given=profile.given.split()[0] if profile.given.split() else None,
        sex=profile.sex,
        birth_date=f"{profile.birth_date:%Y%m%d}",
        birth_place=UNKNOWN_BIRTH_PLACE,
    )


def author_of(professional: Professional, system_oid: str) -> Person:
    """Describe who writes: a person, or the service or software that the mailbox belongs to.

    Args:
        system_oid: OID of this system, under which an account that has no national number is named.
    """
    given, family = _names(professional)
    rpps, profession = professional.rpps, professional.profession
    structure = _structure(professional)
    number = InstanceId(PROFESSIONALS, f"8{rpps}") if rpps else structure.identifier
    return Person(
        identifier=number or InstanceId(system_oid, professional.account_id),
        family=family,
        given=given,
        specialty=specialty_of_profession(profession) if profession else None,
        organization=structure,
        is_device=professional.type is not MailboxType.PER,
    )


def structure_number(professional: Professional) -> str:
    """Return the Struct_IdNat of a mailbox's structure, its kind first; "" when it has none."""
    number = professional.structure or ""
    return f"{_STRUCTURE_KINDS.get(len(number), '')}{number}"


def _structure(professional: Professional) -> Organization:
    number = structure_number(professional)
    if not number and professional.rpps:
        number = f"{_PRACTICE_KIND}{professional.rpps}{_FIRST_PRACTICE}"
    return Organization(identifier=InstanceId(STRUCTURES, number) if number else None, name=professional.name)


def _names(professional: Professional) -> tuple[str, str]:
    """Split the name of a person's mailbox: titles dropped, the last word is the family name."""
    if professional.type is not MailboxType.PER:
        return "", professional.name
    words = [word for word in professional.name.split() if word.upper() not in _TITLES]
    return (" ".join(words[:-1]), words[-1]) if words else ("", professional.name)
