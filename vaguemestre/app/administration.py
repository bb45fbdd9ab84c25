"""What an operator does to mailboxes and profiles, each as one unit of work with its line in the trace.

The command line and whatever administers an instance later call these functions; none of them decides who may.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from access_core.accounts import AccountState, set_password
from access_core.authentication.application_passwords import (
    TRACED_AS,
    ApplicationPasswords,
    NewApplicationPassword,
    revoke,
)
from access_core.care import declare_care
from access_core.decision import Verdict
from access_core.life import announce
from access_core.professionals import NewProfessional, Professional, add_professional, set_state
from access_core.profiles import NewProfile, Profile, add_profile
from access_core.reasons import Reason
from access_core.trace.entries import TraceEntry, record
from mailstore.store import MailStore
from vaguemestre.app.directories import look_up_new
from vaguemestre.kernel.database import Transaction
from vaguemestre.kernel.keys import InstanceKey

OPERATOR = "Opérateur (ligne de commande)"


@dataclass(frozen=True, slots=True)
class NewMailbox:
    """A professional mailbox to open, with the Argon2id encoding of its first password.

    `seal_scram` seals the SCRAM keys of that password for the account, once this has its id (`ScramKeeper.prepared`).
    """

    professional: NewProfessional
    encoded_password: str
    seal_scram: Callable[[str], bytes]


def open_mailbox(tx: Transaction, store: MailStore, new: NewMailbox) -> Professional:
    """Open a professional mailbox: account, directory entry, password, folders.

    Raises:
        PermanentFailure: the address is taken, or a member is unknown.
    """
    now = new.professional.created_at
    added = add_professional(tx, new.professional)
    if added.rpps is not None:
        look_up_new(tx, added.account_id, added.rpps, now)
    scram = new.seal_scram(added.account_id)
    set_password(tx, added.account_id, new.encoded_password, changed_at=now, scram=scram)
    store.create_mailbox(tx, added.account_id)
    note(tx, "mailbox_opened", now, mailbox_id=added.account_id)
    return added


def open_mailboxes(tx: Transaction, store: MailStore, mailboxes: Iterable[NewMailbox]) -> list[Professional]:
    """Open several mailboxes, all or none."""
    return [open_mailbox(tx, store, new) for new in mailboxes]


def change_mailbox_state(tx: Transaction, account_id: str, state: AccountState, now: datetime) -> None:
    """Suspend, resume or close a professional mailbox."""
    set_state(tx, account_id, state)
    note(tx, f"mailbox_{state}", now, mailbox_id=account_id)


def add_application_password(
    tx: Transaction, instance_key: InstanceKey, mailbox: Professional, new: NewApplicationPassword
) -> tuple[str, str]:
    """Make an application password for a mailbox; returns its id and the password, which nobody can read again.

    Raises:
        PermanentFailure: as `ApplicationPasswords.add` says.
    """
    keeper = ApplicationPasswords(instance_key)
    identifier, password = keeper.add(tx, mailbox.account_id, mailbox.address, new)
    _note_application_password(tx, "application_password_created", mailbox, identifier, new.created_at)
    return identifier, password


def revoke_application_password(tx: Transaction, mailbox: Professional, identifier: str, now: datetime) -> bool:
    """Revoke an application password; False when the mailbox has none of this id in force."""
    revoked = revoke(tx, mailbox.account_id, identifier, now)
    if revoked:
        _note_application_password(tx, "application_password_revoked", mailbox, identifier, now)
    return revoked


def open_profile(tx: Transaction, store: MailStore, new: NewProfile) -> Profile:
    """Create a patient's profile, not activated, with her mailbox.

    Raises:
        AlreadyExists: this INS has a profile.
    """
    added = add_profile(tx, new)
    store.create_mailbox(tx, added.account_id)
    note(tx, "profile_opened", new.created_at, profile_id=added.id)
    return added


def announce_profile(tx: Transaction, store: MailStore, new: NewProfile) -> Profile:
    """Announce a patient's profile, with its mailbox; it opens by itself at `opens_at` unless opposed.

    Raises:
        AlreadyExists: this INS has a profile.
    """
    added = announce(tx, new)
    store.create_mailbox(tx, added.account_id)
    note(tx, "profile_announced", new.created_at, profile_id=added.id)
    return added


def declare_care_relation(
    tx: Transaction, profile: Profile, professional: Professional, *, until: datetime | None, now: datetime
) -> None:
    """Record that a professional takes part in a patient's care, as an establishment's software would."""
    declare_care(tx, profile.id, professional.account_id, until=until, now=now)
    note(tx, "care_declared", now, profile_id=profile.id, mailbox_id=professional.account_id)


def note(
    tx: Transaction, event: str, now: datetime, *, profile_id: str | None = None, mailbox_id: str | None = None
) -> None:
    """Trace what the operator did."""
    record(tx, replace(operator_entry(event, now), profile_id=profile_id, mailbox_id=mailbox_id))


def _note_application_password(
    tx: Transaction, event: str, mailbox: Professional, identifier: str, now: datetime
) -> None:
    entry = replace(operator_entry(event, now), mailbox_id=mailbox.account_id)
    record(tx, replace(entry, resource_kind=TRACED_AS, resource_id=identifier))


def operator_entry(event: str, now: datetime) -> TraceEntry:
    """Build the trace entry of something that the operator did."""
    return TraceEntry(
        at=now,
        act=event,
        verdict=Verdict.PERMIT,
        reason=Reason.OK,
        subject_kind="systeme",
        subject_label=OPERATOR,
    )
