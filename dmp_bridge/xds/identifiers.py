"""Identifiers of XDS metadata, in the HL7 v2.5 data types that ITI TF-3 §4.2.3.1.7 prescribes.

CX, XCN and XON keep the text that they were read from, so that a registry gives back what it was given;
their properties read one component. Building one always writes the French form (dmp.md §2.2).
"""

import re
import uuid
from dataclasses import dataclass

INS_NIR = "1.2.250.1.213.1.4.8"
INS_NIA = "1.2.250.1.213.1.4.9"
INS_NIR_TEST = "1.2.250.1.213.1.4.10"
INS_NIR_DEMO = "1.2.250.1.213.1.4.11"
INS_OIDS = (INS_NIR, INS_NIA, INS_NIR_TEST, INS_NIR_DEMO)
PROFESSIONALS = "1.2.250.1.71.4.2.1"
STRUCTURES = "1.2.250.1.71.4.2.2"
DMP_CUSTODIAN = "1.2.250.1.213.4.1"

MAX_OID_CHARACTERS = 64
_OID = re.compile(r"[0-2](\.(0|[1-9][0-9]*))+", re.ASCII)


def is_oid(text: str) -> bool:
    """Tell whether TEXT is an OID: at most 64 characters, no leading zero in an arc (CI-SIS)."""
    return len(text) <= MAX_OID_CHARACTERS and _OID.fullmatch(text) is not None


def new_oid() -> str:
    """Return a fresh OID under 2.25, a UUID as an integer (ITU-T X.667); at most 44 characters."""
    return f"2.25.{uuid.uuid4().int}"


def _component(text: str, place: int) -> str:
    parts = text.split("^")
    return parts[place] if place < len(parts) else ""


def _authority(assigning_authority: str) -> str:
    """Return the OID of an HD component such as `&1.2.3&ISO`."""
    parts = assigning_authority.split("&")
    return parts[1] if len(parts) > 1 else ""


@dataclass(frozen=True, slots=True, repr=False)
class CX:
    """A patient identifier: `279035121518989^^^&1.2.250.1.213.1.4.10&ISO^NH`."""

    text: str

    @classmethod
    def build(cls, value: str, oid: str, kind: str = "NH") -> "CX":
        """Write VALUE under OID; KIND is NH for an INS, PI for a local number."""
        return cls(f"{value}^^^&{oid}&ISO^{kind}")

    @property
    def value(self) -> str:
        """The identifier itself, for example 15 characters of an INS."""
        return _component(self.text, 0)

    @property
    def oid(self) -> str:
        """The OID of the authority that assigned it; empty when absent."""
        return _authority(_component(self.text, 3))

    @property
    def kind(self) -> str:
        """Its type: NH for an INS, PI for a local number; empty when absent."""
        return _component(self.text, 4)

    def __repr__(self) -> str:
        return f"CX(…&{self.oid})"


@dataclass(frozen=True, slots=True, repr=False)
class XCN:
    """A person: `899900063480^LIBRE^MAX^^^^^^&1.2.250.1.71.4.2.1&ISO^D^^^IDNPS`."""

    text: str

    @classmethod
    def build(cls, identifier: str, family: str, given: str, *, oid: str, kind: str) -> "XCN":
        """Write a person; KIND is IDNPS (professional), NH (patient) or RI (system, name type U)."""
        name_type = "U" if kind == "RI" else "D"
        fields = [_plain(each) for each in (identifier, family, given)]
        return cls(f"{'^'.join(fields)}^^^^^^&{oid}&ISO^{name_type}^^^{kind}")

    @property
    def identifier(self) -> str:
        """The person's number; empty when absent."""
        return _component(self.text, 0)

    @property
    def family(self) -> str:
        """The family name; empty when absent."""
        return _component(self.text, 1)

    @property
    def given(self) -> str:
        """The given name; empty when absent."""
        return _component(self.text, 2)

    @property
    def oid(self) -> str:
        """The OID of the authority that assigned the number; empty when absent."""
        return _authority(_component(self.text, 8))

    @property
    def kind(self) -> str:
        """The type of the number: IDNPS, NH or RI; empty when absent."""
        return _component(self.text, 12)

    def __repr__(self) -> str:
        return f"XCN(…&{self.oid})"


@dataclass(frozen=True, slots=True, repr=False)
class XON:
    """An organisation: `CABINET DR LIBRE^^^^^&1.2.250.1.71.4.2.2&ISO^IDNST^^^499900063480001`."""

    text: str

    @classmethod
    def build(cls, name: str, identifier: str, *, oid: str = STRUCTURES) -> "XON":
        """Write a structure with its Struct_IdNat."""
        return cls(f"{_plain(name)}^^^^^&{oid}&ISO^IDNST^^^{_plain(identifier)}")

    @property
    def name(self) -> str:
        """The name of the organisation."""
        return _component(self.text, 0)

    @property
    def identifier(self) -> str:
        """Its number; empty when absent."""
        return _component(self.text, 9)

    @property
    def oid(self) -> str:
        """The OID of the authority that assigned the number; empty when absent."""
        return _authority(_component(self.text, 5))

    def __repr__(self) -> str:
        return "XON(…)"


def _plain(text: str) -> str:
    """Drop the characters that HL7 v2 gives a meaning, since XDS slots know no escape for them."""
    return re.sub(r"[\^&~|\\]", " ", text).strip()
