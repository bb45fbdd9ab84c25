"""Plain files that a publication carries: each becomes a CDA level 1, as a file given to us always does.

The header comes from mailbox and profile, kind, title, place and act from the metadata, never from the
file; the document keeps the unique id that the software gave it, so that publishing it twice files it once.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from access_core.professionals import Professional
from access_core.profiles import Profile
from dmp_bridge.bodies import media_type_of, ready_to_file
from dmp_bridge.cda.body import Body, read_body
from dmp_bridge.cda.header import InstanceId
from dmp_bridge.cda.level_1 import AMBULATORY, PRIVATE_PRACTICE, Level1Request, compose_level_1
from dmp_bridge.fhir.bundles import Publication
from dmp_bridge.people import author_of, patient_identity
from dmp_bridge.pictures.pictures import ImageLimits
from dmp_bridge.refusals import ExchangeError, Refusal
from dmp_bridge.xds.mapping import CDA_TYPE
from dmp_bridge.xds.metadata import DocumentEntry
from dmp_bridge.xds.times import instant_from_xds


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Publisher:
    """Who publishes, about whom, on which system (its OID), at an instant.

    Attributes:
        there: documents of the record that have a unique id of the publication.
    """

    professional: Professional
    profile: Profile
    source_id: str
    now: datetime
    there: Mapping[str, bytes]


def needs_wrapping(publication: Publication) -> bool:
    """Tell whether a file of a publication is not XML, hence no CDA."""
    return any(media_type_of(data) != CDA_TYPE for data in publication.contents.values())


def wrapped(publication: Publication, publisher: Publisher, limits: ImageLimits, *, exact: bool) -> Publication:
    """Return the publication of the documents that its plain files become; blocks while a photograph is read.

    Args:
        exact: hash and size of the metadata must be those of the file; PDSm's own simplified example has others.

    Raises:
        ExchangeError: a document cannot hold such a file, or the metadata are not of it.
    """
    entries, contents = [], dict(publication.contents)
    for entry in publication.submission.entries:
        data = contents[entry.entry_id]
        if media_type_of(data) == CDA_TYPE:
            entries.append(entry)
            continue
        if exact:
            _check(entry, data)
        contents[entry.entry_id] = _document_of(ready_to_file(data, limits), entry, publisher)
        entries.append(replace(entry, mime_type=CDA_TYPE, hash=None, size_bytes=None, format_code=None))
    submission = replace(publication.submission, entries=tuple(entries))
    return replace(publication, submission=submission, contents=contents)


def _check(entry: DocumentEntry, data: bytes) -> None:
    if entry.size_bytes not in (None, len(data)):
        raise ExchangeError(Refusal.DOCUMENT_SIZE)
    if entry.hash is not None and entry.hash.lower() != hashlib.sha1(data, usedforsecurity=False).hexdigest():
        raise ExchangeError(Refusal.DOCUMENT_HASH)


def _document_of(data: bytes, entry: DocumentEntry, publisher: Publisher) -> bytes:
    """Return the document that a file becomes; the one that is there already, when it holds this very file."""
    known = publisher.there.get(entry.unique_id)
    return known if known is not None and _holds(known, data) else _document(data, entry, publisher)


def _holds(document: bytes, data: bytes) -> bool:
    try:
        body = read_body(document)
    except ExchangeError:
        return False
    return body is not None and body.content == data


def _document(data: bytes, entry: DocumentEntry, publisher: Publisher) -> bytes:
    written = instant_from_xds(entry.creation_time or "") or publisher.now
    return compose_level_1(
        Level1Request(
            patient=patient_identity(publisher.profile),
            author=author_of(publisher.professional, publisher.source_id),
            body=Body(media_type_of(data) or "", data),
            written_at=written,
            serviced_at=instant_from_xds(entry.service_start or ""),
            title=entry.title,
            type_code=entry.type_code.code if entry.type_code else None,
            practice_setting=entry.practice_setting or AMBULATORY,
            facility_type=entry.facility_type or PRIVATE_PRACTICE,
            id=InstanceId(*entry.unique_id.partition("^")[::2]),
        )
    )
