"""Which record a document goes to: ours, the one elsewhere, or both (setting `dmp.record`). Pure.

Everything that is filed is kept here, sealed; what the record elsewhere cannot take stays here only and says why.
With `external` alone, what was accepted there leaves ours. Source: dmp.md §0 facts 3 and 4, §2.5, §2.7, §7.2.
"""

from dmp_bridge.external.config import ExternalSettings
from dmp_bridge.preparation import Tolerance
from dmp_bridge.record.model import Availability, Origin, RecordedDocument
from dmp_bridge.refusals import Refusal
from dmp_bridge.xds.identifiers import is_oid
from dmp_bridge.xds.metadata import HL7_CONFIDENTIALITY
from dmp_bridge.xds.terminology import is_dmp_type

_RESTRICTED = frozenset({"R", "V"})


def is_for_elsewhere(document: RecordedDocument) -> bool:
    """Tell whether a document is meant for the record elsewhere at all: what a patient deposits here is not."""
    return document.filing.origin is Origin.PRO


def reason_to_keep(document: RecordedDocument, settings: ExternalSettings) -> Refusal | None:
    """Return why a document stays here only, None when the record elsewhere can take it."""
    entry = document.entry
    if entry.type_code is None or not is_dmp_type(entry.type_code.code):
        return Refusal.DMP_TYPE
    if not is_oid(entry.unique_id):
        return Refusal.DMP_IDENTIFIER
    if settings.pdf_a_only and Tolerance.NOT_PDF_A in document.warnings:
        return Refusal.DMP_PDF
    if (entry.size_bytes or 0) > settings.max_document_bytes:
        return Refusal.DMP_SIZE
    if any(each.scheme == HL7_CONFIDENTIALITY and each.code in _RESTRICTED for each in entry.confidentiality):
        return Refusal.DMP_CONFIDENTIAL
    return None if document.availability is Availability.APPROVED else Refusal.DMP_VERSION
