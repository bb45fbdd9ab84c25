"""What the gateway sends to a record elsewhere for one document: the submission, and the bytes with their signature."""

from dataclasses import dataclass, replace

from dmp_bridge.external.client import Access
from dmp_bridge.external.submission import DOCUMENT, SIGNATURE, ToSend, compose, signed
from dmp_bridge.transport.xades import Signed, sign_submission
from dmp_bridge.xdm.reader import read_archive
from dmp_bridge.xds.metadata import Submission
from dmp_bridge.xds.times import xds_from_instant
from vaguemestre.app.demo.fictional_documents import fictional_archive


@dataclass(frozen=True)
class Sending:
    """A submission and the bytes of its documents, by entry id."""

    submission: Submission
    documents: dict[str, bytes]


def sending_of(document: bytes, access: Access) -> Sending:
    """Compose and sign what is sent for a document."""
    (lot,) = read_archive(fictional_archive(document)).lots
    to_send = ToSend(
        entry=replace(lot.submission.entries[0], uri=None),
        submission_set=lot.submission.submission_set,
        replaced=(),
        submitted_at=xds_from_instant(access.clock.now()),
    )
    submission = compose(to_send, access.settings)
    unique_id = submission.entries[0].unique_id
    signature = sign_submission(
        Signed(submission.submission_set.unique_id, {unique_id: document}), access.key, access.clock.now()
    )
    return Sending(signed(submission, signature), {DOCUMENT: document, SIGNATURE: signature})
