"""The worker's handler of `dmp.file`: one attempt to file one document elsewhere, or to delete it there.

The existence test first, then the submission. Before another attempt the record is asked whether it has the document
already, since the answer to the last one may have been lost: it is filed once, whatever happens between. Nothing of
this runs in a transaction; the closing unit of work writes how it ended, traces it, and tells the sender.
"""

import asyncio
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from access_core.decision import Verdict
from access_core.trace.entries import TraceEntry, record
from dmp_bridge.external.client import Access, RecordClient, connect
from dmp_bridge.external.config import RecordChoice
from dmp_bridge.external.existence import FORBIDDEN, Existence
from dmp_bridge.external.queue import (
    Ending,
    ExternalFiling,
    FilingState,
    end_filing,
    filing_by_id,
    note_trouble,
    withdraw_filing,
)
from dmp_bridge.external.rights import Deed
from dmp_bridge.external.submission import (
    DOCUMENT,
    SIGNATURE,
    as_visible_now,
    awaited,
    deletion_of,
    document_of,
    resolved,
    signed,
)
from dmp_bridge.external.troubles import CLOSED, DUPLICATE, UNKNOWN, RecordAway, RecordRefused, Trouble
from dmp_bridge.record.documents import ContentStore
from dmp_bridge.record.model import Availability, RecordedDocument
from dmp_bridge.record.registry import document_by_id, set_availability
from dmp_bridge.refusals import Refusal
from dmp_bridge.transport.xades import Signed, sign_submission
from dmp_bridge.xds.ebrim_reader import read_submission
from dmp_bridge.xds.identifiers import CX
from dmp_bridge.xds.metadata import Submission
from dmp_bridge.xds.times import xds_from_instant
from vaguemestre.kernel.clock import Clock
from vaguemestre.kernel.database import Database, Transaction
from vaguemestre.kernel.errors import PermanentFailure, TemporaryFailure
from vaguemestre.kernel.log import get_logger
from vaguemestre.kernel.outbox import Closing, Task
from vaguemestre.kernel.xml import parse_xml

SENT = "send_document"
WITHDRAWN = "withdraw_document"
ATTEMPT_S = 240.0  # less than the lease of a task, so that no two attempts go on at once
_MAX_SUBMISSION_BYTES = 1 << 20
log = get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Loaded:
    """What one attempt sends; WITHDRAWN: the document was deleted here before it left."""

    filing: ExternalFiling
    submission: Submission
    content: bytes
    withdrawn: bool

    @property
    def patient(self) -> CX:
        """Whose record."""
        patient = document_of(self.submission).patient_id
        assert patient is not None  # decided when it was filed here
        return patient


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskParts:
    """What the handler works with; CHOICE: whether what was filed elsewhere leaves our record."""

    database: Database
    store: ContentStore
    clock: Clock
    access: Access
    choice: RecordChoice


class ExternalFilingTask:
    """The handler; give it to an outbox worker of its own under `FILE_TASK`, since it may wait for long."""

    def __init__(self, parts: TaskParts) -> None:
        self._parts = parts

    def renew(self, access: Access) -> None:
        """Make the next attempts with other certificates and keys."""
        self._parts = replace(self._parts, access=access)

    async def __call__(self, task: Task) -> Closing | None:
        """Try to file one document elsewhere, or to delete it; returns how it ended, None when it had ended before.

        Raises:
            TemporaryFailure: not now; why is written down.
            PermanentFailure: there is no such document any more.
        """
        filing_id = str(task.payload.get("filing_id", ""))
        loaded = await self._parts.database.read(partial(self._load, filing_id=filing_id))
        if loaded is None:
            return None
        try:
            again = task.attempts > 1 or loaded.filing.code is not None
            ending = await self._in_time(loaded, again=again)
        except RecordAway as away:
            trouble = away.trouble
            await self._parts.database.write(lambda tx: note_trouble(tx, filing_id, trouble))
            if task.attempts < self._parts.access.settings.attempts:
                raise
            ending = Ending(_unfinished(loaded.filing), Refusal.DMP_GIVEN_UP)
        log.info("document_sent", document_id=loaded.filing.document_id, state=ending.state, code=ending.code)
        return partial(self._close, filing=loaded.filing, ending=ending, now=self._parts.clock.now())

    def _load(self, tx: Transaction, filing_id: str) -> Loaded | None:
        filing = filing_by_id(tx, filing_id)
        if filing is None or filing.submission_id is None:
            raise PermanentFailure("dmp: no such document in the queue")
        if filing.state not in (FilingState.WAITING, FilingState.LEAVING):
            return None
        document = document_by_id(tx, filing.document_id)
        if document is None:
            raise PermanentFailure("dmp: the document is no longer in the record")
        sealed = self._parts.store.open_content(tx, filing.mailbox_id, filing.submission_id)
        submission = read_submission(parse_xml(sealed, max_bytes=_MAX_SUBMISSION_BYTES))
        return Loaded(
            filing=filing,
            submission=as_visible_now(submission, document.entry),
            content=self._parts.store.open_content(tx, filing.mailbox_id, filing.content_id),
            withdrawn=document.availability is Availability.DELETED,
        )

    async def _in_time(self, loaded: Loaded, *, again: bool) -> Ending:
        """Make one attempt while the task is ours for sure."""
        try:
            async with asyncio.timeout(ATTEMPT_S):
                return await self._attempt(loaded, again=again)
        except TimeoutError:
            raise RecordAway(Trouble.SLOW) from None

    async def _attempt(self, loaded: Loaded, *, again: bool) -> Ending:
        if loaded.withdrawn and loaded.filing.state is FilingState.WAITING:
            return Ending(FilingState.KEPT, Refusal.DMP_WITHDRAWN)
        async with connect(self._parts.access) as client:
            try:
                if loaded.filing.state is FilingState.LEAVING:
                    return await self._delete(client, loaded)
                return await self._file(client, loaded, again=again)
            except RecordRefused as refused:
                return await self._refused(client, loaded, refused)

    async def _file(self, client: RecordClient, loaded: Loaded, *, again: bool) -> Ending:
        patient = loaded.patient
        if again and await client.reference(patient, loaded.filing.unique_id) is not None:
            return Ending(FilingState.FILED)
        if self._parts.access.settings.existence_test:
            existence = await client.exists(patient)
            if not existence.may_feed:
                return _kept(existence)
        known = {each: await client.reference(patient, each) for each in awaited(loaded.submission)}
        targets = {name: found for name, found in known.items() if found is not None}
        ready, documents = await asyncio.to_thread(self._sign, loaded, resolved(loaded.submission, targets))
        await client.provide(patient, ready, documents)
        return Ending(FilingState.FILED)

    async def _delete(self, client: RecordClient, loaded: Loaded) -> Ending:
        """Delete there what was deleted here; what is not there any more is gone too."""
        found = await client.reference(loaded.patient, loaded.filing.unique_id)
        if found is not None:
            now = xds_from_instant(self._parts.clock.now())
            await client.update(Deed.DELETE, loaded.patient, deletion_of(loaded.submission, found, now))
        return Ending(FilingState.GONE)

    async def _refused(self, client: RecordClient, loaded: Loaded, refused: RecordRefused) -> Ending:
        """Tell a document that is there already from one that the record does not want."""
        if loaded.filing.state is FilingState.LEAVING:
            return Ending(FilingState.REMAINS, refused.codes[0])
        if DUPLICATE in refused.codes and await client.reference(loaded.patient, loaded.filing.unique_id) is not None:
            return Ending(FilingState.FILED, DUPLICATE)
        if {CLOSED, UNKNOWN} & set(refused.codes):
            return Ending(FilingState.KEPT, Refusal.DMP_ABSENT)
        return Ending(FilingState.FAILED, refused.codes[0])

    def _sign(self, loaded: Loaded, submission: Submission) -> tuple[Submission, dict[str, bytes]]:
        access = self._parts.access
        what = Signed(submission.submission_set.unique_id, {loaded.filing.unique_id: loaded.content})
        try:
            signature = sign_submission(what, access.key, access.clock.now())
        except TemporaryFailure:
            raise RecordAway(Trouble.TOKEN) from None
        return signed(submission, signature), {DOCUMENT: loaded.content, SIGNATURE: signature}

    def _close(self, tx: Transaction, filing: ExternalFiling, ending: Ending, now: datetime) -> None:
        end_filing(tx, filing, ending, now)
        found = document_by_id(tx, filing.document_id)
        label = "" if found is None else found.filing.label
        done = ending.state in (FilingState.FILED, FilingState.GONE)
        record(
            tx,
            TraceEntry(
                at=now,
                act=SENT if filing.state is FilingState.WAITING else WITHDRAWN,
                verdict=Verdict.PERMIT if done else Verdict.DENY,
                reason="OK" if done else _traced(ending.code),
                subject_kind="systeme",
                subject_label=label,
                profile_id=filing.profile_id,
                mailbox_id=filing.mailbox_id,
                resource_kind="document",
                resource_id=filing.document_id,
                message_id_header=filing.message_id_header,
            ),
        )
        if ending.state is FilingState.FILED:
            self._afterwards(tx, filing, found, now)

    def _afterwards(
        self, tx: Transaction, filing: ExternalFiling, found: RecordedDocument | None, now: datetime
    ) -> None:
        """Let ours go when theirs alone is wanted; have theirs go when ours was deleted while it was on its way."""
        if found is not None and found.availability is Availability.DELETED:
            withdraw_filing(tx, filing.document_id, now)
        elif self._parts.choice is RecordChoice.EXTERNAL:
            set_availability(tx, filing.document_id, Availability.DELETED)


def _unfinished(filing: ExternalFiling) -> FilingState:
    return FilingState.REMAINS if filing.state is FilingState.LEAVING else FilingState.FAILED


def _kept(existence: Existence) -> Ending:
    refusal = Refusal.DMP_FORBIDDEN if existence.authorisation == FORBIDDEN else Refusal.DMP_ABSENT
    return Ending(FilingState.KEPT, refusal)


def _traced(code: str | None) -> str:
    """Return a code of ours for the trace; what the other side said stays in the queue."""
    return code if code in set(Refusal) else Refusal.DMP_REFUSED
