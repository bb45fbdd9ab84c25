"""What the service can do, as its CapabilityStatement says it (PDSm « gestionnaire de partage de documents »)."""

from typing import Any

from dmp_bridge.fhir import search
from dmp_bridge.fhir.documents import COMPREHENSIVE, PDSM
from dmp_bridge.fhir.lists import COMPREHENSIVE_FOLDER, COMPREHENSIVE_SET
from dmp_bridge.fhir.patches import FORMATS
from dmp_bridge.fhir.resources import MEDIA_TYPE

RELEASED = "2026-11-23"
_TYPES = {
    "date": frozenset({"_lastUpdated", "date", "creation", "period", "period-start", "period-end"}),
    "string": frozenset(
        {f"{who}.{part}" for who in ("author", "source") for part in ("family", "given", "name")} | {"title"}
    ),
    "reference": frozenset({"patient", "subject", search.RELATION}),
}


def capability_statement(base: str) -> dict[str, Any]:
    """Build the statement of the service at BASE."""
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": RELEASED,
        "kind": "instance",
        "implementation": {"description": "Vaguemestre, dossier embarqué", "url": base},
        "software": {"name": "Vaguemestre"},
        "fhirVersion": "4.0.1",
        "format": [MEDIA_TYPE, "json"],
        "patchFormat": list(FORMATS),
        "instantiates": [
            "https://interop.esante.gouv.fr/ig/fhir/pdsm/CapabilityStatement/PDSm-GestionnaireDePartageDeDocuments",
            "https://profiles.ihe.net/ITI/MHD/CapabilityStatement/IHE.MHD.DocumentResponder",
            "https://profiles.ihe.net/ITI/MHD/CapabilityStatement/IHE.MHD.DocumentRecipient",
        ],
        "rest": [
            {
                "mode": "server",
                "security": {
                    "cors": False,
                    "service": [{"coding": [{"system": _SECURITY, "code": "OAuth"}]}],
                    "description": "Jeton d'accès (RFC 6750) d'un émetteur déclaré dans la section [oauth].",
                },
                "resource": [_documents(), _lists(), {"type": "Binary", "interaction": [{"code": "read"}]}],
                "interaction": [
                    {
                        "code": "transaction",
                        "documentation": f"ITI-65, {PDSM}/pdsm-comprehensive-provide-document-bundle",
                    }
                ],
            }
        ],
    }


_SECURITY = "http://terminology.hl7.org/CodeSystem/restful-security-service"


def _documents() -> dict[str, Any]:
    return {
        "type": "DocumentReference",
        "supportedProfile": [COMPREHENSIVE, f"{PDSM}/pdsm-simplified-publish"],
        "interaction": [{"code": code} for code in ("read", "vread", "search-type", "create", "patch")],
        "versioning": "versioned",
        # R4 has no word for a conditional patch; PDSm's own statement says it so.
        "conditionalUpdate": True,
        "searchRevInclude": ["List:item"],
        "searchParam": _parameters((*search.PATIENT, *search.DOCUMENT_PARAMETERS, search.RELATION)),
    }


def _lists() -> dict[str, Any]:
    return {
        "type": "List",
        "supportedProfile": [COMPREHENSIVE_SET, COMPREHENSIVE_FOLDER],
        "interaction": [{"code": code} for code in ("read", "search-type")],
        "searchInclude": ["List:item"],
        "searchParam": _parameters((*search.PATIENT, *search.SET_PARAMETERS)),
    }


def _parameters(names: tuple[str, ...]) -> list[dict[str, str]]:
    return [{"name": name, "type": _type(name)} for name in names]


def _type(name: str) -> str:
    return next((kind for kind, known in _TYPES.items() if name in known), "token")
