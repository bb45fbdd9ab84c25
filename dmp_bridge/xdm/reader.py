"""Reader of IHE_XDM.zip: bytes to lots, or one refusal (ITI-32, dmp.md §4.2).

The archive as a whole is refused when its zip or a METADATA.XML cannot be trusted; a document that is missing or
altered is refused alone and the others go on. Any bytes give a result or an `ExchangeError`.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import replace

from dmp_bridge.refusals import ExchangeError, Refusal
from dmp_bridge.xdm.archive import XDMArchive, XDMDocument, XDMLot
from dmp_bridge.xdm.directory import GuardedArchive
from dmp_bridge.xdm.limits import STRICT, Quirk, ReaderRules
from dmp_bridge.xds.ebrim_reader import read_submission
from dmp_bridge.xds.identifiers import CX
from dmp_bridge.xds.metadata import DocumentEntry, Submission
from vaguemestre.kernel.errors import ProtocolError
from vaguemestre.kernel.xml import parse_xml

ROOT = "IHE_XDM"
METADATA = "METADATA.XML"
TOP_FILES = ("README.TXT", "INDEX.HTM")


def read_archive(data: bytes, rules: ReaderRules = STRICT) -> XDMArchive:
    """Read an archive.

    Args:
        data: the zip, decoded from its MIME part.
        rules: limits, and the quirks that are tolerated.

    Raises:
        ExchangeError: its `code` is a stable `Refusal`.
    """
    return _Reader(GuardedArchive(data, rules), rules).read()


def looks_like_xdm(data: bytes, rules: ReaderRules = STRICT) -> bool:
    """Tell whether DATA is a zip with a lot of the XDM layout, without unpacking anything."""
    try:
        names = GuardedArchive(data, rules).names
    except ExchangeError:
        return False
    return any(_is_metadata(name) for name in names)


def _is_metadata(name: str) -> bool:
    parts = name.upper().split("/")
    return len(parts) == 3 and parts[0] == ROOT and parts[2] == METADATA and not _is_foreign(name)


def _is_foreign(name: str) -> bool:
    parts = name.split("/")
    return parts[0] == "__MACOSX" or any(part.startswith(".") for part in parts)


class _Reader:
    """One reading: remembers the irregularities that it met."""

    def __init__(self, archive: GuardedArchive, rules: ReaderRules) -> None:
        self._archive = archive
        self._rules = rules
        self._met: set[Quirk] = set()
        self._names = [name for name in archive.names if not _is_foreign(name)]

    def read(self) -> XDMArchive:
        metadata = sorted(name for name in self._names if _is_metadata(name))
        if not metadata:
            raise ExchangeError(Refusal.ARCHIVE_NOT_XDM)
        lots = [self._lot(name) for name in metadata]
        if not any(lot.documents for lot in lots):
            raise ExchangeError(Refusal.METADATA_INCOMPLETE)
        self._notice_layout(metadata)
        return XDMArchive(lots=tuple(lots), quirks=frozenset(self._met))

    def _notice_layout(self, metadata: list[str]) -> None:
        top = {name.upper(): name for name in self._names if "/" not in name}
        self._check(Quirk.README_MISSING, any(name not in top for name in TOP_FILES))
        well_cased = [top[name] == name for name in TOP_FILES if name in top]
        well_cased += [name == name.upper() for name in metadata]
        self._check(Quirk.NAME_CASE, not all(well_cased))
        self._check(Quirk.FOREIGN_FILES, len(self._names) < len(self._archive.names))
        deeper = (name.upper().split("/")[1:-1] for name in self._names)
        self._check(Quirk.SECOND_TREE, any(ROOT in folders for folders in deeper))

    def _check(self, quirk: Quirk, met: bool) -> None:
        """Remember QUIRK when it was met; refuse it when it is not tolerated."""
        if met and quirk not in self._rules.quirks:
            raise ExchangeError(Refusal.QUIRK_NOT_TOLERATED)
        if met:
            self._met.add(quirk)

    def _lot(self, metadata_name: str) -> XDMLot:
        data = self._archive.read(metadata_name, max_bytes=self._rules.max_metadata_bytes)
        try:
            root = parse_xml(data, max_bytes=self._rules.max_metadata_bytes)
        except ProtocolError:
            raise ExchangeError(Refusal.METADATA_UNREADABLE) from None
        submission = self._unescaped(read_submission(root))
        folder = metadata_name.rpartition("/")[0]
        files = {name.rpartition("/")[2]: name for name in self._names if name.rpartition("/")[0] == folder}
        documents = tuple(self._document(entry, files) for entry in submission.entries)
        return XDMLot(folder=folder.rpartition("/")[2], submission=submission, documents=documents)

    def _unescaped(self, submission: Submission) -> Submission:
        """Undo one escaping too many of the patient identifiers."""
        submission_set = submission.submission_set
        return replace(
            submission,
            submission_set=replace(submission_set, patient_id=self._patient_id(submission_set.patient_id)),
            entries=tuple(replace(each, patient_id=self._patient_id(each.patient_id)) for each in submission.entries),
        )

    def _patient_id(self, identifier: CX | None) -> CX | None:
        escaped = identifier is not None and "&amp;" in identifier.text
        self._check(Quirk.ESCAPED_IDENTIFIER, escaped)
        return CX(identifier.text.replace("&amp;", "&")) if identifier is not None and escaped else identifier

    def _document(self, entry: DocumentEntry, files: Mapping[str, str]) -> XDMDocument:
        name = self._file_of(entry, files)
        if name is None:
            return XDMDocument(entry=entry, refusal=Refusal.DOCUMENT_MISSING)
        try:
            content = self._archive.read(name, max_bytes=self._rules.max_document_bytes)
        except ExchangeError as error:
            return XDMDocument(entry=entry, refusal=error.code)
        return XDMDocument(entry=entry, content=content, refusal=self._content_refusal(entry, content))

    def _file_of(self, entry: DocumentEntry, files: Mapping[str, str]) -> str | None:
        """Return the archive name of the entry's file: a plain name in the folder of its METADATA.XML."""
        uri = entry.uri or ""
        if uri in files:
            return files[uri]
        name = {each.casefold(): each for each in files}.get(uri.casefold())
        self._check(Quirk.NAME_CASE, name is not None)
        return None if name is None else files[name]

    def _content_refusal(self, entry: DocumentEntry, content: bytes) -> Refusal | None:
        """Compare hash and size with what the metadata declare; both are required in an archive."""
        if entry.hash is None or entry.size_bytes is None:
            return Refusal.METADATA_INCOMPLETE
        if entry.size_bytes != len(content):
            return Refusal.DOCUMENT_SIZE
        digest = hashlib.sha1(content, usedforsecurity=False).hexdigest()
        if entry.hash.lower() != digest:
            return Refusal.DOCUMENT_HASH
        self._check(Quirk.UPPER_CASE_HASH, entry.hash != digest)
        return None
