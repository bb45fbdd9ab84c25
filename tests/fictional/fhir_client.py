"""A practice's software as the FHIR service meets it: a signed access token, bundles written by hand from the profiles.

Nothing here comes from the program's own FHIR writers.
"""

import base64
import hashlib
import uuid
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import httpx2
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey
from lxml import etree

from access_core.authentication.failures import TokenRefused
from access_core.authentication.token_sign_in import Holder

INS_SYSTEM = "urn:oid:1.2.250.1.213.1.4.10"
INS_VALUE = "279035121518989"
NOS = "https://mos.esante.gouv.fr/NOS"
PDSM = "https://interop.esante.gouv.fr/ig/fhir/pdsm/StructureDefinition"
MHD = "https://profiles.ihe.net/ITI/MHD"
HL7 = {"h": "urn:hl7-org:v3"}
Json = dict[str, Any]


class Issuer:
    """Signs tokens, and verifies those that it signed, as an issuer that our side trusts."""

    def __init__(self) -> None:
        self._key = ECKey.generate_key("P-256")

    def token(self, address: str) -> str:
        """Return an access token of the holder of a mailbox."""
        return jwt.encode({"alg": "ES256"}, {"address": address}, self._key)

    async def holder(self, token: str) -> Holder:
        """Say who holds a token."""
        refused = TokenRefused("invalid_token")
        try:
            address = jwt.decode(token, self._key, algorithms=["ES256"]).claims["address"]
        except (JoseError, ValueError):
            raise refused from None
        return Holder(issuer="essai", value=address, names="address", refusal=refused)


@dataclass
class FhirClient:
    """The software; BASE is the path of the service."""

    client: httpx2.AsyncClient
    token: str
    base: str = "/fhir"
    headers: dict[str, str] = field(default_factory=dict)

    async def get(self, path: str, **parameters: str) -> httpx2.Response:
        return await self.client.get(f"{self.base}{path}", params=parameters, headers=self._headers())

    async def find(self, kind: str = "DocumentReference", **parameters: str) -> httpx2.Response:
        """Search by POST, the patient named by her INS unless PARAMETERS name one."""
        named = {} if {"patient", "patient.identifier"} & set(parameters) else {"patient.identifier": INS}
        return await self.client.post(
            f"{self.base}/{kind}/_search", data={**named, **parameters}, headers=self._headers()
        )

    async def post(self, path: str, body: Json | bytes) -> httpx2.Response:
        headers = {**self._headers(), "content-type": "application/fhir+json"}
        if isinstance(body, bytes):
            return await self.client.post(f"{self.base}{path}", content=body, headers=headers)
        return await self.client.post(f"{self.base}{path}", json=body, headers=headers)

    async def patch(
        self, path: str, body: Json | list[Json], media_type: str = "application/fhir+json", **headers: str
    ) -> httpx2.Response:
        """Change metadata; HEADERS such as `if_match`."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        headers = {**self._headers(), "content-type": media_type, **named}
        return await self.client.patch(f"{self.base}{path}", json=body, headers=headers)

    def _headers(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.token}", **self.headers}


INS = f"{INS_SYSTEM}|{INS_VALUE}"


def unique_id_of(cda: bytes) -> str:
    """Return the OID of a document."""
    found = etree.fromstring(cda).find("h:id", HL7)
    assert found is not None
    return str(found.get("root"))


def coded(system: str, code: str, display: str = "") -> Json:
    """Return a CodeableConcept."""
    coding = {"system": system, "code": code} | ({"display": display} if display else {})
    return {"coding": [coding]}


def nos(name: str) -> str:
    """Return the address of a French nomenclature."""
    return f"{NOS}/{name}/FHIR/{name.replace('_', '-')}"


def contained_parties() -> list[Json]:
    """Return the author, the author's practice and the patient, as a document holds them."""
    return [
        {
            "resourceType": "PractitionerRole",
            "id": "auteur",
            "practitioner": {"reference": "#medecin"},
            "organization": {"reference": "#cabinet"},
            "specialty": [coded(nos("TRE_A02-ProfessionSavFaire-CISIS"), "G15_10/SM26", "Médecin généraliste")],
        },
        {
            "resourceType": "Practitioner",
            "id": "medecin",
            "identifier": [{"system": "urn:oid:1.2.250.1.71.4.2.1", "value": "810101234567"}],
            "name": [{"family": "MARTIN", "given": ["Camille"]}],
        },
        {
            "resourceType": "Organization",
            "id": "cabinet",
            "identifier": [{"system": "urn:oid:1.2.250.1.71.4.2.2", "value": "10B0127189"}],
            "name": "CABINET DU DR MARTIN",
        },
        patient_resource("patient"),
    ]


def document_of(cda: bytes, *, url: str, unique_id: str = "") -> Json:
    """Return a comprehensive DocumentReference for a document, whose bytes are at URL."""
    return {
        "resourceType": "DocumentReference",
        "meta": {"profile": [f"{PDSM}/pdsm-comprehensive-document-reference"]},
        "contained": contained_parties(),
        "masterIdentifier": {
            "system": "urn:ietf:rfc:3986",
            "value": f"urn:oid:{unique_id or unique_id_of(cda)}",
        },
        "status": "current",
        "type": coded("http://loinc.org", "11488-4", "CR ou fiche de consultation ou de visite"),
        "category": [coded(nos("TRE_A03-ClasseDocument"), "10", "Compte rendu")],
        "subject": {"reference": f"Patient?identifier={INS}"},
        "date": "2026-01-15T10:20:00+01:00",
        "author": [{"reference": "#auteur"}],
        "authenticator": {"reference": "#medecin"},
        "securityLabel": [coded(nos("TRE_A07-StatusVisibiliteDocument"), "N", "Normal")],
        "content": [{"attachment": attachment_of(cda, url), "format": format_coding()}],
        "context": {
            "period": {"start": "2026-01-15T10:00:00+01:00"},
            "facilityType": coded(nos("TRE_R02-SecteurActivite"), "SA07", "Cabinet individuel"),
            "practiceSetting": coded(nos("TRE_A01-CadreExercice"), "AMBULATOIRE", "Ambulatoire"),
            "sourcePatientInfo": {"reference": "#patient"},
        },
    }


def attachment_of(cda: bytes, url: str) -> Json:
    """Return the attachment of a document."""
    return {
        "contentType": "text/xml",
        "language": "fr-FR",
        "url": url,
        "size": len(cda),
        "hash": base64.b64encode(hashlib.sha1(cda, usedforsecurity=False).digest()).decode(),
        "title": "Compte rendu de consultation",
        "creation": "2026-01-15T10:15:00+01:00",
    }


def format_coding() -> Json:
    """Return the format of a level 1 document around a PDF."""
    return {"system": nos("TRE_A11-IheFormatCode"), "code": "urn:ihe:iti:xds-sd:pdf:2008"}


def patient_resource(name: str = "", value: str = INS_VALUE) -> Json:
    """Return the patient as the French profile writes her."""
    return {
        "resourceType": "Patient",
        **({"id": name} if name else {}),
        "identifier": [{"system": INS_SYSTEM, "value": value}],
        "name": [{"family": "PAT-TROIS", "given": ["DOMINIQUE"]}],
        "gender": "female",
        "birthDate": "1979-03-28",
    }


def submission_of(*urls: str, unique_id: str = "") -> Json:
    """Return the List of a submission set of these documents."""
    identifier = {"use": "usual", "system": "urn:ietf:rfc:3986", "value": f"urn:oid:{unique_id or fresh_oid()}"}
    return {
        "resourceType": "List",
        "meta": {"profile": [f"{PDSM}/pdsm-submissionset-comprehensive"]},
        "contained": [
            {
                "resourceType": "PractitionerRole",
                "id": "source",
                "identifier": [{"system": "https://rpps.esante.gouv.fr", "value": "10101234567"}],
            }
        ],
        "extension": [
            {
                "url": f"{MHD}/StructureDefinition/ihe-designationType",
                "valueCodeableConcept": coded(nos("TRE_R209-TypeActivite"), "07", "Consultations soins externes"),
            },
            {
                "url": f"{MHD}/StructureDefinition/ihe-sourceId",
                "valueIdentifier": {"system": "urn:ietf:rfc:3986", "value": "urn:oid:2.25.1871234"},
            },
        ],
        "identifier": [identifier],
        "status": "current",
        "mode": "working",
        "code": {"coding": [{"system": f"{MHD}/CodeSystem/MHDlistTypes", "code": "submissionset"}]},
        "subject": {"reference": f"Patient?identifier={INS}"},
        "date": "2026-01-15T10:20:00+01:00",
        "source": {"reference": "#source"},
        "entry": [{"item": {"reference": url}} for url in urls],
    }


def bundle_of(*documents: bytes, **changes: object) -> Json:
    """Return an ITI-65 bundle with these documents; CHANGES go into the first DocumentReference."""
    names = [(f"urn:uuid:{uuid.uuid4()}", f"urn:uuid:{uuid.uuid4()}") for _ in documents]
    entries = [entry("List", submission_of(*(reference for reference, _ in names)))]
    for place, (cda, (reference, binary)) in enumerate(zip(documents, names, strict=True)):
        written = document_of(cda, url=binary) | (changes if place == 0 else {})
        entries.append(entry("DocumentReference", written, reference))
        data = base64.b64encode(cda).decode()
        entries.append(entry("Binary", {"resourceType": "Binary", "contentType": "text/xml", "data": data}, binary))
    profile = [f"{PDSM}/pdsm-comprehensive-provide-document-bundle"]
    return {"resourceType": "Bundle", "meta": {"profile": profile}, "type": "transaction", "entry": entries}


def entry(kind: str, resource: Json, url: str = "", method: str = "POST") -> Json:
    """Return an entry of a transaction."""
    return {
        "fullUrl": url or f"urn:uuid:{uuid.uuid4()}",
        "resource": resource,
        "request": {"method": method, "url": kind},
    }


def simplified_of(cda: bytes) -> Json:
    """Return a DocumentReference that carries its document (ITI-105)."""
    whole = document_of(cda, url="")
    attachment = {"contentType": "text/xml", "title": "Compte rendu", "data": base64.b64encode(cda).decode()}
    kept = {name: whole[name] for name in ("resourceType", "masterIdentifier", "status", "type", "subject", "author")}
    return {
        **kept,
        "meta": {"profile": [f"{PDSM}/pdsm-simplified-publish"]},
        "contained": whole["contained"][:3],
        "content": [{"attachment": attachment}],
    }


def patch_of(*operations: list[Json]) -> Json:
    """Return a FHIRPath Patch."""
    listed = [{"name": "operation", "part": parts} for parts in operations]
    return {"resourceType": "Parameters", "parameter": listed}


def replacing(path: str, value: Json) -> list[Json]:
    """Return the operation that replaces an element; VALUE as `{"valueCode": …}`."""
    return [
        {"name": "type", "valueCode": "replace"},
        {"name": "path", "valueString": f"DocumentReference.{path}"},
        {"name": "value", **value},
    ]


def adding(name: str, value: Json) -> list[Json]:
    """Return the operation that adds an element to the metadata."""
    return [
        {"name": "type", "valueCode": "add"},
        {"name": "path", "valueString": "DocumentReference"},
        {"name": "name", "valueString": name},
        {"name": "value", **value},
    ]


def saying(extension: str) -> list[Json]:
    """Return the operation that sets an extension of PDSm (`is-archived`, `is-deleted`), as PDSm writes it."""
    parts = [
        {"name": "url", "valueUri": f"{PDSM}/pdsm-ext-{extension}"},
        {"name": "valueBoolean", "valueBoolean": True},
    ]
    return adding("extension", {"part": parts})


def masking() -> Json:
    """Return the patch that masks a document."""
    label = coded(nos("TRE_A07-StatusVisibiliteDocument"), "MASQUE_PS")
    return patch_of(adding("securityLabel", {"valueCodeableConcept": label}))


def unmasking() -> Json:
    """Return the patch that lifts the mask."""
    path = "DocumentReference.securityLabel.where(coding.code='MASQUE_PS')"
    return patch_of([{"name": "type", "valueCode": "delete"}, {"name": "path", "valueString": path}])


def deleting() -> Json:
    """Return the patch that deletes a document, as PDSm writes it."""
    return patch_of(replacing("status", {"valueCode": "superseded"}), saying("is-deleted"))


def fresh_oid() -> str:
    """Return an OID that nobody has."""
    return f"2.25.{uuid.uuid4().int}"


def codes_of(answer: httpx2.Response) -> list[str]:
    """Return the reason codes of an OperationOutcome."""
    body = answer.json()
    assert body["resourceType"] == "OperationOutcome"
    return [each["details"]["coding"][0]["code"] for each in body["issue"]]


def moment(text: str) -> datetime:
    """Read an instant of an answer."""
    return datetime.fromisoformat(text)


def folder_of(*names: str, unique_id: str = "", title: str = "Suivi du diabète") -> Json:
    """Return the List of a folder of these documents, in the shape of PDSm's own example."""
    designation = coded("http://snomed.info/sct", "44054006", "Diabète de type 2")
    return {
        "resourceType": "List",
        "meta": {"profile": [f"{PDSM}/pdsm-folder-comprehensive"]},
        "extension": [{"url": f"{MHD}/StructureDefinition/ihe-designationType", "valueCodeableConcept": designation}],
        "identifier": [{"system": "urn:ietf:rfc:3986", "value": f"urn:oid:{unique_id or fresh_oid()}"}],
        "status": "current",
        "mode": "working",
        "title": title,
        "code": {"coding": [{"system": f"{MHD}/CodeSystem/MHDlistTypes", "code": "folder"}]},
        "subject": {"reference": f"Patient?identifier={INS}"},
        "date": "2026-01-15T10:30:00+01:00",
        "note": [{"text": "Depuis 2020"}],
        "entry": [{"item": {"reference": each}} for each in names],
    }
