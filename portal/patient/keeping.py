"""Keeping a file of a message in her record, as a document of her own."""

from dataclasses import dataclass
from functools import partial

from access_core.reasons import REGISTER, Reason
from dmp_bridge.cda.body import Body
from dmp_bridge.deposit import PatientDeposit, file_by_patient
from dmp_bridge.intake import build_filer
from dmp_bridge.outcome import FilingOutcome, sentence_of
from portal.attachments.kinds import Kind
from portal.patient.mail import FileContent
from portal.patient.thread import MessagePlace, find_message, open_attachment
from portal.patient.viewer import Viewer
from portal.patient.visibility import asking_of
from portal.services import PortalServices

MEDIA_TYPES = {
    Kind.PDF: "application/pdf",
    Kind.JPEG: "image/jpeg",
    Kind.TIFF: "image/tiff",
    Kind.RTF: "text/rtf",
    Kind.TEXT: "text/plain",
}


@dataclass(frozen=True, slots=True)
class Kept:
    """What came of it: the document, or the code and the sentence of the refusal."""

    document_id: str | None
    code: str
    sentence: str


async def keep_attachment(services: PortalServices, viewer: Viewer, place: MessagePlace, section: str) -> Kept | None:
    """File an attachment in the patient's record; kept twice, it is one document.

    Returns:
        None when there is no such file for this patient, or it is of a kind that no document holds.

    Raises:
        TemporaryFailure: nothing was filed.
    """
    file = await open_attachment(services, viewer, place, section)
    if file is None or file.kind not in MEDIA_TYPES:
        return None
    message = await services.database.read(partial(find_message, viewer=viewer, place=place))
    if message is None:
        return None
    deposit = PatientDeposit(
        asking=asking_of(services, viewer),
        place=f"{place.message_id}/{section}",
        title=_title(file),
        body=Body(MEDIA_TYPES[file.kind], file.content),
        dated_at=message.at,
        source_id=services.dmp.repository_id,
        message_id=place.message_id,
    )
    filer = build_filer(services.store, services.dmp)
    return _kept(await services.database.write(partial(file_by_patient, filer=filer, deposit=deposit)))


def _title(file: FileContent) -> str:
    return file.name.rpartition(".")[0].strip() or file.name


def _kept(outcome: FilingOutcome) -> Kept:
    known = outcome.reason in set(Reason)
    code = REGISTER[Reason(outcome.reason)].shown.value if known else outcome.reason
    return Kept(outcome.document_id, code, sentence_of(outcome.reason))
