"""Filing without a mail: `vaguemestre dmp file FILE --patient INS --as ADDRESS`.

A CDA or an IHE_XDM.zip is filed as it is; a PDF, image, RTF or text is wrapped in a CDA level 1 whose header
comes from the profile and the professional's mailbox, never from the file (dmp.md §3.5).
"""

from dataclasses import dataclass
from datetime import datetime

from access_core.case_inputs import local_sender
from access_core.professionals import Professional
from access_core.profiles import Profile
from dmp_bridge.bodies import media_type_of
from dmp_bridge.cda.body import Body
from dmp_bridge.cda.level_1 import Level1Request, compose_level_1
from dmp_bridge.filing import Filer
from dmp_bridge.outcome import FilingCase, FilingOutcome, refuse
from dmp_bridge.people import author_of, patient_identity
from dmp_bridge.preparation import PreparedDocument, prepare_archive, prepare_document
from dmp_bridge.refusals import ExchangeError, Refusal
from dmp_bridge.xdm.limits import ReaderRules
from dmp_bridge.xds.times import xds_from_instant
from vaguemestre.kernel.database import Transaction


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class DirectFiling:
    """A file for a patient's record, deposited by one of our professionals.

    Attributes:
        data: made ready by `ready_to_file`; a photograph that was not is refused.
        source_id: OID of this system, for the submission set.
        type_code: LOINC or TRE_A05 of a wrapped file; a letter or a picture by default.
        title: of a wrapped file; the label of its type by default.
    """

    profile: Profile
    professional: Professional
    data: bytes
    now: datetime
    source_id: str
    rules: ReaderRules
    type_code: str | None = None
    title: str = ""
    presume_care: bool = False


def file_document_directly(tx: Transaction, filer: Filer, deposit: DirectFiling) -> tuple[FilingOutcome, ...]:
    """Decide and file a deposit; one outcome for each document, or one refusal.

    Files of another kind are refused with X_DOCUMENT_NON_CDA. Every outcome is traced.
    """
    case = FilingCase(
        profile=deposit.profile,
        sender=local_sender(deposit.professional),
        now=deposit.now,
        presume_care=deposit.presume_care,
    )
    try:
        prepared = _prepare(deposit)
    except ExchangeError as error:
        return (refuse(tx, case, error.code),)
    return tuple(filer.file(tx, case, each) for each in prepared)


def _prepare(deposit: DirectFiling) -> tuple[PreparedDocument, ...]:
    media_type = media_type_of(deposit.data)
    if media_type is None:
        raise ExchangeError(Refusal.DOCUMENT_NOT_CDA)
    if media_type == "application/zip":
        return prepare_archive(deposit.data, deposit.rules)
    content = deposit.data if media_type == "text/xml" else _wrapped(deposit, media_type)
    time = xds_from_instant(deposit.now)
    return (prepare_document(content, source_id=deposit.source_id, submission_time=time),)


def _wrapped(deposit: DirectFiling, media_type: str) -> bytes:
    request = Level1Request(
        patient=patient_identity(deposit.profile),
        author=author_of(deposit.professional, deposit.source_id),
        body=Body(media_type, deposit.data),
        written_at=deposit.now,
        title=deposit.title,
        type_code=deposit.type_code,
    )
    return compose_level_1(request)
