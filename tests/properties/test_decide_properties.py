from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from access_core.acts import Act
from access_core.cases import read_cases
from access_core.decide import decide
from access_core.decision import NOTICES, Decision, Obligation, Verdict
from access_core.facts import (
    Auth,
    Certificate,
    Confidentiality,
    Consent,
    Context,
    Directory,
    DocumentState,
    EmergencySwitch,
    FilingOpposition,
    IdentityStatus,
    ProfileState,
    Resource,
    Standing,
    Subject,
    SubjectKind,
    default_auth,
)
from access_core.matrix import MatrixMode, default_matrix
from access_core.reasons import REGISTER, Reason
from tests.properties.effort import examples
from tests.properties.facts import CONTEXTS, RESOURCES, SUBJECTS

pytestmark = pytest.mark.requirement("VGM:ACCESS-DECIDE")

ACTS = st.sampled_from(list(Act))
DOCUMENT_ACTS = st.sampled_from(
    [Act.READ_DOCUMENT, Act.MASK_DOCUMENT, Act.UNMASK_DOCUMENT, Act.DELETE_DOCUMENT, Act.MAKE_VISIBLE]
)
PATIENT_SIDE = st.sampled_from([SubjectKind.TITULAIRE, SubjectKind.RL, SubjectKind.AIDANT])

# One more reason to refuse, whatever the act; a closed profile is not one for who reopens it.
WORSE_SUBJECT: tuple[dict[str, Any], ...] = (
    {"auth": Auth.AUCUNE},
    {"cert": Certificate.REVOQUE},
    {"session_min": 241},
    {"inactif_min": 31},
    {"annuaire": Directory.INACTIF},
    {"sujet": SubjectKind.ASSUREUR},
    {"prise_en_charge": False},
    {"informe": False},
    {"regulation": False},
)
WORSE_RESOURCE: tuple[dict[str, Any], ...] = (
    {"ins": IdentityStatus.ABSENTE},
    {"ins": IdentityStatus.DISCORDANTE},
    {"profil": ProfileState.DECEDE},
    {"profil": ProfileState.INDISPONIBLE},
    {"pro_bloque": True},
    {"consentement": Consent.REFUSE},
    {"urgence_samu": EmergencySwitch.DENY},
    {"urgence_btg": EmergencySwitch.DENY},
    {"urgence_masques": EmergencySwitch.DENY},
    {"opposition_depot": FilingOpposition.MOTIF_LEGITIME},
    {"secret_mineur": True},
    {"etat_doc": DocumentState.ABSENT},
    {"etat_doc": DocumentState.SUPPRIME},
    {"candidats": 2},
)
WORSE_CONTEXT: tuple[dict[str, Any], ...] = (
    {"mot_de_passe": False},
    {"declaration": False},
    {"cible_active": False},
    {"delegation_active": False},
    {"nb_representants": 2},
    {"nb_aidants": 3},
    {"roles_matrice": False},
)
SPEC = Path(__file__).resolve().parents[1] / "spec"
CASES = [*read_cases(SPEC / "access_cases.csv"), *read_cases(SPEC / "access_rules.csv")]
PERMITTED = [case for case in CASES if case.expected_decision == "PERMIT"]
WORSE = (
    *(("subject", change) for change in WORSE_SUBJECT),
    *(("resource", change) for change in WORSE_RESOURCE),
    *(("context", change) for change in WORSE_CONTEXT),
)


def what_is_seen(decision: Decision) -> tuple[object, ...]:
    """Everything that leaves the engine for the eyes of the one who asked."""
    entry = REGISTER[decision.reason]
    return (decision.verdict, entry.shown, entry.sentence, entry.smtp, entry.smtp_shown, decision.obligations)


@given(act=ACTS, subject=SUBJECTS, first=RESOURCES, second=RESOURCES, contexts=st.tuples(CONTEXTS, CONTEXTS))
@settings(deadline=None)
def test_without_authentication_nothing_is_told(act, subject, first, second, contexts):
    stranger = replace(subject, auth=Auth.AUCUNE)

    decisions = [decide(stranger, act, first, contexts[0]), decide(stranger, act, second, contexts[1])]

    assert decisions[0] == decisions[1]
    assert decisions[0].verdict is Verdict.DENY


@given(act=ACTS, subject=SUBJECTS, resource=RESOURCES, context=CONTEXTS, worse=st.sampled_from(WORSE))
@settings(deadline=None, max_examples=examples(300))
def test_one_more_reason_to_refuse_never_permits(act, subject, resource, context, worse):
    facts: dict[str, Any] = {"subject": subject, "resource": resource, "context": context}
    before = decide(subject, act, resource, context)

    name, change = worse
    facts[name] = replace(facts[name], **change)
    after = decide(facts["subject"], act, facts["resource"], facts["context"])

    assert before.allowed or not after.allowed


@pytest.mark.parametrize("worse", WORSE, ids=str)
def test_one_more_reason_to_refuse_permits_no_case_of_the_tables(worse):
    name, change = worse

    for case in CASES:
        before = decide(case.given.subject, case.act, case.given.resource, case.given.context)
        facts = {"subject": case.given.subject, "resource": case.given.resource, "context": case.given.context}
        facts[name] = replace(facts[name], **change)
        after = decide(facts["subject"], case.act, facts["resource"], facts["context"])

        assert before.allowed or not after.allowed, case.case_id


@given(act=ACTS, subject=SUBJECTS, resource=RESOURCES, context=CONTEXTS)
@settings(deadline=None, max_examples=examples(300))
def test_every_decision_is_traced_and_no_refusal_is_noticed(act, subject, resource, context):
    decision = decide(subject, act, resource, context)

    assert decision.duties[0] is Obligation.TRACE
    assert decision.allowed or not NOTICES & {*decision.obligations}


@given(act=ACTS, subject=SUBJECTS, resource=RESOURCES, context=CONTEXTS)
@settings(deadline=None, max_examples=examples(300))
def test_a_decision_has_one_verdict_one_reason_and_sources(act, subject, resource, context):
    decision = decide(subject, act, resource, context)

    assert decision == decide(subject, act, resource, context)
    assert decision.allowed == (decision.reason is Reason.OK)
    assert decision.verdict is not Verdict.DEFER or decision.reason in (
        Reason.D_SERVICE_INDISPONIBLE,
        Reason.C_ACCEPTATION_EN_ATTENTE,
    )
    assert decision.sources
    assert len(decision.obligations) == len({*decision.obligations})


@given(act=DOCUMENT_ACTS, sujet=PATIENT_SIDE, resource=RESOURCES, context=CONTEXTS)
@settings(deadline=None, max_examples=examples(300))
def test_a_document_hidden_from_the_patient_looks_absent(act, sujet, resource, context):
    subject = Subject(sujet=sujet, auth=Auth.LOGIN_OTP)
    conf = (resource.conf or frozenset()) | {Confidentiality.INVISIBLE_PATIENT}
    hidden = replace(resource, conf=conf, annonce=False, jours=10, etat_doc=DocumentState.APPROUVE)

    seen = what_is_seen(decide(subject, act, hidden, context))

    assert seen == what_is_seen(decide(subject, act, replace(hidden, etat_doc=DocumentState.ABSENT), context))


@given(act=DOCUMENT_ACTS, resource=RESOURCES, context=CONTEXTS)
@settings(deadline=None, max_examples=examples(300))
def test_a_document_hidden_from_the_representatives_looks_absent(act, resource, context):
    parent = Subject(sujet=SubjectKind.RL, auth=Auth.LOGIN_OTP)
    conf = (resource.conf or frozenset()) | {Confidentiality.INVISIBLE_REPRESENTANTS_LEGAUX}
    hidden = replace(resource, conf=conf, etat_doc=DocumentState.APPROUVE)

    seen = what_is_seen(decide(parent, act, hidden, context))

    assert seen == what_is_seen(decide(parent, act, replace(hidden, etat_doc=DocumentState.ABSENT), context))


@given(act=DOCUMENT_ACTS, subject=SUBJECTS, resource=RESOURCES, context=CONTEXTS)
@settings(deadline=None, max_examples=examples(300))
def test_a_document_masked_to_a_professional_looks_absent(act, subject, resource, context):
    colleague = replace(subject, sujet=SubjectKind.PRO, auteur=False, statut=Standing.AUCUN)
    conf = (resource.conf or frozenset()) | {Confidentiality.MASQUE_PS}
    masked = replace(resource, conf=conf, etat_doc=DocumentState.APPROUVE, urgence_masques=EmergencySwitch.DENY)

    seen = what_is_seen(decide(colleague, act, masked, context))

    assert seen == what_is_seen(decide(colleague, act, replace(masked, etat_doc=DocumentState.ABSENT), context))


@given(
    act=st.sampled_from([Act.FILE_DOCUMENT, Act.DELETE_DOCUMENT]),
    subject=SUBJECTS,
    resource=RESOURCES,
    context=CONTEXTS,
)
@settings(deadline=None, max_examples=examples(300))
def test_no_notice_speaks_of_a_document_that_the_patient_may_not_see(act, subject, resource, context):
    hidden = replace(resource, conf=frozenset({Confidentiality.INVISIBLE_PATIENT}), annonce=False, jours=0)

    decision = decide(subject, act, hidden, context)

    assert not NOTICES & {*decision.obligations}


@pytest.mark.parametrize("sujet", [*SubjectKind, None])
@pytest.mark.parametrize("act", [*Act, None])
def test_every_act_answers_every_kind_of_subject(act, sujet):
    subject = Subject(sujet=sujet, auth=default_auth(sujet, act))

    decision = decide(subject, act, Resource(), Context())

    assert isinstance(decision, Decision)
    assert not decision.allowed or None not in (act, sujet)


@pytest.mark.parametrize("name", ["subject", "resource", "context"])
@pytest.mark.parametrize("case", PERMITTED, ids=lambda case: case.case_id)
def test_an_unknown_fact_is_never_a_permit(case, name):
    facts = {"subject": case.given.subject, "resource": case.given.resource, "context": case.given.context}
    names = [field.name for field in fields(facts[name]) if field.name not in ("majorite", "matrix")]

    for fact in names:
        known = {**facts, name: replace(facts[name], **{fact: None})}
        decision = decide(known["subject"], case.act, known["resource"], known["context"])

        assert decision.verdict is Verdict.DENY, fact


@given(act=ACTS, subject=SUBJECTS, resource=RESOURCES, context=CONTEXTS)
@settings(deadline=None, max_examples=examples(300))
def test_the_strict_matrix_permits_nothing_more(act, subject, resource, context):
    strict = replace(context, matrix=default_matrix(MatrixMode.STRICT))

    decisions = decide(subject, act, resource, context), decide(subject, act, resource, strict)

    assert decisions[0].allowed or not decisions[1].allowed
