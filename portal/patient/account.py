"""The patient's own settings: open sessions, password, address for notices."""

import asyncio
import re
from dataclasses import dataclass
from functools import partial

from access_core.accounts import set_password
from access_core.authentication.failures import AuthenticationFailed
from access_core.authentication.passwords import SENTENCES, hash_password, weakness
from access_core.profiles import set_email
from access_core.trace.entries import record
from portal.patient.tracing import Event, event_entry
from portal.patient.viewer import Viewer
from portal.services import PortalServices
from portal.sessions import Session, SessionLimits, close_other_sessions, close_session, sessions_of
from portal.signing_in import Visit
from vaguemestre.kernel.database import Transaction

EMAIL = re.compile(r"[^@\s<>,;:\"()\[\]\\]{1,64}@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+", re.ASCII)
EMAIL_LONGEST = 254
SECURE_MAIL = "Cette adresse est celle de votre messagerie de santé. Indiquez une adresse e-mail ordinaire."
WRONG_EMAIL = "Cette adresse e-mail n'a pas la forme attendue. Exemple : prenom.nom@exemple.fr."
NOT_THE_CURRENT = "Le mot de passe actuel n'est pas le bon."
NOT_THE_SAME = "Les deux nouveaux mots de passe ne sont pas les mêmes."
SAME_AS_BEFORE = "Le nouveau mot de passe est le même que l'ancien."
PERSONAL = "Le mot de passe ne doit pas contenir votre nom, votre prénom ou votre numéro de sécurité sociale."


@dataclass(frozen=True, slots=True)
class PasswordChange:
    """What the form holds."""

    current: str
    new: str
    confirmation: str


@dataclass(frozen=True, slots=True)
class FieldFault:
    """What is wrong, and in which field of the form."""

    field: str
    sentence: str


async def list_sessions(services: PortalServices, viewer: Viewer) -> list[Session]:
    """Return the open sessions of this person, last used first."""
    work = partial(
        sessions_of,
        account_id=viewer.session.account_id,
        now=services.clock.now(),
        limits=SessionLimits.of(services.settings),
    )
    return await services.database.read(work)


async def end_session(services: PortalServices, viewer: Viewer, session_id: str) -> None:
    """End one session of this person; one that is not hers, or is over, is left alone."""

    def work(tx: Transaction) -> None:
        close_session(tx, viewer.session.account_id, session_id)
        record(tx, event_entry(viewer.profile, Event.SESSION_CLOSED, services.clock.now()))

    await services.database.write(work)


async def end_other_sessions(services: PortalServices, viewer: Viewer) -> None:
    """End every session of this person but the one in use."""

    def work(tx: Transaction) -> None:
        close_other_sessions(tx, viewer.session.account_id, viewer.session.id)
        record(tx, event_entry(viewer.profile, Event.SESSION_CLOSED, services.clock.now()))

    await services.database.write(work)


async def change_password(
    services: PortalServices, viewer: Viewer, change: PasswordChange, visit: Visit
) -> FieldFault | None:
    """Change the password and end her other sessions; returns what is wrong, None when it is done.

    Raises:
        Throttled: too many wrong passwords lately.
    """
    fault = _fault(viewer, change)
    if fault is not None:
        return fault
    try:
        await services.authenticator.password(viewer.profile.ins.value, change.current, peer=visit.peer)
    except AuthenticationFailed:
        return FieldFault("actuel", NOT_THE_CURRENT)
    encoded = await asyncio.to_thread(hash_password, change.new)
    now = services.clock.now()

    def work(tx: Transaction) -> None:
        set_password(tx, viewer.session.account_id, encoded, changed_at=now)
        close_other_sessions(tx, viewer.session.account_id, viewer.session.id)
        record(tx, event_entry(viewer.profile, Event.PASSWORD_CHANGED, now))

    await services.database.write(work)
    return None


def _fault(viewer: Viewer, change: PasswordChange) -> FieldFault | None:
    if not change.current:
        return FieldFault("actuel", "Tapez votre mot de passe actuel.")
    weak = weakness(change.new)
    if weak is not None:
        return FieldFault("nouveau", SENTENCES[weak])
    profile = viewer.profile
    personal = (profile.family, profile.given, profile.ins.value, profile.ins.value[:13])
    if any(len(each) >= 3 and each.casefold() in change.new.casefold() for each in personal):
        return FieldFault("nouveau", PERSONAL)
    if change.new == change.current:
        return FieldFault("nouveau", SAME_AS_BEFORE)
    return FieldFault("confirmation", NOT_THE_SAME) if change.new != change.confirmation else None


async def change_notice_address(services: PortalServices, viewer: Viewer, email: str) -> FieldFault | None:
    """Change the address for notices, "" for none; returns what is wrong, None when it is done."""
    if email and (len(email) > EMAIL_LONGEST or not EMAIL.fullmatch(email)):
        return FieldFault("email", WRONG_EMAIL)
    if email and email.rpartition("@")[2].lower() in services.patient_domains:
        return FieldFault("email", SECURE_MAIL)

    def work(tx: Transaction) -> None:
        set_email(tx, viewer.profile.id, email or None)
        record(tx, event_entry(viewer.profile, Event.NOTICE_CHANGED, services.clock.now()))

    await services.database.write(work)
    return None
