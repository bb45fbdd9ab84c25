"""From metadata values to ebRIM 3.0, valid against `lcm.xsd`; the mirror of `ebrim_reader`."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import count

from lxml import etree

from dmp_bridge.xds import schemes
from dmp_bridge.xds.metadata import (
    APPROVED,
    Association,
    Author,
    Code,
    DocumentEntry,
    Folder,
    RegistryObject,
    Submission,
    SubmissionSet,
)

_PREFIXES = {"lcm": schemes.LCM, "rim": schemes.RIM}
_LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"


def write_submission(submission: Submission) -> bytes:
    """Write an `lcm:SubmitObjectsRequest` in UTF-8, with an XML declaration."""
    return etree.tostring(submission_element(submission), xml_declaration=True, encoding="UTF-8", pretty_print=True)


def submission_element(submission: Submission) -> etree._Element:
    """Return an `lcm:SubmitObjectsRequest`, to be put into a request."""
    root = etree.Element(f"{{{schemes.LCM}}}SubmitObjectsRequest", nsmap=_PREFIXES)
    _Writer(etree.SubElement(root, _tag("RegistryObjectList")), {}).write(submission)
    return root


def write_objects(
    listed: etree._Element, objects: Iterable[RegistryObject], versions: Mapping[str, int] | None = None
) -> None:
    """Append registered objects to a RegistryObjectList; VERSIONS of document entries by entryUUID."""
    writer = _Writer(listed, versions or {})
    for each in objects:
        writer.registered(each)


class _Writer:
    """Appends objects to one RegistryObjectList and numbers their parts."""

    def __init__(self, listed: etree._Element, versions: Mapping[str, int]) -> None:
        self._objects = listed
        self._versions = versions
        self._numbers = count(1)

    def registered(self, item: RegistryObject) -> None:
        """Append one object as a registry answers it: a submission set holds its own classification."""
        if isinstance(item, DocumentEntry):
            self._entry(item)
        elif isinstance(item, SubmissionSet):
            self._submission_set(item, status=APPROVED)
        elif isinstance(item, Folder):
            self._folder(item, status=APPROVED)
        else:
            self._association(item)

    def write(self, submission: Submission) -> None:
        for entry in submission.entries:
            self._entry(entry)
        self._submission_set(submission.submission_set)
        name = submission.submission_set.entry_id
        self._classification(self._objects, name, classificationNode=schemes.SUBMISSION_SET_NODE)
        for folder in submission.folders:
            self._folder(folder)
            self._classification(self._objects, folder.entry_id, classificationNode=schemes.FOLDER_NODE)
        for association in submission.associations:
            self._association(association)

    def _entry(self, entry: DocumentEntry) -> None:
        element = etree.SubElement(self._objects, _tag("ExtrinsicObject"), id=entry.entry_id)
        for name, value in (("lid", entry.logical_id), ("status", entry.status)):
            if value:
                element.set(name, value)
        element.set("mimeType", entry.mime_type)
        element.set("objectType", schemes.STABLE_DOCUMENT)
        _entry_slots(element, entry)
        _localized(element, "Name", entry.title)
        _localized(element, "Description", entry.comments)
        if entry.entry_id in self._versions:
            etree.SubElement(element, _tag("VersionInfo"), versionName=str(self._versions[entry.entry_id]))
        self._authors(element, schemes.DOCUMENT_AUTHOR, entry.authors)
        self._codes(element, schemes.DOCUMENT_CLASS, [entry.class_code])
        self._codes(element, schemes.DOCUMENT_CONFIDENTIALITY, entry.confidentiality)
        self._codes(element, schemes.DOCUMENT_EVENT, entry.event_codes)
        self._codes(element, schemes.DOCUMENT_FORMAT, [entry.format_code])
        self._codes(element, schemes.DOCUMENT_FACILITY, [entry.facility_type])
        self._codes(element, schemes.DOCUMENT_PRACTICE, [entry.practice_setting])
        self._codes(element, schemes.DOCUMENT_TYPE, [entry.type_code])
        patient = entry.patient_id.text if entry.patient_id else None
        self._external(element, schemes.DOCUMENT_PATIENT_ID, "XDSDocumentEntry.patientId", patient)
        self._external(element, schemes.DOCUMENT_UNIQUE_ID, "XDSDocumentEntry.uniqueId", entry.unique_id)

    def _submission_set(self, submission_set: SubmissionSet, *, status: str | None = None) -> None:
        element = self._package(submission_set.entry_id, status)
        _slot(element, "submissionTime", [submission_set.submission_time])
        _localized(element, "Name", submission_set.title)
        _localized(element, "Description", submission_set.comments)
        self._authors(element, schemes.SET_AUTHOR, submission_set.authors)
        self._codes(element, schemes.SET_CONTENT_TYPE, [submission_set.content_type])
        if status is not None:
            self._classification(element, submission_set.entry_id, classificationNode=schemes.SUBMISSION_SET_NODE)
        patient = submission_set.patient_id.text if submission_set.patient_id else None
        self._external(element, schemes.SET_PATIENT_ID, "XDSSubmissionSet.patientId", patient)
        self._external(element, schemes.SET_SOURCE_ID, "XDSSubmissionSet.sourceId", submission_set.source_id)
        self._external(element, schemes.SET_UNIQUE_ID, "XDSSubmissionSet.uniqueId", submission_set.unique_id)

    def _folder(self, folder: Folder, *, status: str | None = None) -> None:
        element = self._package(folder.entry_id, status)
        _slot(element, "lastUpdateTime", [folder.updated_at])
        _localized(element, "Name", folder.title)
        _localized(element, "Description", folder.comments)
        self._codes(element, schemes.FOLDER_CODES, folder.codes)
        if status is not None:
            self._classification(element, folder.entry_id, classificationNode=schemes.FOLDER_NODE)
        patient = folder.patient_id.text if folder.patient_id else None
        self._external(element, schemes.FOLDER_PATIENT_ID, "XDSFolder.patientId", patient)
        self._external(element, schemes.FOLDER_UNIQUE_ID, "XDSFolder.uniqueId", folder.unique_id)

    def _package(self, name: str, status: str | None) -> etree._Element:
        element = etree.SubElement(self._objects, _tag("RegistryPackage"), id=name)
        if status is not None:
            element.set("objectType", f"{schemes.OBJECT_TYPES}RegistryPackage")
            element.set("status", status)
        return element

    def _association(self, association: Association) -> None:
        element = etree.SubElement(self._objects, _tag("Association"), id=association.association_id)
        element.set("objectType", f"{schemes.OBJECT_TYPES}Association")
        element.set("associationType", association.kind)
        element.set("sourceObject", association.source)
        element.set("targetObject", association.target)
        for name, values in association.slots.items():
            _slot(element, name, values)

    def _authors(self, element: etree._Element, scheme: str, authors: Iterable[Author]) -> None:
        for author in authors:
            owner = element.get("id", "")
            node = self._classification(element, owner, classificationScheme=scheme, nodeRepresentation="")
            _slot(node, "authorPerson", [author.person.text if author.person else None])
            _slot(node, "authorInstitution", [each.text for each in author.institutions])
            _slot(node, "authorRole", author.roles)
            _slot(node, "authorSpecialty", author.specialties)

    def _codes(self, element: etree._Element, scheme: str, codes: Iterable[Code | None]) -> None:
        for code in codes:
            if code is None:
                continue
            owner = element.get("id", "")
            node = self._classification(element, owner, classificationScheme=scheme, nodeRepresentation=code.code)
            _slot(node, "codingScheme", [code.scheme])
            _localized(node, "Name", code.display)

    def _classification(self, parent: etree._Element, classified: str, **attributes: str) -> etree._Element:
        node = etree.SubElement(parent, _tag("Classification"), id=f"c{next(self._numbers):03d}")
        node.set("objectType", f"{schemes.OBJECT_TYPES}Classification")
        node.set("classifiedObject", classified)
        for name, value in attributes.items():
            node.set(name, value)
        return node

    def _external(self, element: etree._Element, scheme: str, name: str, value: str | None) -> None:
        if not value:
            return
        node = etree.SubElement(element, _tag("ExternalIdentifier"), id=f"e{next(self._numbers):03d}")
        node.set("objectType", f"{schemes.OBJECT_TYPES}ExternalIdentifier")
        node.set("registryObject", element.get("id", ""))
        node.set("identificationScheme", scheme)
        node.set("value", value)
        _localized(node, "Name", name)


def _entry_slots(element: etree._Element, entry: DocumentEntry) -> None:
    size = None if entry.size_bytes is None else str(entry.size_bytes)
    _slot(element, "creationTime", [entry.creation_time])
    _slot(element, "hash", [entry.hash])
    _slot(element, "size", [size])
    _slot(element, "languageCode", [entry.language])
    _slot(element, "legalAuthenticator", [entry.legal_authenticator.text if entry.legal_authenticator else None])
    _slot(element, "serviceStartTime", [entry.service_start])
    _slot(element, "serviceStopTime", [entry.service_stop])
    _slot(element, "sourcePatientId", [entry.source_patient_id.text if entry.source_patient_id else None])
    _slot(element, "sourcePatientInfo", entry.source_patient_info)
    _slot(element, "urn:ihe:iti:xds:2013:referenceIdList", entry.reference_ids)
    _slot(element, "repositoryUniqueId", [entry.repository_id])
    _slot(element, "URI", [entry.uri])


def _tag(name: str) -> str:
    return f"{{{schemes.RIM}}}{name}"


def _slot(element: etree._Element, name: str, values: Sequence[str | None]) -> None:
    """Append a slot, unless it would be empty."""
    present = [value for value in values if value]
    if present:
        listed = etree.SubElement(etree.SubElement(element, _tag("Slot"), name=name), _tag("ValueList"))
        for value in present:
            etree.SubElement(listed, _tag("Value")).text = value


def _localized(element: etree._Element, name: str, text: str) -> None:
    if text:
        parent = etree.SubElement(element, _tag(name))
        node = etree.SubElement(parent, _tag("LocalizedString"), charset="UTF-8", value=text)
        node.set(_LANGUAGE, "fr-FR")
