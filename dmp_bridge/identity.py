"""Is this document about this patient? INS first, then the strict traits (MSS2:ECO.2.1.2; dmp.md §3.3, §4.2).

Pure. What disagrees is DISCORDANTE, what is not there ABSENTE, what cannot be an INS MALFORMEE: the engine turns
them into refusals. Local numbers and names in use never identify anybody.
"""

import re
import unicodedata
from collections.abc import Collection, Iterable

from access_core.facts import IdentityStatus
from access_core.identifiers import INS
from access_core.profiles import Profile
from dmp_bridge.cda.header import PatientIdentity
from dmp_bridge.xds.identifiers import CX, INS_NIA, INS_NIR
from vaguemestre.kernel.errors import InvalidIdentifier

_PRODUCTION = frozenset({INS_NIR, INS_NIA})
_DAY = re.compile(r"\d{8}", re.ASCII)


def metadata_identity(
    identifiers: Iterable[CX | None], profile: Profile, authorities: Collection[str]
) -> IdentityStatus:
    """Compare the patient identifiers of an entry and of its submission set with PROFILE.

    Args:
        identifiers: of the document entry, then of the submission set; the first must be there.
        profile: whose mailbox received the message.
        authorities: OIDs under which an INS is read.
    """
    found = list(identifiers)
    if not found or found[0] is None or not found[0].value:
        return IdentityStatus.ABSENTE
    present = [each for each in found if each is not None and each.value]
    statuses = [_compare(each.value, each.oid, profile, authorities) for each in present]
    return next((each for each in statuses if each is not IdentityStatus.QUALIFIEE), IdentityStatus.QUALIFIEE)


def document_identity(patient: PatientIdentity, profile: Profile, authorities: Collection[str]) -> IdentityStatus:
    """Compare the patient of a CDA with PROFILE: INS, birth name, given name, sex, birth date."""
    if patient.ins is None or not patient.ins.extension:
        return IdentityStatus.ABSENTE
    status = _compare(patient.ins.extension, patient.ins.root, profile, authorities)
    if status is IdentityStatus.QUALIFIEE and not _traits_match(patient, profile):
        return IdentityStatus.DISCORDANTE
    return status


def _compare(value: str, oid: str, profile: Profile, authorities: Collection[str]) -> IdentityStatus:
    if oid not in authorities:
        return IdentityStatus.MALFORMEE
    try:
        ins = INS.parse(value, strict=oid in _PRODUCTION)
    except InvalidIdentifier:
        return IdentityStatus.MALFORMEE
    return IdentityStatus.QUALIFIEE if ins.value == profile.ins.value else IdentityStatus.DISCORDANTE


def _traits_match(patient: PatientIdentity, profile: Profile) -> bool:
    """Compare the traits; name and birth date must be there, given name and sex may be absent in old documents."""
    families = {_plain(each) for each in (patient.birth_family, *patient.used_families) if each}
    if _plain(profile.family) not in families or not _same_day(patient.birth_date, profile):
        return False
    if patient.sex in ("M", "F") and patient.sex != profile.sex:
        return False
    return _same_given(patient, profile)


def _same_day(birth_date: str | None, profile: Profile) -> bool:
    day = (birth_date or "")[:8]
    return _DAY.fullmatch(day) is not None and day == f"{profile.birth_date:%Y%m%d}"


def _same_given(patient: PatientIdentity, profile: Profile) -> bool:
    """Accept the first given name, or the whole list, in either place."""
    written = [_plain(each) for each in (patient.first_given, patient.given) if each]
    if not written:
        return True
    known = _plain(profile.given)
    return any(known == each or each.startswith(f"{known} ") or known.startswith(f"{each} ") for each in written)


def _plain(name: str) -> str:
    """Return NAME in capitals without accents; hyphens, apostrophes and spaces are one space."""
    decomposed = unicodedata.normalize("NFKD", name.replace("œ", "oe").replace("Œ", "OE"))
    letters = "".join(each for each in decomposed if not unicodedata.combining(each)).upper()
    return " ".join(re.sub(r"[^A-Z0-9]+", " ", letters).split())
