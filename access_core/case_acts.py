"""Loading the facts of an act on the space itself: consent, blocks, sharing, closing, opening again.

Whoever asks is a professional or somebody of the patient's side; the same loader serves every such act, and the
caller adds what only it knows by `Context` and `consent_collected`.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime

from access_core.acts import Act
from access_core.case_inputs import CaseFacts, Sender, Session
from access_core.case_people import (
    age_of,
    as_protected,
    mode_of,
    patient_side,
    patient_subject,
    professional_subject,
    relation_of,
    state_of,
    with_preferences,
)
from access_core.config import LifeSettings
from access_core.facts import Auth, Consent, Context, Mode, Resource
from access_core.profiles import Profile, profile_by_id
from vaguemestre.kernel.database import Transaction


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Asking:
    """Somebody who asks to act on a space, at an instant.

    Attributes:
        profile: whose space.
        actor: the holder, a representative or carer (a profile), or a professional.
        session: how the actor signed in.
        behalf: who typed it for her, as the trace then says; empty when she acted herself.
        rules: delays in force.
    """

    profile: Profile
    actor: Sender | Profile
    session: Session
    now: datetime
    behalf: str = ""
    rules: LifeSettings = field(default_factory=LifeSettings)

    @property
    def actor_id(self) -> str | None:
        """Id of the profile or account that asks."""
        return self.actor.id

    @property
    def actor_label(self) -> str:
        """Who asks, as the trace shows it."""
        name = self.actor.name if isinstance(self.actor, Profile) else self.actor.label
        return f"{name}, par {self.behalf}" if self.behalf else name


def act_facts(
    tx: Transaction, asking: Asking, act: Act, context: Context | None = None, *, consent_collected: bool | None = None
) -> CaseFacts:
    """Load the facts of ACT, the profile as it now is among them.

    CONTEXT holds what only the caller knows, its mode and delegation are loaded here. CONSENT_COLLECTED: whether
    the professional declares to have her explicit consent; None when the act rests on what was recorded.
    """
    context = context or Context()
    asking = replace(asking, profile=profile_by_id(tx, asking.profile.id) or asking.profile)
    if isinstance(asking.actor, Profile):
        return _by_patient(tx, asking, act, context)
    return _by_professional(tx, asking, act, context, consent_collected=consent_collected)


def secret_filing_facts(tx: Transaction, asking: Asking) -> CaseFacts:
    """Load the facts of a professional and a minor who agree on secrecy: decided as the filing that it prepares."""
    case = act_facts(tx, asking, Act.FILE_DOCUMENT)
    return replace(case, context=replace(case.context, mode=Mode.SECRET))


def _by_patient(tx: Transaction, asking: Asking, act: Act, context: Context) -> CaseFacts:
    assert isinstance(asking.actor, Profile)
    kind, delegated = patient_side(tx, asking.actor, asking.profile, asking.now)
    in_force = delegated and context.delegation_active
    resource = with_preferences(tx, _space(asking), asking.profile)
    return CaseFacts(
        act=act,
        subject=patient_subject(kind, asking.session),
        resource=as_protected(tx, resource, asking.profile, kind, asking.now),
        context=replace(context, mode=asking.session.mode, delegation_active=in_force),
        profile=asking.profile,
        actor_id=asking.actor_id,
        actor_label=asking.actor_label,
    )


def _by_professional(
    tx: Transaction, asking: Asking, act: Act, context: Context, *, consent_collected: bool | None
) -> CaseFacts:
    assert not isinstance(asking.actor, Profile)
    relation = relation_of(tx, asking.profile, asking.actor.id, asking.now)
    resource = relation.applied(with_preferences(tx, _space(asking), asking.profile), asking.now)
    if consent_collected is not None:
        resource = replace(resource, consentement=Consent.EXPLICITE if consent_collected else Consent.AUCUN)
    return CaseFacts(
        act=act,
        subject=professional_subject(asking.actor, relation, asking.session),
        resource=resource,
        context=replace(context, mode=mode_of(asking.session.mode, relation.secret)),
        profile=asking.profile,
        actor_id=asking.actor_id,
        actor_label=asking.actor_label,
    )


def _space(asking: Asking) -> Resource:
    return Resource(profil=state_of(asking.profile), age=age_of(asking.profile, asking.now))


SIGNED_IN = Session(auth=Auth.LOGIN_OTP)
"""Somebody of the patient's side, two factors, just now."""

BY_CARD = Session(auth=Auth.PSC_ECPS)
"""A professional, by Pro Santé Connect, just now."""
