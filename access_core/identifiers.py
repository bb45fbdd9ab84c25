"""The identifiers of people and mailboxes: INS, RPPS, MSSanté address.

Each is read once, at the edge, by its `parse`, and trusted afterwards. None quotes its value in an error
or in its `repr`, since both may end in a log.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from vaguemestre.kernel.errors import InvalidIdentifier

INS_NIR: Final = "1.2.250.1.213.1.4.8"
INS_NIA: Final = "1.2.250.1.213.1.4.9"
INS_TEST: Final = "1.2.250.1.213.1.4.10"
INS_OIDS: Final = frozenset({INS_NIR, INS_NIA, INS_TEST})

# First digit: 1 and 2 for a NIR, 3 and 4 for a NIA; 5 to 8 belong to numbers that are never an INS.
# Month: 01 to 12, or 20 to 99 when unknown. Corsica keeps its letter at positions 6 and 7 only.
_MATRICULE = re.compile(r"[1-4]\d{2}(?:0[1-9]|1[0-2]|[2-9]\d)(?:\d\d|2[AB])\d{6}", re.ASCII)
_KEY = re.compile(r"\d\d", re.ASCII)
_RPPS = re.compile(r"8?(\d{11})", re.ASCII)

_ATOM: Final = r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL: Final = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_LOCAL = re.compile(rf"{_ATOM}(?:\.{_ATOM})*", re.ASCII)
_DOMAIN = re.compile(rf"{_LABEL}(?:\.{_LABEL})+", re.ASCII)


def ins_key(matricule: str) -> int:
    """Compute the key, 1 to 97, of a well-formed 13-character matricule.

    Source: Référentiel INS; key = 97 - matricule mod 97, with 2A and 2B at positions 6-7 read as 19 and 18.
    """
    department = {"2A": "19", "2B": "18"}.get(matricule[5:7], matricule[5:7])
    return 97 - int(matricule[:5] + department + matricule[7:]) % 97


@dataclass(frozen=True, slots=True, repr=False)
class INS:
    """National health identity: matricule (13 characters), key (2 digits), OID.

    Two values of one person may differ in OID only (test data, addresses): look people up by `value`.

    Source: Référentiel INS.
    """

    matricule: str
    key: str
    oid: str

    @classmethod
    def parse(cls, text: str, *, oid: str | None = None, strict: bool = True) -> "INS":
        """Read "2 55 08 14 168 025 38", spaces optional, letters of Corsica in either case.

        Args:
            text: matricule and key.
            oid: assigning authority; by default that of NIR or NIA according to the first digit.
            strict: refuse a key that does not match; official sample patients need False.

        Raises:
            InvalidIdentifier: length, characters, OID or key. The value is not quoted.
        """
        value = "".join(text.split()).upper()
        matricule, key = value[:13], value[13:]
        if not _MATRICULE.fullmatch(matricule) or not _KEY.fullmatch(key):
            raise InvalidIdentifier("INS: not 13 characters and a 2-digit key")
        if oid is not None and oid not in INS_OIDS:
            raise InvalidIdentifier("INS: unknown assigning authority")
        ins = cls(matricule, key, oid or (INS_NIR if matricule[0] in "12" else INS_NIA))
        if strict and not ins.key_matches:
            raise InvalidIdentifier("INS: key does not match the matricule")
        return ins

    @property
    def value(self) -> str:
        """Matricule and key: the 15 characters of the patient address."""
        return self.matricule + self.key

    @property
    def key_matches(self) -> bool:
        """Whether the key is that of the matricule; always true of an identity read strictly."""
        return int(self.key) == ins_key(self.matricule)

    def __repr__(self) -> str:
        return f"INS(…{self.key})"


@dataclass(frozen=True, slots=True, repr=False)
class RPPS:
    """Number of a professional in the national directory: 11 digits."""

    number: str

    @classmethod
    def parse(cls, text: str) -> "RPPS":
        """Read 11 digits, or the 12 of the national identifier (8, then the RPPS); spaces optional.

        Raises:
            InvalidIdentifier: length or characters. The value is not quoted.
        """
        match = _RPPS.fullmatch("".join(text.split()))
        if match is None:
            raise InvalidIdentifier("RPPS: not 11 digits")
        return cls(match[1])

    @property
    def national_id(self) -> str:
        """IdNat_PS, as certificates and Pro Santé Connect carry it: 8, then the RPPS."""
        return "8" + self.number

    @property
    def luhn_matches(self) -> bool:
        """Whether the Luhn sum is right. A warning at most: official test records fail it."""
        doubled = (2 * int(digit) for digit in self.number[-2::-2])
        return (sum(map(int, self.number[::-2])) + sum(d - 9 if d > 9 else d for d in doubled)) % 10 == 0

    def __repr__(self) -> str:
        return f"RPPS(…{self.number[-2:]})"


@dataclass(frozen=True, slots=True, repr=False)
class MssAddress:
    """Address of a mailbox in the trust space, both parts in lower case; `str` gives the whole."""

    local: str
    domain: str

    @classmethod
    def parse(cls, text: str) -> "MssAddress":
        """Read "Camille.Martin@demo.mssante.fr": a dot-atom and a domain of two labels or more, ASCII.

        Raises:
            InvalidIdentifier: shape, characters or length (64 and 254). The value is not quoted.

        Source: RFC 5321 §4.1.2 and §4.5.3.1, without quoted local parts and address literals.
        """
        # ASCII first: lower-casing a few other letters (K of kelvin) would make ASCII of them.
        local, _, domain = text.strip().lower().rpartition("@") if text.isascii() else ("", "", "")
        if not _LOCAL.fullmatch(local) or not _DOMAIN.fullmatch(domain):
            raise InvalidIdentifier("address: not local-part@domain")
        if len(local) > 64 or len(local) + 1 + len(domain) > 254:
            raise InvalidIdentifier("address: too long")
        return cls(local, domain)

    def ins(self, patient_domains: Collection[str], *, strict: bool = True) -> INS | None:
        """Read the patient that the address names.

        Args:
            patient_domains: domains of patient mailboxes, in lower case.
            strict: as in `INS.parse`.

        Returns:
            None outside those domains, and for a local part that is no INS (a service address or a mistake).

        Source: MSS2:ECO.3.1.2
        """
        if self.domain not in patient_domains:
            return None
        try:
            return INS.parse(self.local, strict=strict)
        except InvalidIdentifier:
            return None

    def __str__(self) -> str:
        return f"{self.local}@{self.domain}"

    def __repr__(self) -> str:
        return f"MssAddress(…@{self.domain})"
