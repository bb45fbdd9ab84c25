"""What is done with a document of the record: mask, unmask, make visible, archive, delete.

Each is one decision of the engine, traced, with its obligations, in the caller's transaction; whoever asks comes by
here: the portal, the command line, XDS (ITI-57). A change that changes nothing is still decided and traced.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from access_core.acts import Act
from access_core.case_acts import Asking
from access_core.case_documents import document_act_facts
from access_core.case_inputs import CaseFacts
from access_core.decision import Obligation
from access_core.performing import Doing, Outcome, perform
from access_core.profiles import Profile
from access_core.trace.decisions import About, decision_entry
from access_core.trace.entries import record
from dmp_bridge.external.queue import withdraw_filing
from dmp_bridge.record.facts import facts_of
from dmp_bridge.record.folders import touch_folders
from dmp_bridge.record.holdings import replaced_by
from dmp_bridge.record.model import Availability, MaskSetter, RecordedDocument, RecordedSet
from dmp_bridge.record.registry import register_set, set_availability
from dmp_bridge.record.revision import Visibility, revise, update_set
from dmp_bridge.xds.metadata import INVISIBLE_PATIENT, INVISIBLE_REPRESENTATIVES, MASKED
from vaguemestre.kernel.database import Transaction

ARCHIVE = "archive_document"
UNARCHIVE = "unarchive_document"
_ANNOUNCED = frozenset({INVISIBLE_PATIENT, INVISIBLE_REPRESENTATIVES})
_DONE_HERE = (Obligation.APPLIQUER_MASQUE_DEFAUT, Obligation.BANDEAU_BRIS_DE_GLACE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A change of one document; SENT: the submission set that asks for it by XDS, None from anywhere else."""

    asking: Asking
    found: RecordedDocument
    sent: RecordedSet | None = None

    @property
    def submission_set(self) -> RecordedSet:
        """The submission set of the change."""
        asking = self.asking
        actor = asking.actor.account_id if isinstance(asking.actor, Profile) else asking.actor.id
        return self.sent or update_set(self.found, actor, asking.actor_label, asking.now)


def mask_document(tx: Transaction, change: Change) -> Outcome[RecordedDocument]:
    """Hide a document from professionals but its author and the médecin traitant (TD3.3a)."""
    setter = MaskSetter.HOLDER if isinstance(change.asking.actor, Profile) else MaskSetter.AUTHOR
    # An author adds nothing to a mask that is there: he could lift it if it became his.
    by = None if setter is MaskSetter.AUTHOR and change.found.masked else setter
    wanted = Visibility(codes={*change.found.entry.visibility, MASKED}, masked_by=by)
    return _perform(tx, change, Act.MASK_DOCUMENT, lambda _: wanted)


def unmask_document(tx: Transaction, change: Change) -> Outcome[RecordedDocument]:
    """Lift the mask (TD3.3a)."""
    wanted = Visibility(codes=change.found.entry.visibility - {MASKED})
    return _perform(tx, change, Act.UNMASK_DOCUMENT, lambda _: wanted)


def make_visible(tx: Transaction, change: Change, lifted: frozenset[str] = _ANNOUNCED) -> Outcome[RecordedDocument]:
    """Show a document to the patient or to those who represent her (TD3.3b): LIFTED are the codes that fall.

    The mask by default, which had waited, is applied with it.
    """
    left = change.found.entry.visibility - lifted

    def wanted(obligations: tuple[Obligation, ...]) -> Visibility:
        waited = Obligation.APPLIQUER_MASQUE_DEFAUT in obligations
        return Visibility(codes={*left, MASKED} if waited else left, masked_by=MaskSetter.DEFAULT if waited else None)

    return _perform(tx, change, Act.MAKE_VISIBLE, wanted)


def delete_document(tx: Transaction, change: Change) -> Outcome[RecordedDocument]:
    """Delete a document logically (TD3.3c), with those that it replaced: rows and contents stay, nobody finds them.

    Elsewhere it is deleted too, where its former versions follow by the same rule.
    Source: PDSm, « Suppression logique d'une fiche »; CI-SIS volet Partage, tableau 1
    """

    def effect(tx: Transaction) -> RecordedDocument:
        former = replaced_by(tx, change.found)
        for each in former:
            set_availability(tx, each.id, Availability.DELETED)
        withdraw_filing(tx, change.found.id, change.asking.now)
        gone = _set_state(tx, change, Availability.DELETED)
        touch_folders(tx, [each.entry.entry_id for each in (*former, gone)], change.asking.now)
        return gone

    return perform(tx, change.asking, _case(tx, change, Act.DELETE_DOCUMENT), _doing(change, effect))


def archive_document(tx: Transaction, change: Change, *, archived: bool) -> Outcome[RecordedDocument]:
    """Put a document aside, or back (TD3.3d).

    The matrix gives it to those who may delete the document; it is decided as that, traced under its own name, and
    takes nothing from the patient, who is told of nothing.
    """
    case = _case(tx, change, Act.DELETE_DOCUMENT)
    decision = case.decide()
    entry = decision_entry(case, decision, _about(change), at=change.asking.now)
    record(tx, replace(entry, act=ARCHIVE if archived else UNARCHIVE, obligations=()))
    if not decision.allowed:
        return Outcome(decision)
    state = Availability.ARCHIVED if archived else Availability.APPROVED
    return Outcome(decision, _set_state(tx, change, state))


def _perform(
    tx: Transaction, change: Change, act: Act, wanted: Callable[[tuple[Obligation, ...]], Visibility]
) -> Outcome[RecordedDocument]:
    case = _case(tx, change, act)
    visibility = wanted(case.decide().obligations)

    def effect(tx: Transaction) -> RecordedDocument:
        same = frozenset(visibility.codes) == change.found.entry.visibility
        if same and visibility.masked_by in (None, change.found.masked_by) and change.sent is None:
            return change.found
        return revise(tx, change.found, visibility, change.submission_set)

    return perform(tx, change.asking, case, _doing(change, effect))


def _set_state(tx: Transaction, change: Change, state: Availability) -> RecordedDocument:
    if change.sent is not None:
        register_set(tx, change.sent)
    set_availability(tx, change.found.id, state)
    return replace(change.found, availability=state)


def _case(tx: Transaction, change: Change, act: Act) -> CaseFacts:
    actor = change.asking.actor
    reader_id = None if isinstance(actor, Profile) else actor.id
    return document_act_facts(tx, change.asking, act, facts_of(change.found, reader_id=reader_id))


def _doing(change: Change, effect: Callable[[Transaction], RecordedDocument]) -> Doing[RecordedDocument]:
    actor = change.asking.actor
    return Doing(
        about=_about(change),
        effect=effect,
        professional_id=None if isinstance(actor, Profile) else actor.id,
        duties=dict.fromkeys(_DONE_HERE, _already),
    )


def _about(change: Change) -> About:
    return About(resource_kind="document", resource_id=change.found.id)


def _already(tx: Transaction) -> None:
    """Carry out nothing more: the effect holds the mask, the caller's software shows the banner."""
