"""SASLprep: one string for what people type alike, as SCRAM clients prepare passwords.

A text that it does not take stays as it is: clients that do not prepare send its bytes, others cannot use it.

Source: RFC 4013.
"""

import stringprep
import unicodedata

_PROHIBITED = (
    stringprep.in_table_c12,
    stringprep.in_table_c21_c22,
    stringprep.in_table_c3,
    stringprep.in_table_c4,
    stringprep.in_table_c5,
    stringprep.in_table_c6,
    stringprep.in_table_c7,
    stringprep.in_table_c8,
    stringprep.in_table_c9,
)


def saslprep(text: str) -> str:
    """Prepare TEXT; as it is when it holds what is prohibited, or mixes directions."""
    mapped = "".join(
        " " if stringprep.in_table_c12(letter) else letter for letter in text if not stringprep.in_table_b1(letter)
    )
    prepared = unicodedata.ucd_3_2_0.normalize("NFKC", mapped)
    if any(refused(letter) for letter in prepared for refused in _PROHIBITED):
        return text
    if any(stringprep.in_table_d1(letter) for letter in prepared):
        ends = stringprep.in_table_d1(prepared[0]) and stringprep.in_table_d1(prepared[-1])
        if not ends or any(stringprep.in_table_d2(letter) for letter in prepared):
            return text
    return prepared
