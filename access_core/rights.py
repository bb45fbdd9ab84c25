"""What a patient, or who may act for her, decides about professionals and about her whole space.

Each function is one act: facts, decision, trace, change, obligations, in the caller's transaction (`performing`).
Acts that the closed list does not name are decided as the right that they exercise: naming an administrator or
opening an emergency switch as granting access, taking back as withdrawing it, masking by default as masking.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from access_core import consent, secrecy
from access_core.acts import Act
from access_core.case_acts import Asking, act_facts, secret_filing_facts
from access_core.case_inputs import Sender
from access_core.consent import AccessLevel, ConsentState, Given
from access_core.decision import Obligation
from access_core.facts import Context, Standing, Target
from access_core.objections import FilingObjection, FilingScope, check_objection, lift_objection, record_objection
from access_core.performing import Doing, Outcome, perform
from access_core.preferences import SWITCHES, Preferences, preferences_of, set_preferences
from access_core.secrecy import SecretKind
from access_core.trace.decisions import About
from vaguemestre.kernel.database import Transaction


def block_professional(tx: Transaction, asking: Asking, professional_id: str) -> Outcome[None]:
    """Block a professional: patient's side, or the médecin traitant or an administrator."""
    doing = Doing(
        about=About(resource_kind="block", resource_id=professional_id),
        effect=lambda tx: consent.block(tx, asking.profile.id, professional_id, now=asking.now),
        professional_id=professional_id,
    )
    return perform(tx, asking, act_facts(tx, asking, Act.BLOCK_PROFESSIONAL), doing)


def unblock_professional(tx: Transaction, asking: Asking, professional_id: str) -> Outcome[None]:
    """Lift a block; the professional has to collect consent again."""
    doing = Doing(
        about=About(resource_kind="block", resource_id=professional_id),
        effect=lambda tx: consent.unblock(tx, asking.profile.id, professional_id),
        professional_id=professional_id,
    )
    return perform(tx, asking, act_facts(tx, asking, Act.UNBLOCK_PROFESSIONAL), doing)


def grant_access(tx: Transaction, asking: Asking, professional_id: str, level: AccessLevel) -> Outcome[None]:
    """Grant access as the patient: the professional is told, and it waits until he accepts."""
    given = Given(consent=ConsentState.EN_ATTENTE, at=asking.now, until=_consent_end(asking), level=level)
    doing = Doing(
        about=About(resource_kind="consent", resource_id=professional_id),
        effect=lambda tx: consent.record_consent(tx, asking.profile.id, professional_id, given),
        professional_id=professional_id,
    )
    return perform(tx, asking, act_facts(tx, asking, Act.GRANT_ACCESS), doing)


def accept_grant(tx: Transaction, asking: Asking) -> Outcome[None]:
    """Accept, as the professional, what the patient granted; without a grant there is no consent to accept."""
    professional_id = own_id(asking)
    found = consent.authorisation_of(tx, asking.profile.id, professional_id)
    waits = found.consent is ConsentState.EN_ATTENTE and (
        found.consent_until is None or asking.now < found.consent_until
    )
    given = Given(consent=ConsentState.EXPLICITE, at=asking.now, until=_consent_end(asking), level=found.level)
    return _record(tx, asking, given, collected=waits)


def record_consent(tx: Transaction, asking: Asking, level: AccessLevel, *, collected: bool) -> Outcome[None]:
    """Record, as the professional, the explicit consent that he declares to have collected (R1111-46)."""
    given = Given(consent=ConsentState.EXPLICITE, at=asking.now, until=_consent_end(asking), level=level)
    return _record(tx, asking, given, collected=collected)


def refuse_consultation(tx: Transaction, asking: Asking, professional_id: str) -> Outcome[None]:
    """Record that the patient objects to consultation by a professional, told by her or by him about himself."""
    return _withdraw(tx, asking, professional_id, ConsentState.REFUSE)


def withdraw_access(tx: Transaction, asking: Asking, professional_id: str) -> Outcome[None]:
    """Withdraw what was granted: the patient's side from anybody, a professional his own."""
    return _withdraw(tx, asking, professional_id, ConsentState.RETIRE)


def oppose_filing(tx: Transaction, asking: Asking, objection: FilingObjection) -> Outcome[None]:
    """Object, as the patient's side, to what professionals file; consultation and her own papers are not concerned.

    Raises:
        ObjectionInvalid: without a motive, or about a type that professionals do not file.
    """
    check_objection(objection)
    doing = Doing(
        about=_about_filing(asking, objection.scope),
        effect=lambda tx: record_objection(tx, asking.profile.id, objection),
    )
    return perform(tx, asking, act_facts(tx, asking, Act.WITHDRAW_ACCESS), doing)


def allow_filing(tx: Transaction, asking: Asking, scope: FilingScope) -> Outcome[bool]:
    """Lift the objection about exactly this; decided as lifting a block, which only the patient's side does."""
    doing = Doing(
        about=_about_filing(asking, scope),
        effect=lambda tx: lift_objection(tx, asking.profile.id, scope, now=asking.now),
    )
    return perform(tx, asking, act_facts(tx, asking, Act.UNBLOCK_PROFESSIONAL), doing)


def name_standing(tx: Transaction, asking: Asking, professional_id: str, standing: Standing) -> Outcome[None]:
    """Name the médecin traitant, an administrator or a special doctor; AUCUN takes the title back."""
    act = Act.WITHDRAW_ACCESS if standing is Standing.AUCUN else Act.GRANT_ACCESS
    doing = Doing(
        about=About(resource_kind="standing", resource_id=professional_id),
        effect=lambda tx: consent.set_standing(tx, asking.profile.id, professional_id, standing),
        professional_id=professional_id,
    )
    return perform(tx, asking, act_facts(tx, asking, act), doing)


def set_emergency(tx: Transaction, asking: Asking, wanted: Preferences) -> Outcome[Preferences]:
    """Set the three emergency switches; masked documents stay closed while the two others are off."""
    before = preferences_of(tx, asking.profile.id)
    after = replace(wanted, masked_by_default=before.masked_by_default).consistent()
    opens = any(getattr(after, name) and not getattr(before, name) for name in SWITCHES)
    doing = Doing(
        about=About(resource_kind="emergency", resource_id=asking.profile.id),
        effect=lambda tx: set_preferences(tx, asking.profile.id, after),
        duties={Obligation.NOTIF_PRO: _nobody_to_tell},
    )
    return perform(tx, asking, act_facts(tx, asking, Act.GRANT_ACCESS if opens else Act.WITHDRAW_ACCESS), doing)


def set_default_masking(tx: Transaction, asking: Asking, *, masked: bool) -> Outcome[Preferences]:
    """Hide every document from professionals, present and future, or stop doing so.

    Only the preference changes here; the record, above, shows again what the default masked there.
    """
    wanted = replace(preferences_of(tx, asking.profile.id), masked_by_default=masked)
    doing = Doing(
        about=About(resource_kind="masking", resource_id=asking.profile.id),
        effect=lambda tx: set_preferences(tx, asking.profile.id, wanted),
    )
    return perform(tx, asking, act_facts(tx, asking, Act.MASK_DOCUMENT if masked else Act.UNMASK_DOCUMENT), doing)


def agree_on_secret(tx: Transaction, asking: Asking, kind: SecretKind) -> Outcome[None]:
    """Record that a minor and the professional who asks keep their acts from her representatives (R1111-50)."""
    professional_id = own_id(asking)
    doing = Doing(
        about=About(resource_kind="secret", resource_id=professional_id),
        effect=lambda tx: secrecy.agree(tx, asking.profile.id, professional_id, kind, now=asking.now),
        professional_id=professional_id,
        duties={
            Obligation.FORCER_INVISIBLE_RL: _nothing_filed,
            Obligation.INFORMER_PATIENT: _nothing_filed,
            Obligation.APPLIQUER_MASQUE_DEFAUT: _nothing_filed,
        },
    )
    return perform(tx, asking, secret_filing_facts(tx, asking), doing)


def lift_secret(tx: Transaction, asking: Asking) -> Outcome[bool]:
    """Record, as the professional, that the minor agreed to end the secret; what was filed meanwhile stays hidden."""
    professional_id = own_id(asking)
    doing = Doing(
        about=About(resource_kind="secret", resource_id=professional_id),
        effect=lambda tx: secrecy.lift(tx, asking.profile.id, professional_id, now=asking.now),
        professional_id=professional_id,
    )
    case = act_facts(tx, asking, Act.WITHDRAW_ACCESS, Context(cible=Target.SOI))
    return perform(tx, asking, case, doing)


def _record(tx: Transaction, asking: Asking, given: Given, *, collected: bool) -> Outcome[None]:
    professional_id = own_id(asking)
    doing = Doing(
        about=About(resource_kind="consent", resource_id=professional_id),
        effect=lambda tx: consent.record_consent(tx, asking.profile.id, professional_id, given),
        professional_id=professional_id,
    )
    return perform(tx, asking, act_facts(tx, asking, Act.GRANT_ACCESS, consent_collected=collected), doing)


def _withdraw(tx: Transaction, asking: Asking, professional_id: str, state: ConsentState) -> Outcome[None]:
    found = consent.authorisation_of(tx, asking.profile.id, professional_id)
    given = Given(consent=state, at=asking.now, level=found.level)
    target = Target.SOI if asking.actor_id == professional_id else Target.AUTRE_PRO
    doing = Doing(
        about=About(resource_kind="consent", resource_id=professional_id),
        effect=lambda tx: consent.record_consent(tx, asking.profile.id, professional_id, given),
        professional_id=professional_id,
    )
    return perform(tx, asking, act_facts(tx, asking, Act.WITHDRAW_ACCESS, Context(cible=target)), doing)


def own_id(asking: Asking) -> str:
    """Return the account of the professional who asks; only ours can be recorded."""
    assert isinstance(asking.actor, Sender)
    assert asking.actor.id is not None
    return asking.actor.id


def _about_filing(asking: Asking, scope: FilingScope) -> About:
    concerned = scope.professional_id or scope.type_code or asking.profile.id
    return About(resource_kind="filing_objection", resource_id=concerned)


def _consent_end(asking: Asking) -> datetime:
    return asking.now + timedelta(days=asking.rules.consent_days)


def _nobody_to_tell(_tx: Transaction) -> None:
    """Carry out NOTIF_PRO for a switch: no professional is named by it."""


def _nothing_filed(_tx: Transaction) -> None:
    """Carry out what a filing obliges to: the agreement files nothing, each later filing meets it by itself."""
