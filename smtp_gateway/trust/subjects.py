"""Certificate subjects, compared as parsed attributes and never as strings.

The national list writes subjects by hand: quoted or not, with raw quotes inside, blanks after commas, no-break
spaces (domain note §3.3). Both sides are reduced to the same form: types in capitals, values in NFC with each
run of blanks collapsed, in the order of the list (CN first).
"""

import functools
import re
import unicodedata
from dataclasses import dataclass

from cryptography import x509
from cryptography.x509.oid import NameOID

# A comma ends a value only when the next attribute begins behind it: `O=A, B et C` keeps its comma.
NEXT_ATTRIBUTE = re.compile(
    r"(?<!\\),\s*(?=(?:CN|OU|O|ST|S|L|C|SERIALNUMBER|DC|EMAILADDRESS|(?:\d+\.)+\d+)\s*=)", re.IGNORECASE
)
TYPES = {
    NameOID.COMMON_NAME: "CN",
    NameOID.ORGANIZATIONAL_UNIT_NAME: "OU",
    NameOID.ORGANIZATION_NAME: "O",
    NameOID.STATE_OR_PROVINCE_NAME: "ST",
    NameOID.LOCALITY_NAME: "L",
    NameOID.COUNTRY_NAME: "C",
    NameOID.SERIAL_NUMBER: "SERIALNUMBER",
    NameOID.DOMAIN_COMPONENT: "DC",
    NameOID.EMAIL_ADDRESS: "EMAILADDRESS",
}
ALIASES = {"S": "ST"}
KNOWN_CERTIFICATES = 1_000


@dataclass(frozen=True, slots=True)
class Subject:
    """The subject of an operator's certificate: (type, value) pairs, CN first."""

    attributes: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        return ",".join(f"{kind}={value}" for kind, value in self.attributes)

    @property
    def common_name(self) -> str:
        """The first CN, empty when there is none."""
        return next((value for kind, value in self.attributes if kind == "CN"), "")


def split_subject(text: str) -> list[tuple[str, str]]:
    """Split a subject of the list into its attributes, values as meant by who wrote them (quotes removed)."""
    attributes = []
    for part in NEXT_ATTRIBUTE.split(text.strip()):
        kind, _, value = part.partition("=")
        value = value.strip(" \t\r\n")
        if len(value) >= 2 and value[0] == value[-1] == '"':
            value = value[1:-1].replace('\\"', '"')
        attributes.append((kind.strip().upper(), value.replace("\\,", ",")))
    return attributes


def parse_subject(text: str) -> Subject:
    """Read a `DNCertificatOperateur` of the list."""
    return _normal(split_subject(text))


@functools.lru_cache(maxsize=KNOWN_CERTIFICATES)
def subject_of(certificate: bytes) -> Subject:
    """Read the subject of a certificate in DER, as the handshake verified it; whether it still holds is not said here.

    Raises:
        ValueError: not a certificate.
    """
    name = x509.load_der_x509_certificate(certificate).subject
    pairs = [(TYPES.get(item.oid, item.oid.dotted_string), str(item.value)) for rdn in name.rdns for item in rdn]
    return _normal(pairs[::-1])  # X.509 stores C first, the list writes CN first


def _normal(pairs: list[tuple[str, str]]) -> Subject:
    return Subject(tuple((ALIASES.get(kind, kind), _blanks(value)) for kind, value in pairs))


def _blanks(value: str) -> str:
    return " ".join(unicodedata.normalize("NFC", value).split())
