"""One client's session: who she is, what she selected, what is to be sent to her.

Handlers read and write the store only through `read` and `write`, one unit of work at a time, and send only
through `send` and `flush`.
"""

from collections.abc import Awaitable, Callable, Collection, Coroutine
from typing import Protocol, TypeVar

from access_core.accounts import Account
from access_core.authentication.channel import Channel, Use
from access_core.professionals import mailboxes_of
from mailstore.imap.known_entries import KnownEntries
from mailstore.imap.known_ready import KnownReady
from mailstore.imap.known_uids import KnownUids
from mailstore.imap.outcome import Outcome
from mailstore.imap.parts import ImapParts
from mailstore.imap.protocol.connection import AppendChunk, AppendEnded, AppendFollows, BareLine, ServerConnection
from mailstore.imap.protocol.responses import mailbox
from mailstore.imap.protocol.session import Step
from mailstore.imap.view import View
from mailstore.imap.watch import Watch
from mailstore.model import Changes
from vaguemestre.kernel.database import Transaction

T = TypeVar("T")
Reaction = Outcome | None
"""The end of a command, or None when it waits for more from the client."""
Continued = AppendFollows | AppendChunk | AppendEnded | BareLine
"""What may go on with a command that waits for more from the client."""
Continuation = Callable[[Continued], Reaction | Awaitable[Reaction]]


class Wire(Protocol):
    """What a session asks of its connection."""

    def write(self, data: bytes) -> None:
        """Send, without waiting."""

    async def drained(self) -> None:
        """Wait until a slow reader has taken most of what was sent."""

    def on_mailbox_change(self) -> None:
        """Hear that the selected mailbox changed."""

    def on_news(self) -> None:
        """Hear that something changed that the session watches."""

    def seconds(self) -> float:
        """Return the loop's clock."""

    def close_saying(self, text: str, code: bytes = b"") -> None:
        """Say BYE and close once that is sent."""

    def client_certificate(self) -> bytes | None:
        """Return the certificate (DER) that the client showed and TLS verified, None when it showed none."""


class House(Protocol):
    """What a session shares with the others of its server: collaborators, a memory of folders, the door."""

    parts: ImapParts
    known_uids: KnownUids
    known_entries: KnownEntries
    known_ready: KnownReady

    def admit(self, account_id: str) -> bool:
        """Count one more session, unless there are too many."""

    def release(self, account_id: str) -> None:
        """Count one less."""


class Session:
    """What the handlers of commands work on."""

    __slots__ = (
        "_output",
        "_stop_listening",
        "abandon",
        "account",
        "changed_meanwhile",
        "continuation",
        "core",
        "enabled",
        "end_point",
        "house",
        "idling",
        "known_uids",
        "mailbox_id",
        "parts",
        "peer",
        "refused_sign_ins",
        "secure",
        "tag",
        "view",
        "wakes",
        "watch",
        "wire",
    )

    def __init__(self, house: House, wire: Wire, core: ServerConnection) -> None:
        self.parts = house.parts
        self.known_uids = house.known_uids
        self.house = house
        self.wire = wire
        self.core = core
        self.peer = ""
        self.tag = b""
        self.secure = False
        self.end_point: bytes | None = None
        self.account: Account | None = None
        self.enabled: frozenset[str] = frozenset()
        self.mailbox_id = ""
        self.view: View | None = None
        self.watch: Watch | None = None
        self.continuation: Continuation | None = None
        self.abandon: Callable[[], Coroutine[None, None, None]] | None = None
        self.changed_meanwhile = False
        self.wakes = 0
        self.idling = False
        self.refused_sign_ins = 0
        self._output: list[bytes] = []
        self._stop_listening: Callable[[], None] | None = None

    @property
    def account_id(self) -> str:
        """The account's id, empty before signing in."""
        return self.account.id if self.account is not None else ""

    @property
    def channel(self) -> Channel:
        """What a sign-in may rest on, inside TLS."""
        certificate = self.wire.client_certificate()
        return Channel(peer=self.peer, use=Use.IMAP, certificate=certificate, end_point=self.end_point)

    def begin_tls(self) -> None:
        """Note that the session is inside TLS, and with which certificate of ours."""
        self.secure = True
        self.end_point = self.parts.end_point()

    def viewer_of(self, mailbox_id: str) -> str:
        """Return the account's id where it has a Seen flag of its own: in a shared mailbox, if the settings say so."""
        own = mailbox_id == self.mailbox_id or self.parts.settings.shared_seen == "common"
        return "" if own else self.account_id

    @property
    def selected(self) -> View:
        """The view of the selected folder; the state table admits no command that needs it without."""
        assert self.view is not None
        return self.view

    async def read(self, work: Callable[[Transaction], T], *, brief: bool = False) -> T:
        """Run a unit of work that only reads; BRIEF as `Database.read` says."""
        return await self.parts.database.read(work, brief=brief)

    async def write(self, work: Callable[[Transaction], T], *, brief: bool = False) -> T:
        """Run a unit of work; it is durable when this returns, unless BRIEF, as `Database.write` says."""
        return await self.parts.database.write(work, brief=brief)

    def send(self, *data: bytes) -> None:
        """Add to what is sent with the end of the command, or at the next `flush`."""
        self._output += data

    def take_output(self) -> bytes:
        """Return what is waiting to be sent, and forget it."""
        if not self._output:
            return b""
        data = self._output[0] if len(self._output) == 1 else b"".join(self._output)
        self._output = []
        return data

    async def flush(self) -> None:
        """Send what is waiting; returns when the reader is not too far behind."""
        data = self.take_output()
        if data:
            self.wire.write(data)
        await self.wire.drained()

    def sign_in(self, account: Account) -> None:
        """Begin the authenticated state."""
        self.account = account
        self.mailbox_id = self.parts.mailbox_of(account)
        self.core.advance(Step.AUTHENTICATED)

    def enable(self, *names: str) -> None:
        """Begin extensions that ENABLE names; QRESYNC begins CONDSTORE too (RFC 7162 §3.2.3)."""
        self.enabled = self.enabled.union(names, ("CONDSTORE",) if "QRESYNC" in names else ())
        self.core.utf8 = self.utf8
        if self.view is not None:
            self.view.enabled = self.enabled

    @property
    def utf8(self) -> bool:
        """Whether names are written in UTF-8 to this client."""
        return not self.enabled.isdisjoint(("UTF8=ACCEPT", "IMAP4REV2"))

    def mailbox_name(self, name: str) -> bytes:
        """Write a mailbox name as this client reads it."""
        return mailbox(name, utf8=self.utf8)

    def listen(self, mailbox_id: str) -> None:
        """Hear of every change of a mailbox from now on."""
        self.changed_meanwhile = False
        if self._stop_listening is None:
            topic = f"mailbox:{mailbox_id}"
            self._stop_listening = self.parts.bus.subscribe(topic, self.wire.on_mailbox_change)

    def select(self, view: View) -> None:
        """Begin the selected state; what changed while the folder was being opened is told next."""
        self.view = view
        view.enabled = self.enabled
        view.dirty = self.changed_meanwhile
        self.core.advance(Step.SELECTED)

    def deselect(self) -> None:
        """Leave the selected folder, when there is one."""
        self.view = None
        self.core.advance(Step.DESELECTED)
        self._stop()

    def set_watch(self, watch: Watch | None) -> None:
        """Watch something else from now on."""
        if self.watch is not None:
            self.watch.stop()
        self.watch = watch

    @property
    def owes_messages(self) -> bool:
        """Whether messages are new that the client wants to be sent something of (RFC 5465 §5.2)."""
        group = self.watch.of_selected if self.watch is not None else None
        if group is None or self.view is None or not (group.attributes or group.contents):
            return False
        return self.view.fetched_to < self.view.uidnext

    def has_push(self, *, free: bool) -> bool:
        """Say whether there is something to tell at once; FREE when no command is under way, in which IDLE counts."""
        view, watch = self.view, self.watch
        dirty = view is not None and view.dirty
        if self.idling:
            return dirty or (watch is not None and watch.dirty)
        if not free or watch is None or not watch.notifies:
            return False
        return watch.dirty or (dirty and watch.of_selected is not None)

    def end_command(self) -> None:
        """Leave what a command was doing; removals that it held back are told now where they may be at any time."""
        self.continuation = None
        self.idling = False
        view, watch = self.view, self.watch
        if view is not None and view.holds_expunges and watch is not None and watch.expunges_at_once:
            view.dirty = True

    def recheck(self, before: float) -> None:
        """Look again at what nobody looked at since BEFORE, in case a wake-up was lost."""
        view, watch = self.view, self.watch
        pushes = self.idling or (watch is not None and watch.of_selected is not None)
        if view is not None and view.checked_at < before and pushes:
            self.wire.on_mailbox_change()
        if watch is not None and watch.looks_beyond and watch.checked_at < before:
            watch.rouse()

    def end(self) -> None:
        """Give back what the session holds outside itself."""
        self.view = None
        self.set_watch(None)
        self._stop()
        if self.account is not None:
            self.house.release(self.account.id)
            self.account = None

    def abandoned(self) -> Coroutine[None, None, None] | None:
        """Return what gives back the resources of a command that will not end, None when it holds none."""
        abandon, self.abandon = self.abandon, None
        return abandon() if abandon is not None else None

    def _stop(self) -> None:
        if self._stop_listening is not None:
            self._stop_listening()
            self._stop_listening = None

    async def refresh(self, *, may_expunge: bool, quiet: Collection[int] = ()) -> None:
        """Look at the selected folder again and send what changed.

        After a change of its own a session calls this too: the bus has told it by then, so that it looks once.

        Args:
            may_expunge: whether EXPUNGE responses may be sent now.
            quiet: UIDs whose flags the client knows already.
        """
        view = self.selected
        view.dirty = False
        now = self.wire.seconds()
        changes = await self.read(lambda tx: self._look(tx, view), brief=True)
        view.checked_at = now
        if changes is None:
            self.wire.close_saying("Cette boite aux lettres n'est plus partagee avec vous.", b"UNAVAILABLE")
            return
        self.house.known_ready.forget(view.folder_id, changes.expunged)
        self.send(*view.apply(changes, may_expunge=may_expunge, quiet=quiet))

    def _look(self, tx: Transaction, view: View) -> Changes | None:
        """Return what changed in the selected folder, None when the account may not see it any more."""
        if view.shared and view.mailbox_id not in mailboxes_of(tx, self.account_id).values():
            return None
        return self.parts.store.changes(tx, view.folder_id, view.modseq, viewer=view.viewer)
