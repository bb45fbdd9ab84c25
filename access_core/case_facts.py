"""Loading the facts of a case: from what the catalogue holds to what `decide` reads.

One loader for each act on messages and documents; acts on the space itself are in `case_acts`. What is not known is
never guessed in favour of the one who asks. The result keeps who acts and on whose space, for the trace.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from sqlalchemy import bindparam, select

from access_core.acts import Act
from access_core.care import Care, care_of
from access_core.case_inputs import CaseFacts, DocumentFacts, FilingRequest, ReadingRequest, ReplyRequest, Sender
from access_core.case_people import (
    age_of,
    as_protected,
    masked_if_default,
    mode_of,
    patient_side,
    patient_subject,
    professional_subject,
    relation_of,
    standing_secret,
    state_of,
    with_preferences,
)
from access_core.directories.identities import status_of
from access_core.facts import Auth, Context, FilingOpposition, IdentityStatus, Mode, Resource, Subject
from access_core.identifiers import INS
from access_core.objections import FilingScope, filing_opposition
from access_core.preferences import preferences_of
from access_core.profiles import Profile, profile_by_ins
from access_core.secrecy import SecretKind
from access_core.tables import first_access
from vaguemestre.kernel.database import Transaction

_FIRST_ACCESS = select(first_access.c.at).where(
    first_access.c.profile_id == bindparam("patient"), first_access.c.professional_id == bindparam("professional")
)


def delivery_facts(
    tx: Transaction, sender: Sender, ins: INS | None, *, now: datetime, auth: Auth = Auth.MSSANTE
) -> CaseFacts:
    """Load the facts of `deliver_to_patient` for one recipient; INS None: the address names no well-formed INS."""
    profile = None if ins is None else profile_by_ins(tx, ins)
    identity = IdentityStatus.MALFORMEE if ins is None else IdentityStatus.QUALIFIEE
    return CaseFacts(
        act=Act.DELIVER_TO_PATIENT,
        subject=Subject(auth=auth, sujet=sender.kind, profession=sender.profession, annuaire=sender.directory),
        resource=Resource(profil=state_of(profile), age=age_of(profile, now), ins=identity),
        context=Context(mode=mode_of(Mode.NORMAL, standing_secret(tx, profile, sender.id, now))),
        profile=profile,
        actor_id=sender.id,
        actor_label=sender.label,
    )


def reply_facts(tx: Transaction, request: ReplyRequest) -> CaseFacts:
    """Load the facts of `reply_by_patient`."""
    profile, exchange, session = request.profile, request.exchange, request.session
    kind, delegated = patient_side(tx, request.actor, profile, request.now)
    resource = Resource(
        profil=state_of(profile),
        age=profile.age(request.now),
        conversation=exchange.conversation,
        reponse=exchange.reply,
        destinataire=exchange.recipient,
    )
    return CaseFacts(
        act=Act.REPLY_BY_PATIENT,
        subject=patient_subject(kind, session),
        resource=as_protected(tx, resource, profile, kind, request.now),
        context=Context(mode=session.mode, delegation_active=delegated),
        profile=profile,
        actor_id=request.actor.id,
        actor_label=request.actor.name,
    )


def filing_facts(tx: Transaction, request: FilingRequest) -> CaseFacts:
    """Load the facts of `file_document` by a professional or structure.

    The bridge files under the structure's certificate (EX_GEN-1450); the sender remains the author.
    """
    sender, now = request.sender, request.now
    profile = None if request.ins is None else profile_by_ins(tx, request.ins)
    care = _care(tx, profile, sender.id, now)
    secret = standing_secret(tx, profile, sender.id, now)
    informed = request.informed if request.informed is not None else care is not None and care.informed
    identity = IdentityStatus.ABSENTE if request.ins is None else _identity(tx, profile, request.identity)
    silent = secret is not None and secret.kind is SecretKind.TAIRE
    resource = replace(
        _document(request.document, profile, now),
        ins=identity,
        secret_mineur=silent,
        opposition_depot=_opposition(tx, profile, sender.id, request.document.type_code),
    )
    return CaseFacts(
        act=Act.FILE_DOCUMENT,
        subject=Subject(
            auth=Auth.ORG_CERT,
            sujet=sender.kind,
            profession=sender.profession,
            annuaire=sender.directory,
            equipe=care is not None,
            prise_en_charge=care is not None or request.presume_care,
            informe=informed,
            auteur=True,
        ),
        resource=with_preferences(tx, resource, profile),
        context=Context(mode=mode_of(Mode.NORMAL, secret)),
        profile=profile,
        actor_id=sender.id,
        actor_label=sender.label,
    )


def reading_facts(tx: Transaction, request: ReadingRequest) -> CaseFacts:
    """Load the facts of `read_document`."""
    return readings(tx, request)(request.document)


def readings(tx: Transaction, request: ReadingRequest) -> Callable[[DocumentFacts], CaseFacts]:
    """Load once what the catalogue knows of a reader and a patient; returns the case of each of her documents.

    The document of REQUEST counts for nothing here.
    """
    if isinstance(request.reader, Profile):
        return _readings_by_patient(tx, request, request.reader)
    return _readings_by_professional(tx, request, request.reader)


def _readings_by_patient(
    tx: Transaction, request: ReadingRequest, reader: Profile
) -> Callable[[DocumentFacts], CaseFacts]:
    profile, now = request.profile, request.now
    kind, delegated = patient_side(tx, reader, profile, now)
    protected = as_protected(tx, Resource(), profile, kind, now).protege

    def case(document: DocumentFacts) -> CaseFacts:
        return CaseFacts(
            act=Act.READ_DOCUMENT,
            subject=patient_subject(kind, request.session),
            resource=replace(_document(document, profile, now), protege=protected),
            context=Context(mode=request.session.mode, delegation_active=delegated),
            profile=profile,
            actor_id=reader.id,
            actor_label=reader.name,
        )

    return case


def _readings_by_professional(
    tx: Transaction, request: ReadingRequest, reader: Sender
) -> Callable[[DocumentFacts], CaseFacts]:
    profile, session, now = request.profile, request.session, request.now
    relation = relation_of(tx, profile, reader.id, now)
    identity = _identity(tx, profile, IdentityStatus.QUALIFIEE)
    preferences = preferences_of(tx, profile.id)
    keys = {"patient": profile.id, "professional": reader.id}
    is_first = tx.execute(_FIRST_ACCESS, keys).first() is None

    def case(document: DocumentFacts) -> CaseFacts:
        resource = preferences.applied(replace(_document(document, profile, now), ins=identity))
        return CaseFacts(
            act=Act.READ_DOCUMENT,
            subject=professional_subject(reader, relation, session, author=document.by_reader),
            resource=relation.applied(masked_if_default(resource), now),
            context=Context(mode=mode_of(session.mode, relation.secret), premier_acces=is_first),
            profile=profile,
            actor_id=reader.id,
            actor_label=reader.label,
        )

    return case


def _identity(tx: Transaction, profile: Profile | None, found: IdentityStatus) -> IdentityStatus:
    """Return the status of an identity whose traits agree: what `patient verify` kept, once it was asked."""
    if profile is None or found is not IdentityStatus.QUALIFIEE:
        return found
    return status_of(tx, profile.id) or found


def _care(tx: Transaction, profile: Profile | None, professional_id: str | None, now: datetime) -> Care | None:
    if profile is None or professional_id is None:
        return None
    return care_of(tx, profile.id, professional_id, now=now)


def _opposition(
    tx: Transaction, profile: Profile | None, professional_id: str | None, type_code: str
) -> FilingOpposition:
    if profile is None:
        return FilingOpposition.NON  # refused for want of a profile
    return filing_opposition(tx, profile.id, FilingScope(professional_id=professional_id, type_code=type_code))


def _document(document: DocumentFacts, profile: Profile | None, now: datetime) -> Resource:
    return Resource(
        profil=state_of(profile),
        age=age_of(profile, now),
        doc=document.type_code,
        origine=document.origin,
        conf=document.confidentiality,
        masque_par=document.masked_by,
        etat_doc=document.state,
        doublon=document.duplicate,
        annonce=document.announced,
        jours=0 if document.filed_at is None else (now - document.filed_at).days,
    )
