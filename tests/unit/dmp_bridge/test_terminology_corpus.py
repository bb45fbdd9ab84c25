"""Every code of our tables and constants exists in the French nomenclatures, with their class and label."""

import csv
import json
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from dmp_bridge import deposit, packaging
from dmp_bridge.cda import level_1
from dmp_bridge.external import submission
from dmp_bridge.fhir import codes
from dmp_bridge.xds.metadata import (
    HIDDEN_FROM_PATIENT,
    HIDDEN_FROM_REPRESENTATIVES,
    MASKED_FROM_PROFESSIONALS,
    NORMAL,
    Code,
)
from dmp_bridge.xds.terminology import FRENCH_FORMATS, IHE_FORMATS, class_of_type, is_dmp_type, type_code
from vaguemestre.app.demo.fictional_documents import GENERAL_PRACTICE

SVS = "{urn:ihe:iti:svs:2008}"
OURS = {"1.2.250.1.213.1.1.1.59"}
"""Templates that ASS_A11 leaves out (`dmp_bridge/data/SOURCES.md`)."""
OUT_OF_RPPS = "1.2.250.1.213.1.6.1."
SHOWN = [
    (level_1.AMBULATORY, "JDV_J04"),
    (level_1.PRIVATE_PRACTICE, "JDV_J02"),
    (deposit._EXPRESSION, "TRE_A00"),
    (GENERAL_PRACTICE, "JDV_J01"),
]


def table(name: str) -> list[dict[str, str]]:
    """Read one of our tables."""
    text = resources.files("dmp_bridge").joinpath("data", name).read_text("utf-8")
    return list(csv.DictReader(text.splitlines()))


@pytest.fixture
def published(corpus: Path) -> dict[str, Any]:
    """The compact tables of the corpus."""
    return json.loads((corpus / "terminology" / "xds_codes.json").read_text("utf-8"))


def concepts(corpus: Path, name: str) -> dict[tuple[str, str], str]:
    """Codes and labels of a value set, by code and nomenclature."""
    (file,) = (corpus / "terminology" / "svs").glob(f"{name}*.xml")
    found = etree.parse(file).iter(f"{SVS}Concept")
    return {(each.get("code", ""), each.get("codeSystem", "")): each.get("displayName", "") for each in found}


def test_types_have_their_nomenclature_class_and_place_in_the_dmp(published, corpus):
    known = {each["code"]: each for each in published["typeCode"]}
    values = concepts(corpus, "JDV_J07")
    classes = {each["code"] for each in published["classCode_JDV_J57"]["codes"]}

    assert {row["code"] for row in table("type_codes.csv")} == set(known)
    for code, row in known.items():
        found = type_code(code)
        assert found is not None
        class_code = class_of_type(code)
        assert found.scheme == row["codeSystem"]
        assert (None if class_code is None else class_code.code) == (row["class"] if row["class"] in classes else None)
        assert is_dmp_type(code) is row["in_JDV_J66_DMP"]
        assert ((code, found.scheme) in values) is row["in_JDV_J07_CISIS"]


def test_classes_and_formats_are_those_of_the_value_sets(published):
    listed = published["classCode_JDV_J57"]
    classes = {
        each["code"]: (each.get("codeSystem", listed["codeSystem"]), each["display"]) for each in listed["codes"]
    }
    formats = {each["code"] for each in published["formatCode_JDV_J60"]}
    by_template = published["formatCode_for_N3_templateId_ASS_A11"]
    by_media_type = published["formatCode_for_N1_mediaType"]
    rows = {row["key"]: row for row in table("format_codes.csv")}

    for row in table("class_codes.csv"):
        assert classes[row["code"]] == (row["scheme"], row["display"])
    for key, row in rows.items():
        assert row["format"] in formats | set(by_template.values()), row
        expected = by_template.get(key) or by_media_type.get(key)
        assert row["format"] == expected or key in OURS | {""}, row
    assert set(by_media_type) | set(by_template) <= set(rows)


def test_specialties_and_professions_exist(corpus):
    values = concepts(corpus, "JDV_J01")
    professions = json.loads((corpus / "terminology" / "TRE_G15-ProfessionSante.compact.json").read_text("utf-8-sig"))
    known = {each["code"] for each in professions["concept"]}

    for row in table("specialties.csv"):
        assert values[row["code"], "1.2.250.1.213.1.1.4.5"] == row["display"]
        assert row["code"].removeprefix("G15_") in known


@pytest.mark.parametrize(("code", "value_set"), SHOWN, ids=lambda each: each if isinstance(each, str) else each.code)
def test_what_we_put_into_a_header_is_in_its_value_set(corpus, code: Code, value_set: str):
    assert concepts(corpus, value_set)[code.code, code.scheme] == code.display


def test_confidentiality_content_and_signature_codes_exist(published):
    labels = {(each["code"], each["codeSystem"]): each["display"] for each in published["confidentialityCode_JDV_J58"]}
    content = {each["code"] for each in published["contentTypeCode_JDV_J59"]["codes"] if each["tre"] in ("R209", "A00")}
    classes = {each["code"] for each in published["classCode_JDV_J57"]["codes"]}
    formats = {each["code"] for each in published["formatCode_JDV_J60"]}

    for code in (NORMAL, MASKED_FROM_PROFESSIONALS, HIDDEN_FROM_PATIENT, HIDDEN_FROM_REPRESENTATIVES):
        assert labels[code.code, code.scheme] == code.display
    assert {packaging.OUTPATIENT.code, deposit._EXPRESSION.code} <= content
    assert submission._SIGNATURE_CLASS.code in classes
    assert submission._SIGNATURE_FORMAT.code in formats


def test_every_nomenclature_that_has_a_fhir_address_is_one_of_the_french_profile(corpus):
    """The schemes of the value sets have an address but those of people out of RPPS; each leads back to its scheme."""
    used = {scheme for name in ("JDV_J01", "JDV_J02", "JDV_J04", "JDV_J07") for _, scheme in concepts(corpus, name)}

    unknown = {each for each in used | {IHE_FORMATS, FRENCH_FORMATS} if codes.system_of(each).startswith("urn:oid")}
    assert {each for each in unknown if not each.startswith(OUT_OF_RPPS)} == set()
    assert {scheme for scheme in used if codes.scheme_of(codes.system_of(scheme)) != scheme} == set()
