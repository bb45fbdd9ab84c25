"""One patient: a submitted message goes to one patient at most, since each would learn the address of the others.

Source: domain note §7.1 [inferred]; setting `one_patient_per_message`.
"""

from collections.abc import Iterable

from smtp_gateway.replies import Refusal


def check_one_patient(profile_id: str, others: Iterable[str]) -> Refusal | None:
    """Check a patient recipient against the patients that the message has already."""
    return Refusal.MANY_PATIENTS if any(other != profile_id for other in others) else None
