"""One patient: a submitted message goes to one patient at most, since each would learn the address of the others.

It holds for the envelope and for To and Cc, for patients of ours and of other operators. Source: domain note §7.1
[inferred]; setting `one_patient_per_message`.
"""

from collections.abc import Callable, Iterable

from smtp_gateway.header import HeaderBlock, addresses
from smtp_gateway.replies import Refusal


def check_one_patient(patient: str, others: Iterable[str]) -> Refusal | None:
    """Check a patient recipient (her address) against the patients that the message has already."""
    return Refusal.MANY_PATIENTS if len({_ins(patient), *map(_ins, others)}) > 1 else None


def check_named_patients(header: HeaderBlock, is_patient: Callable[[str], bool]) -> Refusal | None:
    """Check whom To and Cc name."""
    fields = [field for name in (b"to", b"cc") for field in header.all(name)]
    if sum(field.raw.count(b"@") for field in fields) < 2:
        return None
    named = {_ins(each) for field in fields for each in addresses(field.text) if is_patient(each)}
    return Refusal.MANY_PATIENTS if len(named) > 1 else None


def _ins(address: str) -> str:
    """Return what names the patient, in whatever domain."""
    return address.rpartition("@")[0].lower()
