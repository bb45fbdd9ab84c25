"""Looking what a record holds: whether somebody may open it at all, before one of its documents is asked for.

It is decided as the reading of a document that is of no type: who is refused for the type alone may look what there
is, and each document is a decision of its own.
"""

from access_core.case_facts import readings
from access_core.case_inputs import NO_DOCUMENT, CaseFacts, ReadingRequest
from access_core.decision import Decision, Verdict
from access_core.reasons import Reason
from vaguemestre.kernel.database import Transaction


def decide_looking(tx: Transaction, request: ReadingRequest) -> tuple[CaseFacts, Decision]:
    """Decide whether a reader may open a record; the document of REQUEST counts for nothing.

    Source: CSP L1111-17, VGM:ACCESS-READ
    """
    case = readings(tx, request)(NO_DOCUMENT)
    decision = case.decide()
    if decision.reason is not Reason.H_TYPE_DOCUMENT_INTERDIT:
        return case, decision
    return case, Decision(Verdict.PERMIT, Reason.OK, (), decision.sources)
