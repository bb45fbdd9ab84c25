"""What an XDS registry requires of the metadata of a document. Pure.

A mail's METADATA.XML is not held to it, since the document says the rest; a source that speaks XDS is.
Source: ITI TF-3 table 4.3.1-3; dmp.md §2.2
"""

from collections.abc import Iterable, Mapping

from dmp_bridge.xds.errors import RegistryError, XdsErrorCode, XdsRefusal
from dmp_bridge.xds.metadata import DocumentEntry

REQUIRED = {
    "class_code": "classCode",
    "confidentiality": "confidentialityCode",
    "creation_time": "creationTime",
    "facility_type": "healthcareFacilityTypeCode",
    "format_code": "formatCode",
    "language": "languageCode",
    "mime_type": "mimeType",
    "patient_id": "patientId",
    "practice_setting": "practiceSettingCode",
    "source_patient_id": "sourcePatientId",
    "type_code": "typeCode",
}
REQUIRED_IN_UPDATE = {**REQUIRED, "hash": "hash", "size_bytes": "size", "repository_id": "repositoryUniqueId"}
"""An update says the whole entry again, with what the repository added (ITI-57 §3.57.4.1.3.3.1)."""


def check_attributes(entries: Iterable[DocumentEntry], required: Mapping[str, str] = REQUIRED) -> None:
    """Check that metadata have what is required.

    Raises:
        XdsRefusal: an error for each document that lacks something, naming its attributes.
    """
    missing = [(each, [label for name, label in required.items() if not getattr(each, name)]) for each in entries]
    errors = [
        RegistryError(XdsErrorCode.REGISTRY_METADATA, f"Métadonnées absentes : {', '.join(labels)}.", each.entry_id)
        for each, labels in missing
        if labels
    ]
    if errors:
        raise XdsRefusal(*errors)
