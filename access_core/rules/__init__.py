"""The rule of each act, applied once F, A, I, D and the actor have passed. `table.py` lists them all.

A rule is pure. It answers the reason that refuses, or the obligations of the permit. Within a rule, C comes
before H and H before V, save where the order itself would tell what a document hides.
"""

from collections.abc import Callable

from access_core.decision import Obligation
from access_core.facts import Context, Resource, Subject
from access_core.reasons import Reason

Outcome = Reason | tuple[Obligation, ...]
Rule = Callable[[Subject, Resource, Context], Outcome]
