"""The codes of professions and of document types that the engine knows.

Professions: TRE_G15, version 2021-12-17. Document types: `data/document_types.csv`, from JDV_J07, state of
27 September 2024. What a code may do is in the matrix; what it is, here.
"""

import csv
from functools import cache
from pathlib import Path
from typing import Final

DOCUMENT_TYPES_FILE: Final = Path(__file__).parent / "data" / "document_types.csv"

TRE_G15: Final = frozenset(
    {
        *("10", "21", "26", "28", "31", "32", "35", "36", "37", "38", "39", "40", "50", "60", "69"),
        *("70", "80", "81", "82", "83", "84", "85", "86", "91", "92", "93", "94", "95", "96", "98"),
    }
)

# CSP L1111-17 III: social worker, care coordinator, medical secretary, management of support.
ROLE_PROFESSIONS: Final = frozenset({"41", "330", "331", "333"})

DOCTOR: Final = "10"

_PATIENT_PREFIXES: Final = ("DOCPAT", "EXPPAT_")
_PATIENT_TYPES: Final = frozenset({"74465-6"})
_INSURANCE_TYPES: Final = frozenset({"REMB", "ATTEST-DROITS-AM", "ATTEST-ASS-COMPL"})


def is_patient_type(code: str) -> bool:
    """Whether only the patient's side files this type."""
    return code.startswith(_PATIENT_PREFIXES) or code in _PATIENT_TYPES


def is_professional_type(code: str) -> bool:
    """Whether a professional may file this type, if it is known at all."""
    return not is_patient_type(code) and code not in _INSURANCE_TYPES


@cache
def document_types() -> dict[str, str]:
    """Give the labels of the known document types, by code; read once."""
    with DOCUMENT_TYPES_FILE.open(encoding="utf-8", newline="") as file:
        return {row["code"]: row["label"] for row in csv.DictReader(file)}
