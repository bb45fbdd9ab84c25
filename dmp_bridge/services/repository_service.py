"""The repository: provide and register (ITI-41) and retrieve (ITI-43) on the embedded record."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from lxml import etree

from access_core.decision import Decision, Obligation, Verdict
from access_core.obligations import Deed, carry_out
from access_core.reasons import REGISTER, Reason
from access_core.trace.decisions import About, decision_entry
from access_core.trace.entries import record
from dmp_bridge.config import BridgeSettings
from dmp_bridge.outcome import sentence_of
from dmp_bridge.preparation import PreparedDocument
from dmp_bridge.record.documents import ContentStore, content
from dmp_bridge.record.model import RecordedDocument
from dmp_bridge.record.registry import document_by_unique_id
from dmp_bridge.refusals import ExchangeError, Refusal
from dmp_bridge.services.providing import Provided, is_signature, prepare_provided
from dmp_bridge.services.registry_service import Call
from dmp_bridge.transport.mtom import Attachment
from dmp_bridge.transport.soap import SoapRequest
from dmp_bridge.xds import schemes
from dmp_bridge.xds.answers import XDS, RetrievedDocument, retrieve_response
from dmp_bridge.xds.ebrim_reader import read_submission
from dmp_bridge.xds.errors import RegistryError, XdsErrorCode, XdsRefusal
from dmp_bridge.xds.required import check_attributes
from vaguemestre.kernel.database import Transaction

_UUID = re.compile(r"urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
# What the reader's own software shows; the rest is carried out here.
SHOWN = (Obligation.ALERTE_INVISIBLE_PATIENT, Obligation.ALERTE_INVISIBLE_RL, Obligation.BANDEAU_BRIS_DE_GLACE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Retrieved:
    """The answer of ITI-43 and the bytes that go beside it."""

    answer: etree._Element
    attachments: tuple[Attachment, ...]


def read_provided(request: SoapRequest, settings: BridgeSettings) -> Provided:
    """Read ITI-41 and the header of each document; pure, slow.

    Raises:
        XdsRefusal: metadata and documents do not go together, or the metadata cannot be read.
    """
    sent = request.body.find(f"{{{schemes.LCM}}}SubmitObjectsRequest")
    try:
        if sent is None:
            raise ExchangeError(Refusal.METADATA_FORMAT)
        submission = read_submission(sent)
    except ExchangeError as error:
        raise XdsRefusal.of(XdsErrorCode.REPOSITORY_METADATA, sentence_of(error.code)) from None
    contents = {each.get("id", ""): request.content_of(each) for each in request.body.iterfind(f"{{{XDS}}}Document")}
    provided = prepare_provided(submission, contents, settings.reader_rules())
    check_attributes(each for each in submission.entries if not is_signature(each))
    return replace(provided, documents=tuple(_with_own_uuid(each) for each in provided.documents))


def _with_own_uuid(prepared: PreparedDocument) -> PreparedDocument:
    """Keep the entryUUID that the source chose; a symbolic id is replaced by the registry (ITI-42 §3.42.4.1.3.7)."""
    chosen = prepared.entry.entry_id
    return replace(prepared, entry_uuid=chosen) if _UUID.fullmatch(chosen) else prepared


def retrieve(
    tx: Transaction, call: Call, body: etree._Element, store: ContentStore, settings: BridgeSettings
) -> Retrieved:
    """Answer ITI-43: each document is one decision, traced; what the caller may not read is not there.

    Raises:
        IntegrityError: the sealed bytes of one were changed.
    """
    documents: list[RetrievedDocument] = []
    attachments: list[Attachment] = []
    errors: list[RegistryError] = []
    for place, (repository, unique_id) in enumerate(_asked(body)):
        if repository != settings.repository_id:
            errors.append(RegistryError(XdsErrorCode.UNKNOWN_REPOSITORY, "Ce dépôt n'est pas ici.", unique_id))
            continue
        found = document_by_unique_id(tx, unique_id)
        if found is None or not read_one(tx, call, found).allowed:
            errors.append(RegistryError(XdsErrorCode.DOCUMENT_ID, "Ce document n'existe pas.", unique_id))
            continue
        name = f"document{place}@vaguemestre"
        attachments.append(Attachment(name, content(tx, store, found)))
        documents.append(
            RetrievedDocument(
                repository_id=repository, unique_id=unique_id, mime_type=found.entry.mime_type, content_id=name
            )
        )
    return Retrieved(answer=retrieve_response(documents, errors), attachments=tuple(attachments))


def _asked(body: etree._Element) -> Iterator[tuple[str, str]]:
    """Return the distinct repository and document ids of a request."""
    pairs = (
        tuple((each.findtext(f"{{{XDS}}}{name}") or "").strip() for name in ("RepositoryUniqueId", "DocumentUniqueId"))
        for each in body.iterfind(f"{{{XDS}}}DocumentRequest")
    )
    yield from dict.fromkeys((pair[0], pair[1]) for pair in pairs)


def read_one(tx: Transaction, call: Call, found: RecordedDocument) -> Decision:
    """Decide and trace the reading of one document; that of another patient is as if it were not there."""
    profile = call.profile
    if found.profile_id != profile.id:
        return Decision(Verdict.DENY, Reason.V_DOC_INTROUVABLE, (), REGISTER[Reason.V_DOC_INTROUVABLE].sources)
    case = call.reader.case(tx, found)
    decision = case.decide()
    record(tx, decision_entry(case, decision, About(resource_kind="document", resource_id=found.id), at=call.now))
    deed = Deed(
        act=case.act,
        profile=profile,
        resource_kind="document",
        resource_id=found.id,
        now=call.now,
        professional_id=call.caller.sender.id,
    )
    carry_out(tx, decision, deed, done=SHOWN)
    return decision
