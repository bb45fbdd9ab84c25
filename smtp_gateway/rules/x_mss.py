"""X-MSS fields: what a message says of its documents, compared with the documents themselves.

| field | value | when |
| --- | --- | --- |
| X-MSS-CODECDA | codes of the CDA documents, separated by commas | the IHE_XDM archive holds CDA |
| X-MSS-INS | O: the CDA carries a qualified INS, else N | the same |
| X-MSS-MES | FIN, nothing else | to patients |
| X-MSS-NIL | reference of the product | always; nothing to compare it with |

Source: MSS2:ECO.2.4.1, MSS2:ECO.2.4.2, MSS2:ECO.2.4.3, MSS2:ECO.2.2.8, domain note §6.1 and §17.9.
"""

import re
from dataclasses import dataclass

from smtp_gateway.header import Field, HeaderBlock

CODES, INS, MES, NIL = b"x-mss-codecda", b"x-mss-ins", b"x-mss-mes", b"x-mss-nil"
NAMES = {CODES: "X-MSS-CODECDA", INS: "X-MSS-INS"}
_NIL = re.compile(r"[A-Za-z0-9 ._/-]{1,64}")
_CODES = re.compile(r"[A-Za-z0-9.-]{1,50}(?:\s*,\s*[A-Za-z0-9.-]{1,50})*")
XDM_NAME = "ihe_xdm.zip"


@dataclass(frozen=True, slots=True)
class Claims:
    """What the documents of a message say; nothing when it carries no CDA.

    Attributes:
        codes: of the CDA documents, first seen first, each once.
        qualified: whether every one of them carries a qualified INS.
        known: False when there is an archive that does not read: its claims are judged by their form alone.
    """

    codes: tuple[str, ...] = ()
    qualified: bool = False
    known: bool = True

    def joined(self, other: "Claims") -> "Claims":
        """Return what the documents of one more archive add; one that says nothing adds nothing."""
        if not self.codes and self.known:
            return other
        return Claims(
            codes=tuple(dict.fromkeys((*self.codes, *other.codes))),
            qualified=self.qualified and (other.qualified or not other.codes),
            known=self.known and other.known,
        )


def has_claims(header: HeaderBlock) -> bool:
    """Tell whether a message says anything of itself in these fields."""
    return any(field.name.startswith(b"x-mss-") for field in header.fields)


def wrong_fields(header: HeaderBlock, found: Claims) -> tuple[Field, ...]:
    """Return the fields that the documents contradict, that are repeated, or that have no meaning."""
    seen: set[bytes] = set()
    wrong = []
    for field in header.fields:
        if field.name not in (CODES, INS, MES, NIL):
            continue
        if field.name in seen or not _is_right(field, found):
            wrong.append(field)
        seen.add(field.name)
    return tuple(wrong)


def right_fields(header: HeaderBlock, wrong: tuple[Field, ...], found: Claims) -> list[bytes]:
    """Return the fields that take the place of wrong ones about documents; none when there are no documents."""
    kept = {field.name for field in header.fields if field not in wrong}
    values = {CODES: ",".join(found.codes), INS: "O" if found.qualified else "N"}
    about = {field.name for field in wrong} - kept
    return [f"{NAMES[name]}: {values[name]}\r\n".encode() for name in (CODES, INS) if name in about and found.codes]


def _is_right(field: Field, found: Claims) -> bool:
    value = field.text.strip()
    if field.name == MES:
        return value == "FIN"
    if field.name == NIL:
        return _NIL.fullmatch(value) is not None
    if not found.known:
        return value in ("O", "N") if field.name == INS else _CODES.fullmatch(value) is not None
    if field.name == INS:
        return bool(found.codes) and value == ("O" if found.qualified else "N")
    return bool(found.codes) and {each.strip() for each in value.split(",")} == set(found.codes)
