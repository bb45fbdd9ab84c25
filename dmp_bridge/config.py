"""Settings of the bridge to the health record."""

from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from dmp_bridge.external.config import ExternalSettings, RecordChoice
from dmp_bridge.validation.rules import PublishedRules
from dmp_bridge.watch_config import WatchSettings
from dmp_bridge.xdm.limits import Quirk, ReaderRules
from dmp_bridge.xds.identifiers import INS_NIA, INS_NIR, INS_NIR_DEMO, INS_NIR_TEST

MEBIBYTE = 1024 * 1024

TEST_INS_AUTHORITIES = frozenset({INS_NIR, INS_NIA, INS_NIR_TEST, INS_NIR_DEMO})
"""What an instance of test accepts: real, provisional, test and demonstration."""


class BridgeSettings(BaseModel):
    """The section `[dmp]` of the settings file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    repository_id: str = Field(
        default="2.25.171523897231806571236510983745612090817",
        description="OID of the embedded repository, as XDS consumers name it",
    )
    max_archive_bytes: int = Field(default=32 * MEBIBYTE, ge=1, description="largest IHE_XDM.zip, in bytes")
    max_unpacked_bytes: int = Field(default=100 * MEBIBYTE, ge=1, description="largest archive once unpacked, in bytes")
    max_document_bytes: int = Field(default=25 * MEBIBYTE, ge=1, description="largest document, in bytes")
    max_archive_entries: int = Field(default=200, ge=1, description="most files and folders in an archive, a count")
    max_archives: int = Field(default=5, ge=1, description="most archives that are read in one message, a count")
    tolerated_quirks: frozenset[Quirk] = Field(
        default=frozenset(Quirk), description="irregularities of real archives that are tolerated, by name"
    )
    ins_authorities: frozenset[str] = Field(
        default=frozenset({INS_NIR, INS_NIA}),
        description="OIDs under which the INS of a document is read; an instance of test adds those of test and "
        "demonstration (1.2.250.1.213.1.4.10 and .11), which `vaguemestre init` writes",
    )

    max_request_bytes: int = Field(
        default=64 * MEBIBYTE, ge=1, description="largest XDS.b or FHIR request, attachments included, in bytes"
    )
    max_envelope_bytes: int = Field(
        default=8 * MEBIBYTE, ge=1, description="largest SOAP envelope, attachments left out, in bytes"
    )
    max_query_results: int = Field(
        default=1000, ge=1, description="most documents that one stored query answers in full, a count"
    )
    fhir_page: int = Field(default=20, ge=1, description="resources on a page of a FHIR search that asks for no size")
    fhir_page_most: int = Field(default=100, ge=1, description="most resources on a page of a FHIR search, a count")
    simultaneous_requests: int = Field(default=4, ge=1, description="XDS.b or FHIR requests served at once, a count")
    assertion_validity_s: int = Field(
        default=300, ge=1, description="how far from now a VIHF may have been issued, in seconds"
    )
    assertion_audience: str = Field(
        default="urn:dmp", description="resource that a VIHF must name, and its audience when it restricts one"
    )
    normal_access_code: str = Field(default="normal", description="purpose of use of an ordinary access, in a VIHF")
    emergency_access_code: str = Field(
        default="bris_de_glace", description="purpose of use of an emergency access (bris de glace), in a VIHF"
    )

    cda_schema: Path | None = Field(
        default=None,
        description="`CDA_extended.xsd` of CI-SIS with the files beside it: what is not valid is refused, and "
        "`vaguemestre dmp check` uses it; nothing is validated without",
    )
    cda_schematron: Path | None = Field(
        default=None,
        description="schematron of CI-SIS (`.sch`, with its `include` folder; extra `validation`): what it finds is "
        "noted with the document, and `vaguemestre dmp check` tells it",
    )
    check_seconds: int = Field(
        default=120, ge=10, description="how long the check of the documents of one message may take, in seconds"
    )

    def published_rules(self) -> PublishedRules | None:
        """Return what documents are checked by at their reception; None: by nothing."""
        if self.cda_schema is None and self.cda_schematron is None:
            return None
        return PublishedRules(schema=self.cda_schema, schematron=self.cda_schematron, seconds=self.check_seconds)

    record: RecordChoice = Field(
        default=RecordChoice.EMBEDDED,
        description="where documents are filed: `embedded` (here), `both` (here and in the record of "
        "`[dmp.external]`), `external` (there; what it cannot take stays here)",
    )
    external: ExternalSettings = Field(default_factory=ExternalSettings)
    watch: tuple[WatchSettings, ...] = Field(
        default=(), description="mailboxes at other operators whose documents are filed as they arrive"
    )

    @model_validator(mode="after")
    def _has_address(self) -> Self:
        """Refuse to file elsewhere without an address."""
        if self.record is not RecordChoice.EMBEDDED and not self.external.url:
            raise ValueError("record : [dmp.external] url est à renseigner")
        return self

    def reader_rules(self) -> ReaderRules:
        """Return these limits as the archive reader takes them."""
        return ReaderRules(
            max_archive_bytes=self.max_archive_bytes,
            max_total_bytes=self.max_unpacked_bytes,
            max_document_bytes=self.max_document_bytes,
            max_entries=self.max_archive_entries,
            quirks=self.tolerated_quirks,
        )
