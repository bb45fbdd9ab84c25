"""What the engine is told of a document of the record: the one place where its flags become facts."""

from access_core.case_inputs import DocumentFacts
from access_core.facts import Confidentiality, DocumentState, MaskedBy, Origin
from dmp_bridge.record.model import Availability, MaskSetter, RecordedDocument

_STATES = {
    Availability.APPROVED: DocumentState.APPROUVE,
    Availability.DEPRECATED: DocumentState.REMPLACE,
    Availability.ARCHIVED: DocumentState.ARCHIVE,
    Availability.DELETED: DocumentState.SUPPRIME,
}


def facts_of(found: RecordedDocument, *, reader_id: str | None = None) -> DocumentFacts:
    """Describe a document; READER_ID: account of the professional who asks, its author when he filed it."""
    flags = {
        Confidentiality.MASQUE_PS: found.masked,
        Confidentiality.INVISIBLE_PATIENT: found.invisible_patient,
        Confidentiality.INVISIBLE_REPRESENTANTS_LEGAUX: found.invisible_representatives,
    }
    return DocumentFacts(
        type_code=found.entry.type_code.code if found.entry.type_code else "-",
        origin=Origin(found.filing.origin.value),
        confidentiality=frozenset({Confidentiality.N, *(flag for flag, is_set in flags.items() if is_set)}),
        masked_by=MaskedBy.AUTEUR if found.masked_by is MaskSetter.AUTHOR else MaskedBy.TITULAIRE,
        state=_STATES[found.availability],
        by_reader=reader_id is not None and found.filing.filed_by == reader_id,
        filed_at=found.filing.filed_at,
    )
