"""Writer of IHE_XDM.zip: the same lots give the same bytes (ITI-32, dmp.md §4.1).

Names are those of ISO 9660 level 1, entries carry one fixed date and no directories are written, so that an
archive can be made twice and compared.
"""

import hashlib
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from html import escape
from io import BytesIO

from dmp_bridge.xds.ebrim_writer import write_submission
from dmp_bridge.xds.metadata import DocumentEntry, Submission, SubmissionSet, members

_FIXED_DATE = (1980, 1, 1, 0, 0, 0)
_INDEX = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML Basic 1.1//EN" "http://www.w3.org/TR/xhtml-basic/xhtml-basic11.dtd">
<html xmlns="http://www.w3.org/1999/xhtml" xml:lang="fr"><head><title>Archive IHE XDM</title></head>
<body><h1>Documents transmis</h1><ul>{links}</ul><p><a href="README.TXT">README.TXT</a></p></body></html>
"""
_README = """Archive IHE XDM (profil IHE ITI XDM, volet CI-SIS).
Structure emettrice : {sender}
Logiciel : Vaguemestre
Contenu : INDEX.HTM (page d'accueil), dossier IHE_XDM (lots de soumission).
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class LotToWrite:
    """One submission set with its documents: metadata (without URI, hash, size) and the bytes."""

    submission_set: SubmissionSet
    documents: Sequence[tuple[DocumentEntry, bytes]]


def write_archive(lots: Sequence[LotToWrite], *, sender: str) -> bytes:
    """Write an archive; URI, hash and size of every entry are computed here.

    Args:
        lots: one per folder SUBSET01, SUBSET02, …
        sender: the structure that sends, for README.TXT.
    """
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        _put(archive, "README.TXT", _README.format(sender=sender).encode())
        _put(archive, "INDEX.HTM", _INDEX.format(links="".join(_links(lots))).encode())
        for number, lot in enumerate(lots, 1):
            folder = _folder(number)
            submission = completed_submission(lot)
            _put(archive, f"{folder}/METADATA.XML", write_submission(submission))
            for entry, (_, content) in zip(submission.entries, lot.documents, strict=True):
                _put(archive, f"{folder}/{entry.uri}", content)
    return buffer.getvalue()


def completed_submission(lot: LotToWrite) -> Submission:
    """Return the submission as it is written: URI, hash, size, and HasMember for each document."""
    entries = tuple(
        replace(
            entry,
            uri=f"DOC{number:05d}.XML",
            hash=hashlib.sha1(content, usedforsecurity=False).hexdigest(),
            size_bytes=len(content),
        )
        for number, (entry, content) in enumerate(lot.documents, 1)
    )
    submission = Submission(submission_set=lot.submission_set, entries=entries)
    return replace(submission, associations=members(submission))


def _folder(number: int) -> str:
    return f"IHE_XDM/SUBSET{number:02d}"


def _links(lots: Sequence[LotToWrite]) -> list[str]:
    return [
        f'<li><a href="{_folder(number)}/DOC{place:05d}.XML">{escape(entry.title)}</a></li>'
        for number, lot in enumerate(lots, 1)
        for place, (entry, _) in enumerate(lot.documents, 1)
    ]


def _put(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    info = zipfile.ZipInfo(name, _FIXED_DATE)
    info.compress_type = zipfile.ZIP_DEFLATED
    info.external_attr = 0o100644 << 16
    archive.writestr(info, content)
