"""The bodies of XDS transactions, as a professional's software writes them."""

from collections.abc import Sequence
from dataclasses import replace

from lxml import etree

from dmp_bridge.record.model import RecordedDocument
from dmp_bridge.xdm.reader import read_archive
from dmp_bridge.xds.ebrim_writer import write_submission
from dmp_bridge.xds.identifiers import CX, new_oid
from dmp_bridge.xds.metadata import (
    APPROVED,
    HAS_MEMBER,
    UPDATE_AVAILABILITY,
    Association,
    Code,
    DocumentEntry,
    Submission,
    SubmissionSet,
    members,
)
from tests.fictional.xds_client import PATIENT
from vaguemestre.app.demo.fictional_documents import fictional_archive

XDS = "urn:ihe:iti:xds-b:2007"
XOP = "http://www.w3.org/2004/08/xop/include"
QUERY = "urn:oasis:names:tc:ebxml-regrep:xsd:query:3.0"
RIM = "urn:oasis:names:tc:ebxml-regrep:xsd:rim:3.0"
STORED_QUERY = "urn:ihe:iti:2007:RegistryStoredQuery"
UPDATE = "urn:ihe:iti:2010:UpdateDocumentSet"
PROVIDE = "urn:ihe:iti:2007:ProvideAndRegisterDocumentSet-b"
RETRIEVE = "urn:ihe:iti:2007:RetrieveDocumentSet"
FIND_DOCUMENTS = "14d4debf-8f97-4251-9a74-a90016b0af0d"


def submission_of(*documents: bytes) -> Submission:
    """The metadata of documents, as their sender maps them."""
    (lot,) = read_archive(fictional_archive(*documents)).lots
    submission = lot.submission
    return replace(submission, entries=tuple(replace(each, uri=None) for each in submission.entries))


def as_text(submission: Submission) -> str:
    """The SubmitObjectsRequest."""
    return etree.tostring(etree.fromstring(write_submission(submission))).decode()


def provide_body(submission: Submission, names: Sequence[str] | None = None) -> str:
    """An ITI-41 whose documents are `cid:0@lps`, `cid:1@lps`…; NAMES: the entries that they belong to."""
    given = [each.entry_id for each in submission.entries] if names is None else names
    documents = "".join(
        f'<xds:Document id="{name}"><xop:Include xmlns:xop="{XOP}" href="cid:{place}@lps"/></xds:Document>'
        for place, name in enumerate(given)
    )
    return (
        f'<xds:ProvideAndRegisterDocumentSetRequest xmlns:xds="{XDS}">{as_text(submission)}{documents}'
        "</xds:ProvideAndRegisterDocumentSetRequest>"
    )


def query_body(query: str = FIND_DOCUMENTS, returned: str = "LeafClass", **slots: str) -> str:
    """An ITI-18; FindDocuments of what is approved unless SLOTS say otherwise (names without `$`)."""
    if query == FIND_DOCUMENTS:
        slots = {"XDSDocumentEntryPatientId": f"'{PATIENT}'", "XDSDocumentEntryStatus": f"('{APPROVED}')", **slots}
    written = "".join(
        f'<Slot name="${name}"><ValueList><Value>{value.replace("&", "&amp;")}</Value></ValueList></Slot>'
        for name, value in slots.items()
    )
    return (
        f'<query:AdhocQueryRequest xmlns:query="{QUERY}" xmlns="{RIM}"><query:ResponseOption '
        f'returnComposedObjects="true" returnType="{returned}"/><AdhocQuery id="urn:uuid:{query}">{written}'
        "</AdhocQuery></query:AdhocQueryRequest>"
    )


def retrieve_body(repository: str, *unique_ids: str) -> str:
    """An ITI-43."""
    asked = "".join(
        f"<xds:DocumentRequest><xds:RepositoryUniqueId>{repository}</xds:RepositoryUniqueId>"
        f"<xds:DocumentUniqueId>{each}</xds:DocumentUniqueId></xds:DocumentRequest>"
        for each in unique_ids
    )
    return f'<xds:RetrieveDocumentSetRequest xmlns:xds="{XDS}">{asked}</xds:RetrieveDocumentSetRequest>'


def state_body(found: RecordedDocument, wanted: str, original: str = APPROVED) -> str:
    """An ITI-57 that changes the status of a document."""
    slots = {"OriginalStatus": (original,), "NewStatus": (wanted,)}
    change = Association(
        association_id="as1",
        kind=UPDATE_AVAILABILITY,
        source="SubmissionSet01",
        target=found.entry.entry_id,
        slots=slots,
    )
    return as_text(Submission(submission_set=_set(), entries=(), associations=(change,)))


def visibility_body(found: RecordedDocument, codes: Sequence[Code], version: str = "1", **changes: object) -> str:
    """An ITI-57 that gives a document these confidentiality codes; CHANGES: other attributes, which may not differ."""
    entry: DocumentEntry = replace(
        found.entry,
        entry_id="Document01",
        confidentiality=tuple(codes),
        logical_id=found.entry.logical_id,
        **changes,  # type: ignore[arg-type]
    )
    submission = Submission(submission_set=_set(), entries=(entry,))
    (member,) = members(submission)
    assert member.kind == HAS_MEMBER
    numbered = replace(member, slots={**member.slots, "PreviousVersion": (version,)})
    return as_text(replace(submission, associations=(numbered,)))


def _set() -> SubmissionSet:
    return SubmissionSet(
        entry_id="SubmissionSet01",
        unique_id=new_oid(),
        source_id="2.25.1871234",
        patient_id=CX(PATIENT),
        submission_time="20261123120000",
    )
