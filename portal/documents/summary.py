"""The header of a document in a few lines: what, when, by whom, about whom, for whom.

Values are the document's own words; nothing is guessed. Dates keep their precision: a year stays a year.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

from dmp_bridge.cda.header import CDADocument, Person, RelatedDocument
from dmp_bridge.xds.metadata import Code
from dmp_bridge.xds.times import instant_from_xds, utc_from_cda
from portal import words

MOST_NAMED = 6
PATIENT_EXPRESSION = "EXP_PATIENT"
_DAY, _MINUTE = 8, 12
_RESTRICTED = {"R": "Diffusion restreinte", "V": "Diffusion très restreinte"}
_SEXES = {"M": "né le", "F": "née le"}
Fact = tuple[str, str]


def summary_of(document: CDADocument, zone: ZoneInfo) -> list[Fact]:
    """Return labels and values in reading order; what the document does not say is left out."""
    return [fact for fact in _facts(document, zone) if fact[1]]


def _facts(document: CDADocument, zone: ZoneInfo) -> Iterator[Fact]:
    yield "Type", document.code.display
    yield "Date du document", date_words(document.effective_time, zone)
    yield ("Auteur" if len(document.authors) == 1 else "Auteurs"), _named(document.authors)
    yield "Patient", _patient(document, zone)
    yield "Adressé à", _named(document.recipients)
    yield from _act(document, zone)
    if document.legal_authenticator is not None:
        yield "Validé par", _unless_author(document.legal_authenticator, document)
    if document.related:
        yield "Version", _version(document.version, document.related)
    yield "Confidentialité", _RESTRICTED.get(document.confidentiality.code if document.confidentiality else "", "")


def _act(document: CDADocument, zone: ZoneInfo) -> Iterator[Fact]:
    event, encounter = document.main_event, document.encounter
    if event is not None:
        yield "Acte", _label(event.code)
        if event.start and event.start[:_DAY] != document.effective_time[:_DAY]:
            yield "Date de l'acte", _period(event.start, event.stop, zone)
        if event.performer is not None:
            yield "Réalisé par", _unless_author(event.performer, document)
    if encounter is not None:
        yield "Lieu de soins", _label(encounter.facility)


def _label(code: Code | None) -> str:
    """Return the words of a code; what a patient added herself has neither act nor place."""
    return "" if code is None or code.code == PATIENT_EXPRESSION else code.display


def _unless_author(person: Person, document: CDADocument) -> str:
    """Name somebody who is not one of the authors already."""
    name = (person.family, person.given)
    return "" if name in {(each.family, each.given) for each in document.authors} else person_words(person)


def person_words(person: Person) -> str:
    """Name a person with specialty and structure, or the structure alone: « Camille MARTIN, Médecin, CABINET »."""
    name = " ".join(each for each in (person.given, person.family) if each)
    specialty = "" if person.specialty is None else person.specialty.display
    structure = "" if person.organization is None else person.organization.name
    return ", ".join(dict.fromkeys(each for each in (name, specialty, structure) if each))


def _named(people: Iterable[Person]) -> str:
    names = list(dict.fromkeys(filter(None, map(person_words, people))))
    others = len(names) - MOST_NAMED
    more = [f"et {words.count(others, 'autre', 'autres')}"] if others > 0 else []
    return " ; ".join([*names[:MOST_NAMED], *more])


def _patient(document: CDADocument, zone: ZoneInfo) -> str:
    patient = document.patient
    name = " ".join(each for each in (patient.first_given or patient.given, patient.birth_family) if each)
    used = [each for each in patient.used_families if each != patient.birth_family]
    called = f"{name} ({', '.join(used)})" if used else name
    born = date_words((patient.birth_date or "")[:_DAY], zone)
    return f"{called}, {_SEXES.get(patient.sex or '', 'né(e) le')} {born}" if called and born else called


def _version(version: int | None, related: Iterable[RelatedDocument]) -> str:
    replaces = any(link.kind == "RPLC" for link in related)
    if not replaces:
        return ""
    return f"{version} (remplace une version précédente)" if version else "Remplace une version précédente"


def _period(start: str, stop: str | None, zone: ZoneInfo) -> str:
    """Say a stay by its days, an act by its moment."""
    first, last = date_words(start[:_DAY], zone), date_words((stop or "")[:_DAY], zone)
    return f"du {first} au {last}" if last and last != first else date_words(start, zone)


def date_words(text: str, zone: ZoneInfo) -> str:
    """Say a CDA time in French, as precise as it is; "" when it is not one."""
    instant = instant_from_xds(utc_from_cda(text) or "")
    if instant is None:
        return ""
    digits = len(text.partition("+")[0].partition("-")[0].partition(".")[0])
    if digits >= _MINUTE:
        return words.long_date(_zoned(text, instant, zone), zone)
    if digits >= _DAY:
        return words.plain_date(instant.year, instant.month, instant.day)
    month = f"{words.MONTHS[instant.month - 1]} " if digits == 6 else ""
    return f"{month}{instant.year}"


def _zoned(text: str, instant: datetime, zone: ZoneInfo) -> datetime:
    """Take a time without an offset as local time, as its writer meant it."""
    return instant if "+" in text or "-" in text else instant.replace(tzinfo=zone)
