"""Who acts, on whose space: the facts about people that every loader of `case_facts` and `case_acts` shares.

What is not known is never guessed in favour of the one who asks: no care relation is no care, a person who is neither
holder nor representative is a carer, whose access counts only while a sharing with her is in force.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from access_core.care import Care, care_of
from access_core.case_inputs import NO_PROFESSION, Sender, Session
from access_core.consent import Authorisation, authorisation_of, consent_in_force
from access_core.delegation import is_carer
from access_core.facts import Confidentiality, Mode, ProfileState, Resource, Subject, SubjectKind
from access_core.majority import MAJORITY
from access_core.preferences import preferences_of
from access_core.profiles import Profile, ProfileStatus
from access_core.protection import is_protected
from access_core.representation import representatives_of
from access_core.secrecy import Secret, secret_of
from vaguemestre.kernel.database import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Relation:
    """What the catalogue knows of a professional and a patient; `lifted`: a minor ended the secret that they shared."""

    care: Care | None
    authorisation: Authorisation
    secret: Secret | None
    lifted: bool = False

    def applied(self, resource: Resource, now: datetime) -> Resource:
        """Return the facts of a case with what the patient decided about this professional."""
        return replace(
            resource,
            pro_bloque=self.authorisation.blocked,
            consentement=consent_in_force(self.authorisation, self.care, now),
            accord_mineur=self.lifted,
        )


def relation_of(tx: Transaction, profile: Profile, professional_id: str | None, now: datetime) -> Relation:
    """Load what is known of a professional, None for one who is not ours, and a patient."""
    if professional_id is None:
        return Relation(care=None, authorisation=Authorisation(professional_id=""), secret=None)
    agreed = secret_of(tx, profile.id, professional_id)
    return Relation(
        care=care_of(tx, profile.id, professional_id, now=now),
        authorisation=authorisation_of(tx, profile.id, professional_id),
        secret=agreed if agreed is not None and agreed.stands and _is_minor(profile, now) else None,
        lifted=agreed is not None and not agreed.stands,
    )


def standing_secret(
    tx: Transaction, profile: Profile | None, professional_id: str | None, now: datetime
) -> Secret | None:
    """Return the agreement that stands between a minor and a professional; an adult needs none."""
    if profile is None or professional_id is None or not _is_minor(profile, now):
        return None
    found = secret_of(tx, profile.id, professional_id)
    return found if found is not None and found.stands else None


def _is_minor(profile: Profile, now: datetime) -> bool:
    return profile.age(now) < MAJORITY.years()


def mode_of(asked: Mode, secret: Secret | None) -> Mode:
    """Return the access mode: what was agreed to be secret is never an ordinary access."""
    return Mode.SECRET if secret is not None and asked is Mode.NORMAL else asked


def patient_side(tx: Transaction, actor: Profile, profile: Profile, now: datetime) -> tuple[SubjectKind, bool]:
    """Return in what capacity ACTOR acts on PROFILE, and whether a carer's access is in force."""
    if actor.id == profile.id:
        return SubjectKind.TITULAIRE, True
    if any(each.id == actor.id for each in representatives_of(tx, profile.id, now=now)):
        return SubjectKind.RL, True
    return SubjectKind.AIDANT, is_carer(tx, profile.id, actor.id, now=now)


def as_protected(tx: Transaction, resource: Resource, profile: Profile, kind: SubjectKind, now: datetime) -> Resource:
    """Return the facts with the protection of an adult, which counts for who represents her only."""
    if kind is not SubjectKind.RL:
        return resource
    return replace(resource, protege=is_protected(tx, profile.id, now=now))


def patient_subject(kind: SubjectKind, session: Session) -> Subject:
    """Describe somebody of the patient's side."""
    return Subject(
        auth=session.auth,
        sujet=kind,
        profession=NO_PROFESSION,
        session_min=session.since_min,
        inactif_min=session.idle_min,
    )


def professional_subject(actor: Sender, relation: Relation, session: Session, *, author: bool = False) -> Subject:
    """Describe a professional or structure in front of one patient; AUTHOR: he filed the document."""
    care = relation.care
    return Subject(
        auth=session.auth,
        sujet=actor.kind,
        profession=actor.profession,
        session_min=session.since_min,
        inactif_min=session.idle_min,
        annuaire=actor.directory,
        equipe=care is not None,
        prise_en_charge=care is not None,
        informe=care is not None and care.informed,
        statut=relation.authorisation.standing,
        auteur=author,
    )


def with_preferences(tx: Transaction, resource: Resource, profile: Profile | None) -> Resource:
    """Return the facts with the emergency switches and the default masking of the patient."""
    return resource if profile is None else preferences_of(tx, profile.id).applied(resource)


def masked_if_default(resource: Resource) -> Resource:
    """Return the document as a professional meets it: masking by default hides what was filed before it, too."""
    if not resource.masque_defaut or resource.conf is None:
        return resource
    return replace(resource, conf=resource.conf | {Confidentiality.MASQUE_PS})


def state_of(profile: Profile | None) -> ProfileState:
    """Return the fact `profil`; a space that is only announced is not there yet."""
    if profile is None or profile.status is ProfileStatus.ANNONCE:
        return ProfileState.INEXISTANT
    return ProfileState(profile.status)


def age_of(profile: Profile | None, now: datetime) -> int:
    """Return the holder's age; without a profile any age does, since the case is refused for that."""
    return MAJORITY.years() if profile is None else profile.age(now)
