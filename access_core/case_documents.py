"""Loading the facts of an act on one document that is there, or that the patient's side brings.

Who asks and on whose space comes from `case_acts`; this adds what the record knows of the document.
"""

from dataclasses import replace
from datetime import datetime

from access_core.acts import Act
from access_core.case_acts import Asking, act_facts
from access_core.case_inputs import CaseFacts, DocumentFacts
from access_core.facts import Resource
from access_core.objections import FilingScope, filing_opposition
from vaguemestre.kernel.database import Transaction


def document_act_facts(tx: Transaction, asking: Asking, act: Act, document: DocumentFacts) -> CaseFacts:
    """Load the facts of masking, unmasking, showing or deleting DOCUMENT, or of filing it as the patient's side."""
    case = act_facts(tx, asking, act)
    resource = _about(case.resource, document, asking.now)
    if act is Act.FILE_DOCUMENT:
        scope = FilingScope(professional_id=asking.actor_id, type_code=document.type_code)
        resource = replace(resource, opposition_depot=filing_opposition(tx, asking.profile.id, scope))
    return replace(case, subject=replace(case.subject, auteur=document.by_reader), resource=resource)


def _about(resource: Resource, document: DocumentFacts, now: datetime) -> Resource:
    return replace(
        resource,
        doc=document.type_code,
        origine=document.origin,
        conf=document.confidentiality,
        masque_par=document.masked_by,
        etat_doc=document.state,
        doublon=document.duplicate,
        annonce=document.announced,
        jours=0 if document.filed_at is None else (now - document.filed_at).days,
    )
