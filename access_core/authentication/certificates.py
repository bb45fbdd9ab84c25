"""Which mailbox a client certificate speaks for.

TLS verified the chain, the dates and the revocation list; here its names are read, and compared with what the
catalogue knows of mailboxes. An address in it names one mailbox, a national person id the mailboxes of that person,
a structure id the shared mailboxes of that structure.

Source: domain of MSSanté §5, access by certificate of a person (CPS) or of a structure (ORG AUTH_CLI) [inferred].
"""

import re
from dataclasses import dataclass

from cryptography import x509
from cryptography.x509.oid import NameOID
from sqlalchemy import bindparam, select

from access_core.accounts import canonical_login
from access_core.tables import account, professional
from vaguemestre.kernel.database import Transaction

PERSON_ID = re.compile(r"8(\d{11})", re.ASCII)  # national person id: 8, then the RPPS
SHARED = ("ORG", "APP", "CAB")

_BY_RPPS = (
    select(account.c.login)
    .join_from(professional, account, account.c.id == professional.c.account_id)
    .where(professional.c.rpps == bindparam("rpps"), professional.c.type == "PER")
)
_BY_STRUCTURE = (
    select(account.c.login)
    .join_from(professional, account, account.c.id == professional.c.account_id)
    .where(professional.c.structure == bindparam("structure"), professional.c.type.in_(SHARED))
)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class CertificateNames:
    """What a certificate says of its holder: addresses (canonical), RPPS numbers, structure ids."""

    email: tuple[str, ...]
    rpps: tuple[str, ...]
    structure: tuple[str, ...]


def read_names(certificate: bytes) -> CertificateNames:
    """Read the names of a certificate in DER; what cannot be read names nobody."""
    try:
        parsed = x509.load_der_x509_certificate(certificate)
        subject, extensions = parsed.subject, parsed.extensions
    except (ValueError, x509.DuplicateExtension):
        return CertificateNames(email=(), rpps=(), structure=())
    emails = _texts(subject, NameOID.EMAIL_ADDRESS)
    for extension in extensions:
        if isinstance(extension.value, x509.SubjectAlternativeName):
            emails += extension.value.get_values_for_type(x509.RFC822Name)
    people = (PERSON_ID.fullmatch(name) for name in _texts(subject, NameOID.COMMON_NAME))
    return CertificateNames(
        email=tuple(canonical_login(each) for each in emails),
        rpps=tuple(match[1] for match in people if match),
        structure=tuple(_texts(subject, NameOID.ORGANIZATIONAL_UNIT_NAME)),
    )


def logins_of(tx: Transaction, names: CertificateNames, believed: tuple[str, ...]) -> frozenset[str]:
    """Return the logins that a certificate speaks for, by the kinds of name that are BELIEVED."""
    found: set[str] = set(names.email) if "email" in believed else set()
    for rpps in names.rpps if "rpps" in believed else ():
        found.update(logins_of_person(tx, rpps))
    for structure in names.structure if "structure" in believed else ():
        found.update(tx.execute(_BY_STRUCTURE, {"structure": structure}).scalars())
    return frozenset(found)


def logins_of_person(tx: Transaction, rpps: str) -> list[str]:
    """Return the addresses of a person's own mailboxes."""
    return list(tx.execute(_BY_RPPS, {"rpps": rpps}).scalars())


def _texts(name: x509.Name, kind: x509.ObjectIdentifier) -> list[str]:
    return [str(each.value) for each in name.get_attributes_for_oid(kind)]
