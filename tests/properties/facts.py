"""Any facts that a caller could load, unknown ones (None) included, for the property tests of the engine."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from hypothesis import strategies as st

from access_core import facts
from access_core.facts import Confidentiality, Context, Resource, Subject
from access_core.nomenclature import ROLE_PROFESSIONS, TRE_G15, document_types

YES_NO = st.booleans()
DOCUMENT_TYPES = ("11502-2", "34112-3", "68599-0", "DOCPAT03", "REMB", "ATTEST-RESID")
PROFESSIONS = ("10", "60", "21", "40", "80")

assert {*DOCUMENT_TYPES} <= {*document_types()}
assert {*PROFESSIONS} <= TRE_G15


def one_of(kind: type[StrEnum]) -> st.SearchStrategy[StrEnum]:
    return st.sampled_from(list(kind))


FLAGS = st.frozensets(st.sampled_from([flag for flag in Confidentiality if flag is not Confidentiality.N]))

SUBJECT: Mapping[str, st.SearchStrategy[Any]] = {
    "sujet": one_of(facts.SubjectKind),
    "profession": st.sampled_from([*PROFESSIONS, "99", "-"]),
    "role": st.sampled_from(["-", "-", *sorted(ROLE_PROFESSIONS), "999"]),
    "auth": one_of(facts.Auth),
    "cert": one_of(facts.Certificate),
    "session_min": st.sampled_from([0, 240, 241]),
    "inactif_min": st.sampled_from([0, 30, 31]),
    "annuaire": one_of(facts.Directory),
    "regulation": YES_NO,
    "equipe": YES_NO,
    "prise_en_charge": YES_NO,
    "informe": YES_NO,
    "statut": one_of(facts.Standing),
    "auteur": YES_NO,
}
RESOURCE: Mapping[str, st.SearchStrategy[Any]] = {
    "profil": one_of(facts.ProfileState),
    "age": st.sampled_from([0, 15, 17, 18, 40]),
    "protege": YES_NO,
    "pro_bloque": YES_NO,
    "consentement": one_of(facts.Consent),
    "urgence_samu": one_of(facts.EmergencySwitch),
    "urgence_btg": one_of(facts.EmergencySwitch),
    "urgence_masques": one_of(facts.EmergencySwitch),
    "masque_defaut": YES_NO,
    "opposition_depot": one_of(facts.FilingOpposition),
    "secret_mineur": YES_NO,
    "accord_mineur": YES_NO,
    "ins": one_of(facts.IdentityStatus),
    "candidats": st.integers(0, 3),
    "doc": st.sampled_from([*DOCUMENT_TYPES, "99999-9", "-"]),
    "origine": one_of(facts.Origin),
    "conf": FLAGS,
    "masque_par": one_of(facts.MaskedBy),
    "etat_doc": one_of(facts.DocumentState),
    "doublon": YES_NO,
    "annonce": YES_NO,
    "jours": st.sampled_from([0, 30, 31, 400]),
    "conversation": one_of(facts.Exchange),
    "reponse": one_of(facts.ReplyOption),
    "destinataire": one_of(facts.Recipient),
}
CONTEXT: Mapping[str, st.SearchStrategy[Any]] = {
    "mode": one_of(facts.Mode),
    "motif": st.sampled_from(["-", "", "coma"]),
    "etat_patient": one_of(facts.PatientState),
    "risque_immediat": YES_NO,
    "delegation": one_of(facts.Delegation),
    "nb_representants": st.integers(0, 3),
    "nb_aidants": st.integers(0, 4),
    "nb_aides": st.integers(0, 6),
    "cible_active": YES_NO,
    "declaration": YES_NO,
    "acceptation": one_of(facts.Acceptance),
    "delegation_active": YES_NO,
    "mot_de_passe": YES_NO,
    "suppression": YES_NO,
    "cible": one_of(facts.Target),
    "portee": one_of(facts.Scope),
    "premier_acces": YES_NO,
    "roles_matrice": YES_NO,
}


@st.composite
def mostly_default(draw: st.DrawFn, values: Mapping[str, st.SearchStrategy[Any]]) -> dict[str, Any]:
    """Draw a few facts and leave the others at their default, so that permits are frequent."""
    names = draw(st.lists(st.sampled_from(sorted(values)), unique=True, max_size=3))
    return {name: draw(values[name]) for name in names}


def _subject(sujet: facts.SubjectKind, drawn: dict[str, Any]) -> Subject:
    return Subject(**{"sujet": sujet, "auth": facts.default_auth(sujet, None), **drawn})


SUBJECTS = st.builds(_subject, one_of(facts.SubjectKind), mostly_default(SUBJECT))
RESOURCES = mostly_default(RESOURCE).map(lambda drawn: Resource(**drawn))
CONTEXTS = mostly_default(CONTEXT).map(lambda drawn: Context(**drawn))
