"""Masking by default, as the record knows it: what the default masked is shown again when it ends, and nothing else.

A mask that the holder or the author set stays: each document says who masked it.
"""

from access_core import rights
from access_core.case_acts import Asking
from access_core.performing import Outcome
from access_core.preferences import Preferences
from dmp_bridge.record.model import Availability, MaskSetter, RecordedDocument
from dmp_bridge.record.registry import documents_of_profile
from dmp_bridge.record.revision import Visibility, revise, update_set
from dmp_bridge.xds.metadata import MASKED
from vaguemestre.kernel.database import Transaction


def set_default_masking(tx: Transaction, asking: Asking, *, masked: bool) -> Outcome[Preferences]:
    """Hide every document from professionals, present and future, or stop doing so; one decision for all.

    Source: CSP R1111-49
    """
    outcome = rights.set_default_masking(tx, asking, masked=masked)
    if outcome.decision.allowed and not masked:
        for each in documents_of_profile(tx, asking.profile.id):
            if each.masked_by is MaskSetter.DEFAULT and each.availability is not Availability.DELETED:
                _show(tx, asking, each)
    return outcome


def _show(tx: Transaction, asking: Asking, found: RecordedDocument) -> None:
    sent = update_set(found, asking.profile.account_id, asking.actor_label, asking.now)
    revise(tx, found, Visibility(codes=found.entry.visibility - {MASKED}), sent)
