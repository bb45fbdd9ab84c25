"""Why a domain, or the certificate that somebody shows for it, is trusted or not: one sentence per check, in order.

The checks are those of the MX and of the relay; this file only says them in words (`vaguemestre trust show`).
"""

from dataclasses import dataclass
from datetime import datetime

from smtp_gateway.config import TrustSettings
from smtp_gateway.trust.freshness import ListState, age_s, stop_age_s
from smtp_gateway.trust.revocation import Revocation
from smtp_gateway.trust.standing import Standing
from smtp_gateway.trust.subjects import Subject, subject_of
from smtp_gateway.trust.whitelist import Whitelist


@dataclass(frozen=True, slots=True)
class Finding:
    """One check and what it saw."""

    passed: bool
    sentence: str


def explain_list(whitelist: Whitelist, settings: TrustSettings, now: datetime) -> list[Finding]:
    """Say whether the list in force may be used."""
    hours, stop = int(age_s(whitelist, ListState.read(settings), now) // 3_600), stop_age_s(settings)
    if stop is not None and hours * 3_600 >= stop:
        young = Finding(False, f"la liste a été confirmée il y a {hours} h : trop ancienne, elle n'est plus utilisée")
    else:
        young = Finding(True, f"la liste a été confirmée il y a {hours} h")
    if whitelist.signer is not None:
        return [young, Finding(True, f"la liste est signée par {whitelist.signer}")]
    return [young, Finding(True, "la liste n'est pas signée, et [trust] signature ne l'exige pas")]


def explain_domain(whitelist: Whitelist, domain: str) -> Finding:
    """Say whether a domain belongs to the trust space."""
    subjects = whitelist.subjects.get(domain.lower(), frozenset())
    if not subjects:
        return Finding(False, "ce domaine n'est pas sur la liste blanche")
    return Finding(True, f"ce domaine est sur la liste, avec {len(subjects)} certificat(s)")


def explain_certificate(certificate: bytes, domain: str, whitelist: Whitelist, revocation: Revocation) -> list[Finding]:
    """Say whether a certificate (DER) may speak for a domain now; asks its lists and responders.

    Raises:
        ValueError: not a certificate.
    """
    subject, verdict = subject_of(certificate), revocation.check_now(certificate)
    chained = verdict.standing is not Standing.UNKNOWN or "[pki] authority" not in verdict.why
    return [
        Finding(chained, "délivré par une autorité de [pki] authority" if chained else verdict.why),
        *([Finding(revocation.lets_pass(verdict), verdict.why)] if chained else []),
        _explain_subject(subject, domain.lower(), whitelist),
    ]


def _explain_subject(subject: Subject, domain: str, whitelist: Whitelist) -> Finding:
    listed = whitelist.subjects.get(domain, frozenset())
    if subject in listed:
        return Finding(True, "son sujet est celui que la liste donne pour ce domaine")
    near = next((each for each in listed if each.common_name == subject.common_name), None)
    if near is not None:
        differing = sorted({kind for kind, _ in set(near.attributes) ^ set(subject.attributes)})
        return Finding(False, f"son sujet diffère de la liste par {', '.join(differing) or 'son ordre'}")
    others = len(whitelist.domains_of(subject))
    if others:
        return Finding(False, f"son sujet est sur la liste pour {others} autre(s) domaine(s), pas pour celui-ci")
    return Finding(False, "son sujet n'est pas sur la liste")
