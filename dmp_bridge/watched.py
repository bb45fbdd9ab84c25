"""What was taken in of a watched mailbox, and taking one message in: one unit of work, once for ever.

A message is known by its UID, and after a change of UIDVALIDITY by a fingerprint of its Message-ID and size; its
documents are known by their unique ids besides. So neither a cut, nor a crash, nor a renumbering doubles or loses one.
"""

import email
import email.policy
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.message import Message
from email.parser import BytesHeaderParser
from email.utils import parseaddr
from functools import partial
from typing import Any

from sqlalchemy import bindparam, func, select, update

from access_core.acts import Act
from access_core.case_inputs import remote_sender
from access_core.decision import Verdict
from access_core.identifiers import INS
from access_core.profiles import Profile, profile_by_ins
from access_core.reasons import Reason
from access_core.trace.entries import TraceEntry, record
from dmp_bridge.config import BridgeSettings
from dmp_bridge.filing import Filer
from dmp_bridge.intake import Attached, Prepared, prepare_found, select_archives
from dmp_bridge.outcome import FilingCase
from dmp_bridge.preparation import PreparedDocument
from dmp_bridge.refusals import Refusal
from dmp_bridge.tables import watched_message as table
from vaguemestre.kernel.database import Transaction, insert_ignoring
from vaguemestre.kernel.errors import InvalidIdentifier

NOTHING = "-"
TOO_LARGE = Refusal.ARCHIVE_TOO_LARGE
_OF_FOLDER = (table.c.watch == bindparam("name")) & (table.c.uid_validity == bindparam("validity"))
_LAST = select(func.max(table.c.uid)).where(_OF_FOLDER)
_UNFLAGGED = select(table.c.uid).where(_OF_FOLDER, table.c.flagged.is_(False)).order_by(table.c.uid)
_KNOWN = select(table.c.outcome).where(
    table.c.watch == bindparam("name"), table.c.fingerprint == bindparam("known_fingerprint")
)
_FLAGGED = update(table).where(_OF_FOLDER, table.c.uid == bindparam("number")).values(flagged=True)


@dataclass(frozen=True, slots=True)
class Folder:
    """A watched folder as the other server numbers it."""

    watch: str
    validity: int

    @property
    def keys(self) -> dict[str, str | int]:
        """What statements name it by."""
        return {"name": self.watch, "validity": self.validity}


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Arrived:
    """A message that is to be taken in; PREPARED: its archives, empty when it carries none."""

    uid: int
    fingerprint: str
    sender: str = ""
    message_id: str | None = None
    prepared: Sequence[Prepared] = ()


def last_uid(tx: Transaction, folder: Folder) -> int:
    """Return the greatest UID that was taken in of a folder, 0 when none was."""
    return tx.execute(_LAST, folder.keys).scalar() or 0


def unflagged(tx: Transaction, folder: Folder) -> list[int]:
    """Return the UIDs that were taken in and whose flag the other server may not know."""
    return list(tx.execute(_UNFLAGGED, folder.keys).scalars())


def note_flagged(tx: Transaction, folder: Folder, uid: int) -> None:
    """Remember that the other server knows."""
    tx.execute(_FLAGGED, {**folder.keys, "number": uid})


def known_outcome(tx: Transaction, folder: Folder, fingerprint: str) -> str | None:
    """Return what became of a message under whatever number it was taken in, None when it was not."""
    return tx.execute(_KNOWN, {"name": folder.watch, "known_fingerprint": fingerprint}).scalars().first()


def fingerprint_of(header: bytes, size_bytes: int) -> str:
    """Return what a message is known by when its number has changed."""
    return hashlib.sha256(b"%d\0%s" % (size_bytes, (message_id_of(header) or "").encode() or header)).hexdigest()


def message_id_of(header: bytes) -> str | None:
    """Return the Message-ID with its angle brackets."""
    value = BytesHeaderParser(policy=email.policy.compat32).parsebytes(header).get("Message-ID")
    return None if value is None else "".join(str(value).split()) or None


def sender_of(header: bytes) -> str:
    """Return the address that a message is from, at most as long as one may be."""
    value = BytesHeaderParser(policy=email.policy.compat32).parsebytes(header).get("From", "")
    return parseaddr(str(value))[1][:254]


def prepare_message(content: bytes, settings: BridgeSettings) -> list[Prepared]:
    """Read the archives of a message; pure, slow."""
    try:
        message = email.message_from_bytes(content, policy=email.policy.compat32)
        parts = (each for each in message.walk() if not each.is_multipart())
        found = select_archives((_attached(each) for each in parts), settings)
    except (ValueError, LookupError, RecursionError, AttributeError, TypeError):
        return [Refusal.ARCHIVE_UNREADABLE]  # what the standard library's parser raises at hostile bytes
    return [each if isinstance(each, Refusal) else prepare_found(each, settings) for each in found]


def _attached(part: Message) -> Attached:
    payload = part.get_payload(decode=False)
    size_bytes = len(payload) if isinstance(payload, str) else 0
    return Attached(_filename(part), part.get_content_type(), size_bytes, partial(_decoded, part))


def _filename(part: Message) -> str:
    try:
        return part.get_filename("")
    except (LookupError, ValueError):  # an unknown character set in a name that is then not IHE_XDM.zip
        return ""


def _decoded(part: Message) -> bytes:
    data: Any = part.get_payload(decode=True)
    return data if isinstance(data, bytes) else b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Taking:
    """With what messages are taken in; PRESUME_CARE as in `FilingCase`."""

    filer: Filer
    settings: BridgeSettings
    presume_care: bool


def take_in(tx: Transaction, folder: Folder, arrived: Arrived, taking: Taking, now: datetime) -> str:
    """File the documents of one message and remember it; does nothing when it was taken in before.

    Returns:
        `OK` when every document was filed, `-` when it carries none, else the first reason why not.
    """
    known = known_outcome(tx, folder, arrived.fingerprint)
    reasons = [] if known is not None else _file(tx, arrived, taking, now)
    outcome = known or next((each for each in reasons if each != "OK"), "OK" if reasons else NOTHING)
    row = {
        "watch": folder.watch,
        "uid_validity": folder.validity,
        "uid": arrived.uid,
        "fingerprint": arrived.fingerprint,
        "outcome": outcome,
        "flagged": False,
        "taken_at": now,
    }
    insert_ignoring(tx, table, row)
    return outcome


def _file(tx: Transaction, arrived: Arrived, taking: Taking, now: datetime) -> list[str]:
    reasons: list[str] = []
    for each in arrived.prepared:
        if isinstance(each, Refusal):
            reasons.append(_refuse(tx, arrived, each, now))
        else:
            reasons += [_file_one(tx, arrived, document, taking, now) for document in each]
    return reasons


def _file_one(tx: Transaction, arrived: Arrived, document: PreparedDocument, taking: Taking, now: datetime) -> str:
    profile = _patient(tx, document, taking.settings)
    if profile is None:
        return _refuse(tx, arrived, Reason.D_PROFIL_INEXISTANT, now)
    case = FilingCase(
        profile=profile,
        sender=remote_sender(arrived.sender),
        now=now,
        message_id_header=arrived.message_id,
        presume_care=taking.presume_care,
    )
    return taking.filer.file(tx, case, document).reason


def _patient(tx: Transaction, document: PreparedDocument, settings: BridgeSettings) -> Profile | None:
    """Find whose document it is, by its metadata (MSS2:ECO.2.1.2)."""
    patient = document.entry.patient_id
    if patient is None or patient.oid not in settings.ins_authorities:
        return None
    try:
        return profile_by_ins(tx, INS.parse(patient.value, strict=False))
    except InvalidIdentifier:
        return None


def _refuse(tx: Transaction, arrived: Arrived, reason: str, now: datetime) -> str:
    """Trace what is refused before it is known whose it is."""
    record(
        tx,
        TraceEntry(
            at=now,
            act=Act.FILE_DOCUMENT,
            verdict=Verdict.DENY,
            reason=reason,
            subject_kind="pro",
            subject_label=arrived.sender,
            resource_kind="archive",
            message_id_header=arrived.message_id,
        ),
    )
    return reason
