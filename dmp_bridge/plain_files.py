"""The plain files of a message, and whether they go to the record: PDF and pictures, each wrapped in a CDA level 1.

They go when the message says so (`X-Vaguemestre-Type-Document: LOINC`) or the mailbox does; `AUCUN` says no. Files
beside an IHE_XDM.zip are copies of its documents and stay mail; so does medico-administrative mail: a type of class 95,
or an invitation to an appointment. The document's ids come from the place of the file, so that it is filed once.

Source: issue « what is filed when », dmp.md §3.5, §7.2; VGM:FILING-PLAIN
"""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from email.parser import BytesHeaderParser
from email.policy import compat32

from access_core.professionals import Professional
from access_core.profiles import Profile
from dmp_bridge.bodies import media_type_of, ready_to_file
from dmp_bridge.cda.body import Body
from dmp_bridge.cda.header import InstanceId
from dmp_bridge.cda.level_1 import Level1Request, compose_level_1
from dmp_bridge.people import author_of, patient_identity
from dmp_bridge.pictures.pictures import ImageLimits
from dmp_bridge.preparation import PreparedDocument, prepare_document
from dmp_bridge.refusals import ExchangeError, Refusal
from dmp_bridge.xds.terminology import class_of_type, type_code
from dmp_bridge.xds.times import xds_from_instant
from mailstore.mime.index import Part
from mailstore.reader import MessageReader

HEADER = "X-Vaguemestre-Type-Document"
NONE = "AUCUN"
ADMINISTRATIVE_CLASS = "95"
ADMINISTRATIVE_NOTE = "51851-4"
FILED_TYPES = frozenset({"application/pdf", "image/jpeg", "image/png", "image/gif", "image/heic", "image/tiff"})
_INVITATION = "text/calendar"
_PLACES = uuid.UUID("1a0bb0f5-8d53-5c1f-9a53-41d8b1a7a8d5")


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class PlainFile:
    """A file of a message: its section there, its name, its bytes."""

    section: str
    name: str
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class PlainFiles:
    """The files to file, and all that their headers will say.

    Attributes:
        message_id: of the store; with the section, it names a file for ever.
        source_id: OID of this system.
    """

    files: tuple[PlainFile, ...]
    type_code: str
    profile: Profile
    professional: Professional
    sent_at: datetime
    message_id: str
    source_id: str
    images: ImageLimits = field(default_factory=ImageLimits)


def asked_type(header: bytes) -> str | None:
    """Return what a message says of its files: a type code, `AUCUN`, or None when it says nothing."""
    value = BytesHeaderParser(policy=compat32).parsebytes(header).get(HEADER)
    text = "" if value is None else str(value).strip()
    return text.upper() if text.upper() == NONE else text or None


def is_medical(type_code_wanted: str) -> bool:
    """Tell whether files of a type go to the record; medico-administrative mail does not."""
    if type_code_wanted in (NONE, ADMINISTRATIVE_NOTE):
        return False
    found = class_of_type(type_code_wanted)
    return found is None or found.code != ADMINISTRATIVE_CLASS


def is_invitation(reader: MessageReader) -> bool:
    """Tell whether a message is about an appointment."""
    return any(part.media_type == _INVITATION for part in reader.index.parts)


def plain_files(reader: MessageReader, *, max_bytes: int) -> tuple[PlainFile, ...]:
    """Return the PDF and pictures that a message carries as files, told by their bytes; too large ones are left."""
    named = (part for part in reader.index.parts if _is_file(part) and part.size_bytes <= max_bytes * 1.4)
    found = (
        PlainFile(section=part.section, name=part.filename or "", data=reader.decoded(part.section)) for part in named
    )
    return tuple(each for each in found if media_type_of(each.data) in FILED_TYPES)


def _is_file(part: Part) -> bool:
    return part.disposition == "attachment" or part.filename is not None


def prepare_files(plain: PlainFiles) -> Iterable[PreparedDocument | Refusal]:
    """Make a document of each file; blocks while photographs are read. One that cannot be is a refusal in its place."""
    for each in plain.files:
        try:
            yield _prepared(plain, each)
        except ExchangeError as error:
            yield error.code


def _prepared(plain: PlainFiles, file: PlainFile) -> PreparedDocument:
    if type_code(plain.type_code) is None:
        raise ExchangeError(Refusal.TYPE_UNKNOWN)
    data = ready_to_file(file.data, plain.images)
    request = Level1Request(
        patient=patient_identity(plain.profile),
        author=author_of(plain.professional, plain.source_id),
        body=Body(media_type_of(data) or "", data),
        written_at=plain.sent_at,
        title=file.name.rpartition(".")[0].strip(),
        type_code=plain.type_code,
        id=_oid(plain, file, "document"),
        set_id=_oid(plain, file, "set"),
    )
    content = compose_level_1(request)
    return prepare_document(content, source_id=plain.source_id, submission_time=xds_from_instant(plain.sent_at))


def _oid(plain: PlainFiles, file: PlainFile, kind: str) -> InstanceId:
    name = f"{kind}/{plain.profile.id}/{plain.message_id}/{file.section}"
    return InstanceId(f"2.25.{uuid.uuid5(_PLACES, name).int}")
