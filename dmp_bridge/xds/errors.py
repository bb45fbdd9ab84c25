"""Errors of XDS: what a registry or repository answers instead of doing what was asked.

Source: ITI TF-3 §4.2.4.1, table 4.2.4.1-2; texts are French and hold no data.
"""

from dataclasses import dataclass
from enum import StrEnum

from vaguemestre.kernel.errors import ProtocolError


class XdsErrorCode(StrEnum):
    """The error codes that this record answers with."""

    MISSING_DOCUMENT = "XDSMissingDocument"
    MISSING_DOCUMENT_METADATA = "XDSMissingDocumentMetadata"
    DUPLICATE_IN_MESSAGE = "XDSRepositoryDuplicateUniqueIdInMessage"
    DUPLICATE_UNIQUE_ID = "XDSDuplicateUniqueIdInRegistry"
    NON_IDENTICAL_HASH = "XDSNonIdenticalHash"
    REGISTRY_METADATA = "XDSRegistryMetadataError"
    REPOSITORY_METADATA = "XDSRepositoryMetadataError"
    UNKNOWN_PATIENT = "XDSUnknownPatientId"
    PATIENT_DIFFERS = "XDSPatientIdDoesNotMatch"
    TOO_MANY_RESULTS = "XDSTooManyResults"
    UNKNOWN_QUERY = "XDSUnknownStoredQuery"
    MISSING_PARAMETER = "XDSStoredQueryMissingParam"
    PARAMETER_NUMBER = "XDSStoredQueryParamNumber"
    DEPRECATED_DOCUMENT = "XDSRegistryDeprecatedDocumentError"
    UNKNOWN_REPOSITORY = "XDSUnknownRepositoryId"
    DOCUMENT_ID = "XDSDocumentUniqueIdError"
    REPLACE_FAILED = "XDSReplaceFailed"
    UNRESOLVED_REFERENCE = "UnresolvedReferenceException"
    UPDATE = "XDSMetadataUpdateError"
    UPDATE_OPERATION = "XDSMetadataUpdateOperationError"
    UPDATE_VERSION = "XDSMetadataVersionError"
    UPDATE_PATIENT = "XDSPatientIDReconciliationError"
    UPDATE_IDENTIFIER = "XDSMetadataIdentifierError"
    ACCESS_DENIED = "DMPAccessDeniedByRightsService"
    REGISTRY_BUSY = "XDSRegistryBusy"
    REGISTRY = "XDSRegistryError"


@dataclass(frozen=True, slots=True)
class RegistryError:
    """One error of an answer: its code, its sentence, the object that it is about."""

    code: XdsErrorCode
    context: str
    location: str = ""


class XdsRefusal(ProtocolError):
    """A transaction that is not done; nothing of it took effect."""

    def __init__(self, *errors: RegistryError) -> None:
        super().__init__(f"XDS: {', '.join(each.code for each in errors)}")
        self.errors = errors

    @classmethod
    def of(cls, code: XdsErrorCode, context: str, location: str = "") -> "XdsRefusal":
        """Return a refusal with one error."""
        return cls(RegistryError(code, context, location))
