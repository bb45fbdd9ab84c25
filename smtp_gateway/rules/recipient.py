"""Recipient: what an address names here - a patient by her INS, a professional mailbox, or nothing of ours.

A local part in a patient domain must be a well-formed INS (13 characters and the key; setting `ins_key`).
"""

from collections.abc import Callable
from dataclasses import dataclass

from access_core.identifiers import INS, MssAddress
from smtp_gateway.config import SmtpSettings
from smtp_gateway.replies import Refusal
from smtp_gateway.rules.peer_domain import domain_of
from vaguemestre.kernel.errors import InvalidIdentifier

ROLES = frozenset({"postmaster", "abuse"})


@dataclass(frozen=True, slots=True)
class PatientAddress:
    """An address in a patient domain."""

    address: MssAddress
    ins: INS | None
    """None: the local part is no well-formed INS."""


@dataclass(frozen=True, slots=True)
class ProfessionalAddress:
    """An address in one of our professional domains; whether the mailbox exists is another question."""

    address: MssAddress


def read_recipient(text: str, settings: SmtpSettings) -> PatientAddress | ProfessionalAddress | Refusal:
    """Say what the address of a RCPT command names."""
    try:
        address = MssAddress.parse(text)
    except InvalidIdentifier:  # another operator may have quoted names, and others than ASCII (RFC 6531)
        return Refusal.ADDRESS if domain_of(text) in (*settings.patient_domains, *settings.domains) else Refusal.REMOTE
    if address.domain in settings.patient_domains:
        return PatientAddress(address, address.ins(settings.patient_domains, strict=settings.ins_key == "strict"))
    if address.domain in settings.domains:
        return ProfessionalAddress(address)
    return Refusal.REMOTE


def read_role(text: str, settings: SmtpSettings) -> str:
    """Return the address that a RCPT command names, that of the postmaster for a role which every domain has."""
    local, _, domain = text.lower().rpartition("@")
    if settings.postmaster is None:
        return text
    here = domain in settings.domains or domain in settings.patient_domains
    return settings.postmaster if text.lower() == "postmaster" or (here and local in ROLES) else text


def is_patient(address: str, settings: SmtpSettings) -> bool:
    """Tell whether an address lies in a patient domain, ours or another operator's."""
    domain = domain_of(address)
    return domain in settings.patient_domains or domain in settings.patient_domains_elsewhere


def may_be_answered(address: str, settings: SmtpSettings, listed: Callable[[str], bool]) -> bool:
    """Tell whether a patient may be led to write to an address: a professional's, here or in the trust space."""
    domain = domain_of(address)
    return (domain in settings.domains or listed(domain)) and not is_patient(address, settings)
