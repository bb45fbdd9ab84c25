"""Filing one prepared document: decide, keep, link to the version before, trace. One unit of work.

A document ends in exactly one of three ways, each with one line in the trace: filed, already there (DEDUP, nothing
changes), refused with a reason. Idempotent by the document's unique id.
"""

from dataclasses import replace

from access_core.acts import Act
from access_core.case_documents import document_act_facts
from access_core.case_facts import filing_facts
from access_core.case_inputs import CaseFacts, DocumentFacts, FilingRequest
from access_core.decision import Decision, Obligation, Verdict
from access_core.facts import Confidentiality, IdentityStatus
from access_core.facts import Origin as EngineOrigin
from access_core.obligations import Deed, carry_out
from access_core.profiles import Profile
from dmp_bridge.external.outbound import Arrival, Outbound
from dmp_bridge.identity import document_identity, metadata_identity
from dmp_bridge.outcome import FilingCase, FilingOutcome, FilingRules, conclude, refuse
from dmp_bridge.preparation import PreparedDocument
from dmp_bridge.record.documents import ContentStore
from dmp_bridge.record.model import Availability, Filing, MaskSetter, RecordedDocument, RecordedSet
from dmp_bridge.record.registry import (
    associate,
    document_by_unique_id,
    is_storable,
    new_entry_uuid,
    register_document,
    register_set,
)
from dmp_bridge.refusals import Refusal
from dmp_bridge.versions import Succession, apply_succession, replaced_ids, succession_of
from dmp_bridge.xds.metadata import HAS_MEMBER, HIDDEN_FROM_REPRESENTATIVES, MASKED_FROM_PROFESSIONALS, Code
from vaguemestre.kernel.database import Transaction
from vaguemestre.kernel.errors import TemporaryFailure
from vaguemestre.kernel.ids import new_id

# Carried out below, or handed back to the caller in the outcome.
_DONE_HERE = frozenset(
    {
        Obligation.DEDUP,
        Obligation.APPLIQUER_MASQUE_DEFAUT,
        Obligation.FORCER_INVISIBLE_RL,
        Obligation.INFORMER_PATIENT,
    }
)
_FLAGS = frozenset(Confidentiality)


class Filer:
    """Files documents into the embedded record; OUTBOUND: the way to another one, when there is one."""

    def __init__(self, store: ContentStore, rules: FilingRules, outbound: Outbound | None = None) -> None:
        self._store = store
        self._rules = rules
        self._outbound = outbound

    def file(self, tx: Transaction, case: FilingCase, prepared: PreparedDocument) -> FilingOutcome:
        """Decide and file one document; the trace entry is written with the transaction.

        Raises:
            TemporaryFailure: the engine says not now; nothing was done.
        """
        refusal = prepared.refusal
        identity = IdentityStatus.QUALIFIEE
        if refusal is None:
            identity = self._identity(case.profile, prepared)
            refusal = prepared.header_refusal if identity is IdentityStatus.QUALIFIEE else None
        if refusal is not None:
            return refuse(tx, case, refusal, prepared.entry.unique_id)
        return self._decide(tx, case, prepared, identity)

    def _identity(self, profile: Profile, prepared: PreparedDocument) -> IdentityStatus:
        """Return the first thing that is wrong with the patient, metadata before document."""
        authorities = self._rules.ins_authorities
        if prepared.sent_patient_ids is not None:
            status = metadata_identity(prepared.sent_patient_ids, profile, authorities)
            if status is not IdentityStatus.QUALIFIEE:
                return status
        if prepared.header is None:
            return IdentityStatus.QUALIFIEE
        return document_identity(prepared.header.patient, profile, authorities)

    def _decide(
        self, tx: Transaction, case: FilingCase, prepared: PreparedDocument, identity: IdentityStatus
    ) -> FilingOutcome:
        entry = prepared.entry
        known = document_by_unique_id(tx, entry.unique_id)
        if identity is IdentityStatus.QUALIFIEE and known is not None and not _is_same(known, case, prepared):
            return refuse(tx, case, Refusal.UNIQUE_ID_TAKEN, entry.unique_id)
        facts = _facts(tx, case, prepared, identity, duplicate=known is not None)
        decision = facts.decide()
        if decision.verdict is Verdict.DEFER:
            raise TemporaryFailure("filing: not now")
        if not decision.allowed:
            return conclude(tx, case, (facts, decision), entry.unique_id)
        if known is not None:
            return conclude(tx, case, (facts, decision), entry.unique_id, known)
        return self._keep(tx, case, prepared, (facts, decision))

    def _keep(
        self, tx: Transaction, case: FilingCase, prepared: PreparedDocument, decided: tuple[CaseFacts, Decision]
    ) -> FilingOutcome:
        decision = decided[1]
        succession = succession_of(tx, case.profile.id, prepared)
        recorded = _recorded_set(case, prepared)
        document = self._document(case, prepared, decision, succession)
        if succession.refusal is not None or not is_storable(document, recorded):
            return refuse(tx, case, succession.refusal or Refusal.METADATA_LENGTH, prepared.entry.unique_id)
        registered = register_set(tx, recorded)
        content_id = self._store.seal_content(tx, document.mailbox_id, prepared.content)
        document = replace(document, submission_set_id=registered.id, content_id=content_id)
        register_document(tx, document)
        associate(tx, registered.id, HAS_MEMBER, registered.entry_uuid, document.entry.entry_id)
        apply_succession(tx, document, succession)
        carry_out(tx, decision, _deed(case, document), done=_DONE_HERE)
        if self._outbound is not None:
            replaced = replaced_ids(prepared, succession)
            arrival = Arrival(recorded.submission_set, case.message_id_header, replaced)
            kept = self._outbound.queue(tx, document, arrival)
            document = replace(document, warnings=(*document.warnings, *([kept] if kept else [])))
        return conclude(tx, case, decided, document.entry.unique_id, document)

    def _document(
        self, case: FilingCase, prepared: PreparedDocument, decision: Decision, succession: Succession
    ) -> RecordedDocument:
        codes = confidentiality_of(prepared, decision)
        flags = {code.code for code in codes}
        masked = Confidentiality.MASQUE_PS in flags
        by_default = Obligation.APPLIQUER_MASQUE_DEFAUT in decision.obligations
        header, entry_uuid = prepared.header, prepared.entry_uuid or new_entry_uuid()
        entry = replace(
            prepared.entry,
            entry_id=entry_uuid,
            logical_id=entry_uuid,
            confidentiality=codes,
            repository_id=self._rules.repository_id,
        )
        return RecordedDocument(
            id=new_id(),
            profile_id=case.profile.id,
            mailbox_id=case.profile.account_id,
            content_id="",
            submission_set_id="",
            entry=entry,
            availability=Availability.DEPRECATED if succession.superseded else Availability.APPROVED,
            filing=_filing(case),
            set_id=header.set_id.xds if header and header.set_id else None,
            cda_version=header.version if header else None,
            masked=masked,
            masked_by=(MaskSetter.DEFAULT if by_default else MaskSetter.AUTHOR) if masked else None,
            invisible_patient=Confidentiality.INVISIBLE_PATIENT in flags,
            invisible_representatives=Confidentiality.INVISIBLE_REPRESENTANTS_LEGAUX in flags,
            warnings=(*prepared.warnings, *succession.warnings),
        )


def _is_same(known: RecordedDocument, case: FilingCase, prepared: PreparedDocument) -> bool:
    same_bytes = known.entry.hash == (prepared.entry.hash or "").lower()
    return known.profile_id == case.profile.id and same_bytes


def _facts(
    tx: Transaction, case: FilingCase, prepared: PreparedDocument, identity: IdentityStatus, *, duplicate: bool
) -> CaseFacts:
    entry = prepared.entry
    flags = {Confidentiality(each) for each in entry.visibility if each in _FLAGS}
    document = DocumentFacts(
        type_code=entry.type_code.code if entry.type_code else "-",
        confidentiality=frozenset({Confidentiality.N, *flags}),
        duplicate=duplicate,
        origin=EngineOrigin(case.origin.value),
    )
    if case.asking is not None:
        facts = document_act_facts(tx, case.asking, Act.FILE_DOCUMENT, document)
        return replace(facts, resource=replace(facts.resource, ins=identity))
    request = FilingRequest(
        sender=case.sender,
        ins=case.profile.ins,
        document=document,
        now=case.now,
        identity=identity,
        informed=case.informed,
        presume_care=case.presume_care,
    )
    return filing_facts(tx, request)


def confidentiality_of(prepared: PreparedDocument, decision: Decision) -> tuple[Code, ...]:
    """Return the codes of the document with those that the decision obliges to add."""
    codes = prepared.entry.confidentiality
    added = []
    if Obligation.APPLIQUER_MASQUE_DEFAUT in decision.obligations:
        added.append(MASKED_FROM_PROFESSIONALS)
    if Obligation.FORCER_INVISIBLE_RL in decision.obligations:
        added.append(HIDDEN_FROM_REPRESENTATIVES)
    return (*codes, *(code for code in added if code.code not in prepared.entry.visibility))


def _deed(case: FilingCase, document: RecordedDocument) -> Deed:
    return Deed(
        act=Act.FILE_DOCUMENT,
        profile=case.profile,
        resource_kind="document",
        resource_id=document.id,
        now=case.now,
        professional_id=case.sender.id,
    )


def _filing(case: FilingCase) -> Filing:
    return Filing(
        filed_at=case.now,
        label=case.sender.label,
        filed_by=case.filed_by,
        message_id=case.message_id,
        origin=case.origin,
    )


def _recorded_set(case: FilingCase, prepared: PreparedDocument) -> RecordedSet:
    return RecordedSet(
        id=new_id(),
        profile_id=case.profile.id,
        submission_set=replace(prepared.submission_set, entry_id=new_entry_uuid()),
        filing=_filing(case),
    )
