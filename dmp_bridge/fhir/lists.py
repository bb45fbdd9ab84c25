"""SubmissionSet and Folder of XDS and List of FHIR (PDSm lot de soumission, classeur), each from the other.

A List has one source; the authors of a set beyond the first go with it in an extension of ours.
"""

from collections.abc import Sequence

import msgspec

from dmp_bridge.fhir import codes
from dmp_bridge.fhir.dates import date_time_of, dtm_of
from dmp_bridge.fhir.documents import PDSM
from dmp_bridge.fhir.elements import Annotation, CodeableConcept, Coding, Extension, Identifier, Meta, Reference
from dmp_bridge.fhir.identity import (
    OID_PREFIX,
    URI_SYSTEM,
    UUID_PREFIX,
    believed,
    keeping,
    kept_text,
    patient_identifier,
    unique_id_of,
    unique_identifier,
)
from dmp_bridge.fhir.parties import Containing, Surroundings, author_of
from dmp_bridge.fhir.resources import DocumentList, ListEntry
from dmp_bridge.xds.identifiers import is_oid
from dmp_bridge.xds.metadata import Code, Folder, SubmissionSet

COMPREHENSIVE_SET = f"{PDSM}/pdsm-submissionset-comprehensive"
LIST_TYPES = "https://profiles.ihe.net/ITI/MHD/CodeSystem/MHDlistTypes"
SUBMISSION_SET, FOLDER = "submissionset", "folder"
COMPREHENSIVE_FOLDER = f"{PDSM}/pdsm-folder-comprehensive"
_MHD = "https://profiles.ihe.net/ITI/MHD/StructureDefinition"
DESIGNATION, SOURCE_ID = f"{_MHD}/ihe-designationType", f"{_MHD}/ihe-sourceId"
AUTHOR = "urn:vaguemestre:fhir:author"
SUBMITTED = "urn:vaguemestre:fhir:dtm:date"
SOURCE_TEXT = "urn:vaguemestre:fhir:source-id"


def list_id(entry_uuid: str) -> str:
    """Return the id of the List of a submission set: its UUID, by which it is found again."""
    return entry_uuid.removeprefix(UUID_PREFIX)


def entry_uuid_of(name: str) -> str:
    """Return the entryUUID that a List's id stands for."""
    return f"{UUID_PREFIX}{name}"


def submission_list(found: SubmissionSet, members: Sequence[str], patient: str) -> DocumentList:
    """Write a set; MEMBERS are ids of DocumentReferences, PATIENT that of the Patient."""
    held = Containing()
    authors = [held.author(each, f"auteur{place}") for place, each in enumerate(found.authors, 1)]
    return msgspec.structs.replace(
        _list_of(found, members, patient, kind=SUBMISSION_SET),
        meta=Meta(profile=(COMPREHENSIVE_SET,)),
        extension=(*_described(found), *(Extension(url=AUTHOR, value_reference=each) for each in authors[1:])),
        date=date_time_of(found.submission_time or ""),
        source=authors[0] if authors else None,
        contained=held.parties,
    )


def folder_list(found: Folder, members: Sequence[str], patient: str) -> DocumentList:
    """Write a folder; MEMBERS and PATIENT as for `submission_list`."""
    kept = [] if found.updated_at is None else keeping(found.updated_at, _plain_time(found.updated_at), SUBMITTED)
    return msgspec.structs.replace(
        _list_of(found, members, patient, kind=FOLDER),
        meta=Meta(profile=(COMPREHENSIVE_FOLDER,)),
        extension=(*_designated(found.codes), *kept),
        date=date_time_of(found.updated_at or ""),
    )


def _list_of(found: SubmissionSet | Folder, members: Sequence[str], patient: str, *, kind: str) -> DocumentList:
    """Write what both kinds of list have."""
    number = patient_identifier(found.patient_id) if found.patient_id is not None else None
    return DocumentList(
        id=list_id(found.entry_id),
        identifier=(
            unique_identifier(found.unique_id),
            Identifier(use="official", system=URI_SYSTEM, value=found.entry_id),
        ),
        status="current",
        mode="working",
        title=found.title or None,
        code=CodeableConcept(coding=(Coding(system=LIST_TYPES, code=kind),)),
        subject=Reference(reference=f"Patient/{patient}", type="Patient", identifier=number),
        note=(Annotation(text=found.comments),) if found.comments else (),
        entry=tuple(ListEntry(item=Reference(reference=f"DocumentReference/{each}")) for each in members),
    )


def _designated(found: Sequence[Code]) -> list[Extension]:
    return [Extension(url=DESIGNATION, value_codeable_concept=codes.concept_of(each)) for each in found]


def _described(found: SubmissionSet) -> list[Extension]:
    extensions = _designated(() if found.content_type is None else (found.content_type,))
    if is_oid(found.source_id):
        number = Identifier(system=URI_SYSTEM, value=f"{OID_PREFIX}{found.source_id}")
        extensions.append(Extension(url=SOURCE_ID, value_identifier=number))
    elif found.source_id:
        extensions.append(
            Extension(url=SOURCE_ID, value_identifier=Identifier(system=SOURCE_TEXT, value=found.source_id))
        )
    if found.submission_time is not None:
        extensions += keeping(found.submission_time, _plain_time(found.submission_time), SUBMITTED)
    return extensions


def _plain_time(dtm: str) -> str | None:
    written = date_time_of(dtm)
    return None if written is None else dtm_of(written)


def submission_set(found: DocumentList, around: Surroundings, *, entry_id: str = "") -> SubmissionSet:
    """Read a submission set; ENTRY_ID as for `document_entry`.

    Raises:
        FhirProblem: a reference designates nobody.
    """
    around = around.within(found.contained)
    others = [each.value_reference for each in found.extension if each.url == AUTHOR and each.value_reference]
    sources = [each for each in (found.source, *others) if each is not None]
    designation = next((each.value_codeable_concept for each in found.extension if each.url == DESIGNATION), None)
    return SubmissionSet(
        entry_id=entry_id or _entry_uuid(found),
        unique_id=unique_id_of_list(found) or "",
        source_id=_source_id(found),
        patient_id=around.patient(found.subject, "List.subject"),
        submission_time=_submitted(found),
        title=found.title or "",
        comments=found.note[0].text if found.note else "",
        authors=tuple(author_of(each, around, "List.source") for each in sources),
        content_type=codes.code_of_concept(designation),
    )


def folder(found: DocumentList, around: Surroundings, *, entry_id: str = "") -> Folder:
    """Read a folder; ENTRY_ID as for `document_entry`.

    Raises:
        FhirProblem: its patient is nobody here.
    """
    around = around.within(found.contained)
    concepts = (each.value_codeable_concept for each in found.extension if each.url == DESIGNATION)
    read = (codes.code_of_concept(each) for each in concepts)
    return Folder(
        entry_id=entry_id or _entry_uuid(found),
        unique_id=unique_id_of_list(found) or "",
        patient_id=around.patient(found.subject, "List.subject"),
        updated_at=_submitted(found),
        title=found.title or "",
        comments=found.note[0].text if found.note else "",
        codes=tuple(each for each in read if each is not None),
    )


def unique_id_of_list(found: DocumentList) -> str | None:
    """Return the uniqueId of a set; None when it has none that can be read."""
    usual = [each for each in found.identifier if each.use == "usual"]
    other = [each for each in found.identifier if not each.use]
    read = (unique_id_of(each.system, each.value) for each in (*usual, *other))
    return next((each for each in read if each is not None), None)


def is_list_of(found: DocumentList, kind: str) -> bool:
    """Tell a SUBMISSION_SET from a FOLDER; the code system has had several addresses."""
    codings = () if found.code is None else found.code.coding
    return any(each.code == kind for each in codings)


def _entry_uuid(found: DocumentList) -> str:
    named = (each.value for each in found.identifier if each.use == "official" and each.value)
    return next((each for each in named if each.startswith(UUID_PREFIX)), "")


def _source_id(found: DocumentList) -> str:
    number = next((each.value_identifier for each in found.extension if each.url == SOURCE_ID), None)
    value = "" if number is None else number.value or ""
    return value if number is not None and number.system == SOURCE_TEXT else value.removeprefix(OID_PREFIX)


def _submitted(found: DocumentList) -> str | None:
    rebuilt = dtm_of(found.date or "")
    kept = kept_text(found.extension, SUBMITTED)
    if rebuilt is None:
        return None
    return believed(kept, rebuilt, lambda text: date_time_of(text) == found.date)
