"""F, the purpose: insurers and employers are refused at once, whatever the person agreed to."""

from access_core.facts import Subject, SubjectKind
from access_core.reasons import Reason

_FORBIDDEN = frozenset({SubjectKind.ASSUREUR, SubjectKind.EMPLOYEUR})


def check_purpose(subject: Subject) -> Reason | None:
    """Refuse the purposes that the law forbids.

    Source: CSP L1111-18
    """
    return Reason.H_FINALITE_INTERDITE if subject.sujet in _FORBIDDEN else None
