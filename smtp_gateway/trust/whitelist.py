"""The MSSanté whitelist (liste blanche): which certificate subjects speak for which domains, many to many.

A list is read whole or not at all; the one in force is replaced only by a list that was read. Source: domain
note §3 (namespace `https://listeblanche.mssante.fr/schema`).
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from lxml import etree

from smtp_gateway.trust.subjects import Subject, parse_subject
from vaguemestre.kernel.errors import ProtocolError
from vaguemestre.kernel.xml import parse_xml

NAMESPACE = "https://listeblanche.mssante.fr/schema"


@dataclass(frozen=True, slots=True)
class Whitelist:
    """The list in force, in memory."""

    generated_at: datetime
    subjects: dict[str, frozenset[Subject]] = field(repr=False)
    """Lower-case domain -> subjects that may speak for it."""
    domains: dict[Subject, frozenset[str]] = field(repr=False)
    """Subject -> lower-case domains."""
    signer: str | None = None
    """Subject of who signed it, None for a list whose signature was not checked."""

    def domains_of(self, subject: Subject) -> frozenset[str]:
        """Return the domains of a subject, empty when it is not listed."""
        return self.domains.get(subject, frozenset())

    def lists(self, domain: str) -> bool:
        """Tell whether a domain belongs to the trust space."""
        return domain.lower() in self.subjects


def parse_whitelist(data: bytes, *, max_bytes: int) -> Whitelist:
    """Read the national XML.

    Raises:
        ProtocolError: not well-formed, another namespace, no date, or a row without name or subject.
    """
    return read_whitelist(parse_xml(data, max_bytes=max_bytes))


def read_whitelist(root: etree._Element) -> Whitelist:
    """Read the national XML, parsed; raises as `parse_whitelist`."""
    if root.tag != f"{{{NAMESPACE}}}ListeBlancheMSSante":
        raise ProtocolError("whitelist: root is not ListeBlancheMSSante of the national namespace")
    names = {"l": NAMESPACE}
    rows = [
        (row.findtext("l:Nom", None, names), row.findtext("l:DNCertificatOperateur", None, names))
        for row in root.iterfind("l:ListeDomaines/l:Domaine", names)
    ]
    return build_whitelist(instant_of(root), rows)


def build_whitelist(generated_at: datetime, rows: Iterable[tuple[str | None, str | None]]) -> Whitelist:
    """Index rows of (domain, subject as published).

    Raises:
        ProtocolError: a row without name or subject.
    """
    subjects: dict[str, set[Subject]] = {}
    domains: dict[Subject, set[str]] = {}
    known: dict[str, Subject] = {}
    for number, (name, published) in enumerate(rows, start=1):
        if not name or not name.strip() or not published or not published.strip():
            raise ProtocolError(f"whitelist: row {number} has no name or no subject")
        subject = known.get(published) or known.setdefault(published, parse_subject(published))
        domain = name.strip().lower()
        subjects.setdefault(domain, set()).add(subject)
        domains.setdefault(subject, set()).add(domain)
    return Whitelist(
        generated_at,
        {domain: frozenset(members) for domain, members in subjects.items()},
        {subject: frozenset(members) for subject, members in domains.items()},
    )


def instant_of(root: etree._Element) -> datetime:
    """Return when a list was made, aware.

    Raises:
        ProtocolError: it does not say.
    """
    text = root.findtext("l:DateDeGeneration", None, {"l": NAMESPACE})
    try:
        value = datetime.fromisoformat((text or "").strip())
    except ValueError:
        raise ProtocolError("whitelist: DateDeGeneration is not a date and time") from None
    return value if value.tzinfo else value.replace(tzinfo=UTC)
