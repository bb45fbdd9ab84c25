"""Coding systems: XDS names one by its OID, FHIR by its URL. What is unknown to one goes through as it is.

Going out and coming back gives the same code, whatever its scheme is written like.
"""

from urllib.parse import quote, unquote

from dmp_bridge.fhir.elements import CodeableConcept, Coding
from dmp_bridge.xds.identifiers import is_oid
from dmp_bridge.xds.metadata import FRENCH_VISIBILITY, HL7_CONFIDENTIALITY, Code

_NOS = "https://mos.esante.gouv.fr/NOS/"


def _nos(name: str) -> str:
    return f"{_NOS}{name}/FHIR/{name.replace('_', '-')}"


VISIBILITY_SYSTEM = _nos("TRE_A07-StatusVisibiliteDocument")
_URLS = {
    "2.16.840.1.113883.6.1": "http://loinc.org",
    "2.16.840.1.113883.6.96": "http://snomed.info/sct",
    "2.16.840.1.113883.6.3": "http://hl7.org/fhir/sid/icd-10",
    HL7_CONFIDENTIALITY: "http://terminology.hl7.org/CodeSystem/v3-Confidentiality",
    FRENCH_VISIBILITY: VISIBILITY_SYSTEM,
    "1.2.250.1.213.1.1.4.1": _nos("TRE_A03-ClasseDocument"),
    "1.2.250.1.213.1.1.4.12": _nos("TRE_A05-TypeDocComplementaire"),
    "1.2.250.1.213.1.1.4.6": _nos("TRE_A00-ProducteurDocNonPS"),
    "1.2.250.1.213.1.1.4.9": _nos("TRE_A01-CadreExercice"),
    "1.2.250.1.213.1.1.4.5": _nos("TRE_A02-ProfessionSavFaire-CISIS"),
    "1.2.250.1.213.1.1.4.2.282": _nos("TRE_A06-FormatCodeComplementaire"),
    "1.3.6.1.4.1.19376.1.2.3": _nos("TRE_A11-IheFormatCode"),
    "1.2.840.10008.2.6.1": _nos("TRE_A09-DICOMuidRegistry"),
    "1.2.250.1.71.4.2.4": _nos("TRE_R02-SecteurActivite"),
    "1.2.250.1.213.2.2": _nos("TRE_R209-TypeActivite"),
    "1.2.250.1.71.1.2.7": _nos("TRE_G15-ProfessionSante"),
    "1.2.250.1.71.4.2.5": _nos("TRE_R01-EnsembleSavoirFaire-CISIS"),
    "URN": _nos("TRE_A10-NomenclatureURN"),
    "ASTM": _nos("TRE_A12-NomenclatureASTM"),
}
_SCHEMES = {url: scheme for scheme, url in _URLS.items()} | {
    "http://ihe.net/fhir/ihe.formatcode.fhir/CodeSystem/formatcode": "1.3.6.1.4.1.19376.1.2.3",
    "https://profiles.ihe.net/fhir/ihe.formatcode.fhir/CodeSystem/formatcode": "1.3.6.1.4.1.19376.1.2.3",
}
_OID = "urn:oid:"
_TEXT = "urn:vaguemestre:scheme:"
_CONFIDENTIALITIES = frozenset({"N", "R", "V"})


def system_of(scheme: str) -> str:
    """Return the FHIR system of an XDS coding scheme."""
    known = _URLS.get(scheme)
    if known is not None:
        return known
    if is_oid(scheme):
        return f"{_OID}{scheme}"
    return scheme if ":" in scheme and scheme_of(scheme) == scheme else f"{_TEXT}{quote(scheme, safe='')}"


def scheme_of(system: str) -> str:
    """Return the XDS coding scheme of a FHIR system."""
    known = _SCHEMES.get(system)
    if known is not None:
        return known
    if system.startswith(_TEXT):
        return unquote(system.removeprefix(_TEXT))
    oid = system.removeprefix(_OID)
    return oid if oid != system and is_oid(oid) else system


def coding_of(code: Code) -> Coding:
    """Write an XDS code."""
    system = system_of(code.scheme) if code.scheme else None
    coding = Coding(system=system, code=code.code, display=code.display or None)
    if code_of(coding) == code:
        return coding
    return Coding(system=f"{_OID}{code.scheme}", code=code.code, display=code.display or None)


def concept_of(code: Code) -> CodeableConcept:
    """Write an XDS code as a concept."""
    return CodeableConcept(coding=(coding_of(code),))


def code_of(coding: Coding) -> Code | None:
    """Read a coding; None when it has no code.

    N, R and V are codes of HL7, in whichever nomenclature a source puts them (PDSm writes N as one of TRE_A07).
    """
    if not coding.code:
        return None
    system = coding.system or ""
    if system == VISIBILITY_SYSTEM and coding.code in _CONFIDENTIALITIES:
        return Code(coding.code, HL7_CONFIDENTIALITY, coding.display or "")
    return Code(coding.code, scheme_of(system), coding.display or "")


def code_of_concept(concept: CodeableConcept | None) -> Code | None:
    """Read the first coding of a concept that has a code."""
    codings = () if concept is None else concept.coding
    return next((code for code in map(code_of, codings) if code is not None), None)
