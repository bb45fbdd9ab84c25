"""A plain file that a simplified publication carries: it becomes a CDA level 1, as a file given to us always does.

The header comes from the mailbox and the patient's profile, the kind and the title from the metadata, never from the
file; the document keeps the unique id that the software gave it, so that publishing it twice files it once.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from access_core.professionals import Professional
from access_core.profiles import Profile
from dmp_bridge.bodies import media_type_of, ready_to_file
from dmp_bridge.cda.body import Body
from dmp_bridge.cda.header import InstanceId
from dmp_bridge.cda.level_1 import Level1Request, compose_level_1
from dmp_bridge.fhir.bundles import Publication
from dmp_bridge.people import author_of, patient_identity
from dmp_bridge.pictures.pictures import ImageLimits
from dmp_bridge.xds.mapping import CDA_TYPE
from dmp_bridge.xds.times import instant_from_xds


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Publisher:
    """Who publishes, about whom, on which system (its OID), at an instant."""

    professional: Professional
    profile: Profile
    source_id: str
    now: datetime


def needs_wrapping(publication: Publication) -> bool:
    """Tell whether the one document of a simplified publication is not XML, hence no CDA."""
    (data,) = publication.contents.values()
    return media_type_of(data) != CDA_TYPE


def wrapped(publication: Publication, publisher: Publisher, limits: ImageLimits) -> Publication:
    """Return the publication of the document that its file becomes; blocks while a photograph is read.

    Raises:
        ExchangeError: a document cannot hold such a file.
    """
    (entry,) = publication.submission.entries
    (data,) = publication.contents.values()
    content = _document(ready_to_file(data, limits), publication, publisher)
    held = replace(entry, mime_type=CDA_TYPE, hash=None, size_bytes=None, format_code=None)
    submission = replace(publication.submission, entries=(held,))
    return Publication(submission=submission, contents={entry.entry_id: content})


def _document(data: bytes, publication: Publication, publisher: Publisher) -> bytes:
    (entry,) = publication.submission.entries
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
            id=InstanceId(*entry.unique_id.partition("^")[::2]),
        )
    )
