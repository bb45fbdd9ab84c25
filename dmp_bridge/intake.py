"""What a mail brings to the record: the worker's handler of `dmp.intake`.

The message is read and its archives are parsed outside any transaction; one closing unit of work then decides and
files each document, together with the end of the task. Doing it twice changes nothing. An archive or document that
is refused is traced with its reason; the mail stays delivered whatever happens here.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.parser import BytesHeaderParser
from email.policy import compat32
from functools import partial

from access_core.case_inputs import Sender, local_sender, remote_sender
from access_core.professionals import Professional, professional_by_account, professional_by_address
from access_core.profiles import profile_by_id
from access_core.reasons import Reason
from dmp_bridge.config import BridgeSettings
from dmp_bridge.external.config import RecordChoice
from dmp_bridge.external.outbound import Outbound
from dmp_bridge.external.queue import is_awaited
from dmp_bridge.filing import Filer
from dmp_bridge.filing_choice import filing_choice
from dmp_bridge.outcome import FilingCase, FilingRules, refuse
from dmp_bridge.plain_files import (
    PlainFiles,
    asked_type,
    is_invitation,
    is_medical,
    plain_files,
    prepare_files,
)
from dmp_bridge.preparation import PreparedDocument, judged, prepare_archive
from dmp_bridge.receipt import announce
from dmp_bridge.refusals import ExchangeError, Refusal
from dmp_bridge.xdm.reader import looks_like_xdm
from mailstore.reader import MessageReader
from mailstore.store import MailStore
from vaguemestre.kernel.clock import Clock
from vaguemestre.kernel.database import Database, Transaction
from vaguemestre.kernel.errors import PermanentFailure
from vaguemestre.kernel.log import get_logger
from vaguemestre.kernel.outbox import Closing, Task

INTAKE_TASK = "dmp.intake"
ARCHIVE_NAME = "ihe_xdm.zip"
_ZIP_TYPES = frozenset({"application/zip", "application/x-zip-compressed", "application/x-zip"})
_BASE64_EXPANSION = 1.4
log = get_logger(__name__)

Prepared = tuple[PreparedDocument, ...] | Refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class IntakeOrder:
    """What acceptance asks for: a message in a patient's mailbox, and who sent it."""

    message_id: str
    mailbox_id: str
    profile_id: str
    sender_account_id: str | None = None
    sender_address: str | None = None
    sent_at: str | None = None

    @classmethod
    def of(cls, task: Task) -> "IntakeOrder":
        """Read the payload of a task.

        Raises:
            PermanentFailure: an id is missing.
        """
        values = {name: task.payload.get(name) for name in cls.__dataclass_fields__}
        texts = {name: value if isinstance(value, str) else None for name, value in values.items()}
        message_id, mailbox_id, profile_id = texts["message_id"], texts["mailbox_id"], texts["profile_id"]
        if not (message_id and mailbox_id and profile_id):
            raise PermanentFailure("intake: the task lacks an id")
        return cls(
            message_id=message_id,
            mailbox_id=mailbox_id,
            profile_id=profile_id,
            sender_account_id=texts["sender_account_id"],
            sender_address=texts["sender_address"],
            sent_at=texts["sent_at"],
        )


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Received:
    """What a message carries: its Message-ID, its archives, or why one of them was not even read, or plain files."""

    message_id_header: str | None
    archives: tuple[bytes | Refusal, ...] = ()
    plain: PlainFiles | None = None


class Intake:
    """The handler; give it to the outbox worker under `INTAKE_TASK`."""

    def __init__(
        self,
        *,
        database: Database,
        store: MailStore,
        clock: Clock,
        settings: BridgeSettings,
        presume_care: bool = False,
    ) -> None:
        self._database = database
        self._store = store
        self._clock = clock
        self._settings = settings
        self._presume_care = presume_care
        self._filer = build_filer(store, settings)

    async def __call__(self, task: Task) -> Closing | None:
        """Read one message; returns the unit of work that files its documents, None when it has nothing to file.

        Raises:
            PermanentFailure: the message is no longer in that mailbox.
        """
        order = IntakeOrder.of(task)
        received = await self._database.read(partial(self._receive, order=order))
        if not received.archives and received.plain is None:
            return None
        prepared = await asyncio.to_thread(self._prepare, received)
        counted = sum(len(each) for each in prepared if not isinstance(each, Refusal))
        log.info("archives_read", message_id=order.message_id, mailbox_id=order.mailbox_id, count=counted)
        return partial(self._close, order=order, header=received.message_id_header, prepared=prepared)

    def _receive(self, tx: Transaction, order: IntakeOrder) -> Received:
        reader = self._store.open(tx, order.mailbox_id, order.message_id)
        header, archives = _message_id_header(reader), archives_of(reader, self._settings)
        plain = None if archives else self._plain(tx, order, reader)
        return Received(message_id_header=header, archives=archives, plain=plain)

    def _plain(self, tx: Transaction, order: IntakeOrder, reader: MessageReader) -> PlainFiles | None:
        """Return the plain files that one of our mailboxes wants filed; None when there are none."""
        professional, profile = _mailbox(tx, order), profile_by_id(tx, order.profile_id)
        if professional is None or profile is None or is_invitation(reader):
            return None
        wanted = asked_type(reader.header) or filing_choice(tx, professional.account_id)
        if wanted is None or not is_medical(wanted):
            return None
        files = plain_files(reader, max_bytes=self._settings.max_document_bytes)
        if not files:
            return None
        return PlainFiles(
            files=files,
            type_code=wanted,
            profile=profile,
            professional=professional,
            sent_at=datetime.fromisoformat(order.sent_at) if order.sent_at else self._clock.now(),
            message_id=order.message_id,
            source_id=self._settings.repository_id,
        )

    def _prepare(self, received: Received) -> list[Prepared]:
        if received.plain is not None:
            return [each if isinstance(each, Refusal) else (each,) for each in prepare_files(received.plain)]
        archives = received.archives
        return [each if isinstance(each, Refusal) else prepare_found(each, self._settings) for each in archives]

    def _close(self, tx: Transaction, order: IntakeOrder, header: str | None, prepared: Sequence[Prepared]) -> None:
        profile = profile_by_id(tx, order.profile_id)
        if profile is None:
            raise PermanentFailure("intake: no such profile")
        case = FilingCase(
            profile=profile,
            sender=_sender(tx, order),
            now=self._clock.now(),
            message_id=order.message_id,
            message_id_header=header,
            informed=True,
            presume_care=self._presume_care,
        )
        outcomes = []
        for each in prepared:
            if isinstance(each, Refusal):
                outcomes.append(refuse(tx, case, each))
                continue
            outcomes += [self._filer.file(tx, case, document) for document in each]
        reasons = [each.reason for each in outcomes]
        is_whole = all(each == Reason.OK for each in reasons)
        if not (is_whole and is_awaited(tx, order.message_id, order.mailbox_id)):
            announce(tx, order.message_id, order.mailbox_id, reasons, now=case.now)


def prepare_found(data: bytes, settings: BridgeSettings) -> Prepared:
    """Read an archive of a message, its documents judged by the published rules; or say why it is refused."""
    rules = settings.published_rules()
    try:
        prepared = prepare_archive(data, settings.reader_rules())
        return prepared if rules is None else tuple(judged(prepared, rules))
    except ExchangeError as error:
        return error.code


def build_filer(store: MailStore, settings: BridgeSettings) -> Filer:
    """Return a filer into the embedded record, and on to the one elsewhere when the settings say so."""
    rules = FilingRules(repository_id=settings.repository_id, ins_authorities=settings.ins_authorities)
    is_only_here = settings.record is RecordChoice.EMBEDDED
    return Filer(store, rules, None if is_only_here else Outbound(store, settings.external))


def archives_of(reader: MessageReader, settings: BridgeSettings) -> tuple[bytes | Refusal, ...]:
    """Return the XDM archives of a message: parts named IHE_XDM.zip in any case, and zips with the XDM layout.

    An archive that is too large, or one too many, is a refusal in its place.
    """
    attached = (
        Attached(part.filename or "", part.media_type, part.size_bytes, partial(reader.decoded, part.section))
        for part in reader.index.parts
    )
    return select_archives(attached, settings)


@dataclass(frozen=True, slots=True, repr=False)
class Attached:
    """A part of a message, and how to read it; SIZE_BYTES: as it was sent, before it is decoded."""

    filename: str
    media_type: str
    size_bytes: int
    load: Callable[[], bytes]


def select_archives(parts: Iterable[Attached], settings: BridgeSettings) -> tuple[bytes | Refusal, ...]:
    """Return the XDM archives among the parts of a message, as `archives_of` does."""
    found: list[bytes | Refusal] = []
    for part in parts:
        named = part.filename.casefold() == ARCHIVE_NAME
        if not named and not _is_zip(part):
            continue
        if part.size_bytes > settings.max_archive_bytes * _BASE64_EXPANSION:
            found += [Refusal.ARCHIVE_TOO_LARGE] if named else []
            continue
        data = part.load()
        if named or looks_like_xdm(data, settings.reader_rules()):
            found.append(data if len(found) < settings.max_archives else Refusal.ARCHIVE_ENTRIES)
    return tuple(found)


def _is_zip(part: Attached) -> bool:
    return part.media_type in _ZIP_TYPES or part.filename.casefold().endswith(".zip")


def _message_id_header(reader: MessageReader) -> str | None:
    """Return the Message-ID with its angle brackets, by which the trace is searched."""
    value = BytesHeaderParser(policy=compat32).parsebytes(reader.header).get("Message-ID")
    return None if value is None else "".join(str(value).split()) or None


def _sender(tx: Transaction, order: IntakeOrder) -> Sender:
    """Describe the mailbox that wrote."""
    mailbox = _mailbox(tx, order)
    return remote_sender(order.sender_address or "") if mailbox is None else local_sender(mailbox)


def _mailbox(tx: Transaction, order: IntakeOrder) -> Professional | None:
    """Find the mailbox that wrote: that of the address, since a member may write for her service."""
    if order.sender_account_id is None:
        return None
    found = professional_by_address(tx, order.sender_address or "")
    return found or professional_by_account(tx, order.sender_account_id)
