"""Keeping a file of a message in her record, as a document of her own."""

import asyncio
from dataclasses import dataclass
from functools import partial

from access_core.reasons import REGISTER, Reason
from dmp_bridge.bodies import encoded_bytes, media_type_of, ready_to_file
from dmp_bridge.cda.body import LEVEL_1_MEDIA_TYPES, Body
from dmp_bridge.deposit import PatientDeposit, file_by_patient
from dmp_bridge.intake import build_filer
from dmp_bridge.outcome import FilingOutcome, sentence_of
from dmp_bridge.refusals import ExchangeError, Refusal
from portal.attachments.kinds import FileContent
from portal.patient.reply import image_limits
from portal.patient.thread import MessagePlace, find_message, open_attachment
from portal.patient.viewer import Viewer
from portal.patient.visibility import asking_of
from portal.services import PortalServices


@dataclass(frozen=True, slots=True)
class Kept:
    """What came of it: the document, or the code and the sentence of the refusal."""

    document_id: str | None
    code: str
    sentence: str


async def keep_attachment(services: PortalServices, viewer: Viewer, place: MessagePlace, section: str) -> Kept | None:
    """File an attachment in the patient's record; kept twice, it is one document.

    A photograph is re-encoded as JPEG by a child process first: call it under the semaphore of images.

    Returns:
        None when there is no such file for this patient.

    Raises:
        TemporaryFailure: nothing was filed.
    """
    file = await open_attachment(services, viewer, place, section)
    message = await services.database.read(partial(find_message, viewer=viewer, place=place))
    if file is None or message is None:
        return None
    try:
        body = await asyncio.to_thread(_body, file.content, services)
    except ExchangeError as error:
        return Kept(None, error.code, sentence_of(error.code))
    deposit = PatientDeposit(
        asking=asking_of(services, viewer),
        place=f"{place.message_id}/{section}",
        title=_title(file),
        body=body,
        dated_at=message.at,
        source_id=services.dmp.repository_id,
        message_id=place.message_id,
    )
    filer = build_filer(services.store, services.dmp)
    return _kept(await services.database.write(partial(file_by_patient, filer=filer, deposit=deposit)))


def _body(content: bytes, services: PortalServices) -> Body:
    """Make a file what a document can carry.

    Raises:
        ExchangeError: PICTURE_UNREADABLE, FILE_KIND, FILE_SIZE.
    """
    ready = ready_to_file(content, image_limits(services.settings))
    media_type = media_type_of(ready)
    if media_type is None or media_type not in LEVEL_1_MEDIA_TYPES:
        raise ExchangeError(Refusal.FILE_KIND)
    if encoded_bytes(len(ready)) > services.dmp.max_document_bytes:
        raise ExchangeError(Refusal.FILE_SIZE)
    return Body(media_type, ready)


def _title(file: FileContent) -> str:
    return file.name.rpartition(".")[0].strip() or file.name


def _kept(outcome: FilingOutcome) -> Kept:
    known = outcome.reason in set(Reason)
    code = REGISTER[Reason(outcome.reason)].shown.value if known else outcome.reason
    return Kept(outcome.document_id, code, sentence_of(outcome.reason))
