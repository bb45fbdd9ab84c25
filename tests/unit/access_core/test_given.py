from dataclasses import fields

import pytest
from hypothesis import given as facts
from hypothesis import settings
from hypothesis import strategies as st

from access_core.acts import Act
from access_core.facts import (
    Auth,
    Confidentiality,
    Consent,
    Context,
    Resource,
    Subject,
    SubjectKind,
    default_auth,
)
from access_core.given import _KEYS, parse_given
from access_core.matrix import MatrixMode, default_matrix
from vaguemestre.kernel.errors import ConfigurationError


def test_an_empty_text_gives_the_defaults():
    given = parse_given("", Act.READ_DOCUMENT)

    assert given.subject == Subject(auth=Auth.PSC_ECPS)
    assert (given.resource, given.context, given.problems) == (Resource(), Context(), ())


def test_pairs_are_read_into_facts():
    given = parse_given(
        " sujet=rl ; age=15;conf=MASQUE_PS+INVISIBLE_PATIENT;motif=a=b;nb_aidants=3;role=330;", Act.READ_DOCUMENT
    )

    assert (given.subject.sujet, given.subject.role, given.resource.age) == (SubjectKind.RL, "330", 15)
    assert given.resource.conf == {Confidentiality.MASQUE_PS, Confidentiality.INVISIBLE_PATIENT}
    assert (given.context.motif, given.context.nb_aidants, given.problems) == ("a=b", 3, ())


@pytest.mark.parametrize(
    ("sujet", "act", "means"),
    [
        (SubjectKind.PRO, Act.READ_DOCUMENT, Auth.PSC_ECPS),
        (SubjectKind.STRUCTURE, Act.FILE_DOCUMENT, Auth.ORG_CERT),
        (SubjectKind.TITULAIRE, Act.READ_DOCUMENT, Auth.LOGIN_OTP),
        (SubjectKind.AIDANT, Act.READ_DOCUMENT, Auth.LOGIN_OTP),
        (SubjectKind.SYSTEME, Act.MAKE_VISIBLE, Auth.INTERNE),
        (SubjectKind.STRUCTURE, Act.DELIVER_TO_PATIENT, Auth.MSSANTE),
        (None, None, Auth.LOGIN_OTP),
    ],
)
def test_the_means_depend_on_the_subject_and_the_act(sujet, act, means):
    assert default_auth(sujet, act) is means


@pytest.mark.parametrize(
    ("text", "consent"),
    [
        ("", Consent.PRESUME),
        ("equipe=oui", Consent.PRESUME),
        ("equipe=non", Consent.AUCUN),
        ("equipe=non;consentement=presume", Consent.PRESUME),
    ],
)
def test_consent_is_presumed_within_the_team(text, consent):
    assert parse_given(text, Act.READ_DOCUMENT).resource.consentement is consent


@pytest.mark.parametrize(
    "text",
    [
        "mode=furtif",
        "equipe=true",
        "session_min=-1",
        "session_min=1.5",
        "age=²",
        "age=9999999999",
        "conf=N+OPAQUE",
        "conf=",
        "ins=QUALIFIEE",
    ],
)
def test_a_value_that_does_not_exist_is_an_unknown_fact(text):
    key = text.partition("=")[0]

    given = parse_given(f"profession=21; {text}", Act.READ_DOCUMENT)

    values = [getattr(part, key) for part in (given.subject, given.resource, given.context) if hasattr(part, key)]
    assert values == [None]
    assert given.problems == (f"character 16: the value of {key} is not one of its values",)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("profession", "character 1: expected key=value"),
        ("profession=10;;  couleur=rouge", "character 18: unknown key"),
        ("=10", "character 1: unknown key"),
        ("age=1;age=2", "character 7: the key age is there twice"),
        ("matrix=x", "character 1: unknown key"),
    ],
)
def test_a_key_that_does_not_exist_is_refused_by_its_place(text, message):
    with pytest.raises(ConfigurationError, match=f"^{message}$"):
        parse_given(text, Act.READ_DOCUMENT)


def test_the_matrix_may_be_another_one():
    strict = default_matrix(MatrixMode.STRICT)

    given = parse_given("", Act.READ_DOCUMENT, matrix=strict)

    assert given.context.matrix is strict


def test_every_fact_has_a_key():
    settings_of_the_product = {"majorite", "matrix"}

    facts_of = {field.name for part in (Subject, Resource, Context) for field in fields(part)}

    assert facts_of - settings_of_the_product == {*_KEYS}


@facts(st.text())
@settings(deadline=None)
def test_any_text_is_read_or_refused(text):
    try:
        given = parse_given(text, Act.READ_DOCUMENT)
    except ConfigurationError:
        return
    assert given.subject.auth is not None
