"""A plain file as a CDA level 1 document that the DMP takes (dmp.md §3.5).

The header is composed from the identity store and the professional's entry, never from the file.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from dmp_bridge.cda.body import LEVEL_1_MEDIA_TYPES, Body
from dmp_bridge.cda.header import (
    CI_SIS_TEMPLATE,
    FRENCH_TEMPLATE,
    UNSTRUCTURED_TEMPLATE,
    CDADocument,
    Encounter,
    InstanceId,
    Organization,
    PatientIdentity,
    Person,
    RelatedDocument,
    ServiceEvent,
)
from dmp_bridge.cda.writer import write_cda
from dmp_bridge.refusals import ExchangeError, Refusal
from dmp_bridge.xds.identifiers import STRUCTURES, new_oid
from dmp_bridge.xds.metadata import NORMAL, Code
from dmp_bridge.xds.terminology import type_code
from dmp_bridge.xds.times import cda_from_instant

LETTER_TYPE = "11488-4"
PICTURE_TYPE = "52040-3"
MAX_TITLE_CHARACTERS = 128
_NO_CHARACTERS = frozenset("\ufffe\uffff")
AMBULATORY = Code("AMBULATOIRE", "1.2.250.1.213.1.1.4.9", "Ambulatoire")
PRIVATE_PRACTICE = Code("SA07", "1.2.250.1.71.4.2.4", "Cabinet individuel")


@dataclass(frozen=True, slots=True, kw_only=True)
class Level1Request:
    """What the header of a plain file must say.

    Attributes:
        author: with its structure, which is also performer, custodian and legal authenticator's.
        written_at: aware; its zone gives the offset in the document.
        serviced_at: when the act was done; `written_at` when None.
        type_code: LOINC or TRE_A05; by default a letter, or a picture for an image.
        replaces: setId and version of the document that this one replaces, and its id.
        id, set_id: of the document and of its versions; fresh ones when None.
    """

    patient: PatientIdentity
    author: Person
    body: Body
    written_at: datetime
    title: str = ""
    type_code: str | None = None
    serviced_at: datetime | None = None
    practice_setting: Code = AMBULATORY
    facility_type: Code = PRIVATE_PRACTICE
    replaces: tuple[InstanceId, InstanceId, int] | None = None
    id: InstanceId | None = None
    set_id: InstanceId | None = None


def title_of(text: str) -> str:
    """Return TEXT as a title may be: characters that are legal in XML and can be seen, at most 128 of them.

    A title often is the name of a file that somebody else chose.
    """
    seen = "".join(each if each.isprintable() and each not in _NO_CHARACTERS else " " for each in text)
    return " ".join(seen.split())[:MAX_TITLE_CHARACTERS].strip()


def compose_level_1(request: Level1Request) -> bytes:
    """Wrap the file of REQUEST.

    Raises:
        ExchangeError: DOCUMENT_NOT_CDA when a level 1 body cannot be of this media type, CDA_INCOMPLETE when the
            type is not in the nomenclature.
    """
    media_type = request.body.media_type
    if media_type not in LEVEL_1_MEDIA_TYPES:
        raise ExchangeError(Refusal.DOCUMENT_NOT_CDA)
    default = PICTURE_TYPE if media_type.startswith("image/") else LETTER_TYPE
    code = type_code(request.type_code or default)
    if code is None:
        raise ExchangeError(Refusal.CDA_INCOMPLETE)
    return write_cda(_document(request, code), request.body)


def _document(request: Level1Request, code: Code) -> CDADocument:
    written = cda_from_instant(request.written_at)
    serviced = cda_from_instant(request.serviced_at or request.written_at)
    author = request.author
    structure = author.organization or Organization()
    signatory = _signatory(author)
    performer = replace(
        signatory,
        specialty=None,
        organization=Organization(
            identifier=structure.identifier, name=structure.name, industry=request.practice_setting
        ),
    )
    set_id, version, related = _version(request)
    return CDADocument(
        id=request.id or InstanceId(new_oid()),
        code=code,
        title=title_of(request.title) or code.display,
        effective_time=written,
        patient=request.patient,
        set_id=set_id,
        version=version,
        confidentiality=NORMAL,
        language="fr-FR",
        templates=(FRENCH_TEMPLATE, CI_SIS_TEMPLATE, UNSTRUCTURED_TEMPLATE),
        authors=(replace(author, time=written),),
        custodian=replace(structure, identifier=structure.identifier or InstanceId(STRUCTURES)),
        legal_authenticator=replace(signatory, time=written),
        service_events=(ServiceEvent(start=serviced, performer=performer),),
        related=related,
        encounter=Encounter(start=serviced, facility=request.facility_type),
        body_media_type=request.body.media_type,
    )


def _version(request: Level1Request) -> tuple[InstanceId, int, tuple[RelatedDocument, ...]]:
    if request.replaces is None:
        return request.set_id or InstanceId(new_oid()), 1, ()
    parent, set_id, version = request.replaces
    return set_id, version + 1, (RelatedDocument("RPLC", (parent,)),)


def _signatory(author: Person) -> Person:
    """Return who answers for the document: the author, or the structure alone when a device wrote it."""
    return replace(author, family="", given="", is_device=False, role="") if author.is_device else author
