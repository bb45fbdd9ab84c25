"""What a patient puts into her own record: a file, wrapped in a CDA of which she is the author (dmp.md §3.5).

A file that came with a message keeps ids made from its place there: saved twice, it is one document.
"""

import uuid
from dataclasses import dataclass
from datetime import datetime

from access_core.case_acts import Asking
from access_core.case_inputs import Sender
from access_core.case_people import patient_side
from access_core.profiles import Profile
from dmp_bridge.cda.body import LEVEL_1_MEDIA_TYPES, Body
from dmp_bridge.cda.header import (
    CI_SIS_TEMPLATE,
    FRENCH_TEMPLATE,
    UNSTRUCTURED_TEMPLATE,
    CDADocument,
    Encounter,
    InstanceId,
    Organization,
    Person,
    ServiceEvent,
)
from dmp_bridge.cda.level_1 import title_of
from dmp_bridge.cda.writer import write_cda
from dmp_bridge.filing import Filer
from dmp_bridge.outcome import FilingCase, FilingOutcome
from dmp_bridge.people import patient_identity
from dmp_bridge.preparation import prepare_document
from dmp_bridge.refusals import ExchangeError, Refusal
from dmp_bridge.xds.identifiers import DMP_CUSTODIAN
from dmp_bridge.xds.metadata import NORMAL, Code
from dmp_bridge.xds.terminology import type_code
from dmp_bridge.xds.times import cda_from_instant, xds_from_instant
from vaguemestre.kernel.database import Transaction

OTHER_PATIENT_DOCUMENT = "EXPPAT_2"
_EXPRESSION = Code("EXP_PATIENT", "1.2.250.1.213.1.1.4.6", "Expression personnelle du patient")
_PLACES = uuid.UUID("6b0a3f0e-9d0a-5e0a-8f3f-0c6f6f2b7d11")


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class PatientDeposit:
    """A file for the record of the one who asks, or of the person that she represents.

    Attributes:
        asking: who, on whose space, signed in how.
        place: what names the file for ever, such as the ids of its message and section.
        dated_at: when the file came; the date of the document.
        source_id: OID of this system, for the submission set.
    """

    asking: Asking
    place: str
    title: str
    body: Body
    dated_at: datetime
    source_id: str
    message_id: str | None = None


def file_by_patient(tx: Transaction, filer: Filer, deposit: PatientDeposit) -> FilingOutcome:
    """Decide and file a deposit, of patient origin, class 90; the outcome is traced.

    Raises:
        ExchangeError: DOCUMENT_NOT_CDA when a document of the record cannot hold a file of this media type.
    """
    content = wrapped(deposit, deposit.asking.profile)
    prepared = prepare_document(
        content, source_id=deposit.source_id, submission_time=xds_from_instant(deposit.asking.now)
    )
    return filer.file(tx, _case(tx, deposit), prepared)


def _case(tx: Transaction, deposit: PatientDeposit) -> FilingCase:
    asking, actor = deposit.asking, deposit.asking.actor
    assert isinstance(actor, Profile)
    kind, _ = patient_side(tx, actor, asking.profile, asking.now)
    return FilingCase(
        profile=asking.profile,
        sender=Sender(kind=kind, label=asking.actor_label, id=actor.id),
        now=asking.now,
        message_id=deposit.message_id,
        asking=asking,
    )


def wrapped(deposit: PatientDeposit, profile: Profile) -> bytes:
    """Return the document of a deposit into the record of PROFILE."""
    if deposit.body.media_type not in LEVEL_1_MEDIA_TYPES:
        raise ExchangeError(Refusal.DOCUMENT_NOT_CDA)
    return write_cda(_document(deposit, profile), deposit.body)


def _document(deposit: PatientDeposit, profile: Profile) -> CDADocument:
    written = cda_from_instant(deposit.dated_at)
    code = type_code(OTHER_PATIENT_DOCUMENT)
    assert code is not None
    author = Person(
        identifier=InstanceId(profile.ins.oid, profile.ins.value),
        family=profile.family,
        given=profile.given,
        time=written,
    )
    performer = Person(
        identifier=author.identifier,
        family=author.family,
        given=author.given,
        organization=Organization(industry=_EXPRESSION),
    )
    return CDADocument(
        id=_oid("document", deposit, profile),
        code=code,
        title=title_of(deposit.title) or code.display,
        effective_time=written,
        patient=patient_identity(profile),
        set_id=_oid("set", deposit, profile),
        version=1,
        confidentiality=NORMAL,
        language="fr-FR",
        templates=(FRENCH_TEMPLATE, CI_SIS_TEMPLATE, UNSTRUCTURED_TEMPLATE),
        authors=(author,),
        custodian=Organization(identifier=InstanceId(DMP_CUSTODIAN), name="DMP"),
        legal_authenticator=author,
        service_events=(ServiceEvent(code=_EXPRESSION, start=written, performer=performer),),
        encounter=Encounter(start=written, facility=_EXPRESSION),
        body_media_type=deposit.body.media_type,
    )


def _oid(kind: str, deposit: PatientDeposit, profile: Profile) -> InstanceId:
    name = f"{kind}/{profile.id}/{deposit.place}"
    return InstanceId(f"2.25.{uuid.uuid5(_PLACES, name).int}")
