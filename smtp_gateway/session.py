"""What a listener knows of a connection and of the message under way, and what it asks of its role.

`esmtp.py` speaks SMTP; a role (`mx.py`, `submission.py`) answers its steps. The values here pass between them.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from ssl import SSLContext
from typing import TYPE_CHECKING, Protocol

from access_core.accounts import Account
from access_core.authentication.exchange import Exchange
from smtp_gateway.arrival import Recipient
from smtp_gateway.commands import RecipientWishes
from smtp_gateway.config import SmtpSettings
from smtp_gateway.data_stream import ChunkDecoder
from smtp_gateway.queue.model import QueuedRecipient, ReportRequest
from smtp_gateway.replies import Refusal, Reply, refuse
from smtp_gateway.trust.subjects import Subject

if TYPE_CHECKING:
    from smtp_gateway.connection import SmtpConnection


class PeerSession:
    """One connection."""

    def __init__(self) -> None:
        self.host_name: str | None = None
        """As the peer calls itself, None before EHLO."""
        self.extended_smtp = False
        self.peer_host = ""
        """Network address of the peer."""
        self.tls = False
        self.certificate: bytes | None = None
        """The verified client certificate in DER."""
        self.end_point: bytes | None = None
        """Hash of the certificate that we showed (RFC 5929 §4.1), None when it has none."""
        self.subject: Subject | None = None
        self.domains: frozenset[str] = frozenset()
        """Domains that the peer's subject speaks for (MX)."""
        self.account: Account | None = None
        self.mailboxes: dict[str, str] = {}
        """Address -> mailbox id that the account may write as (submission)."""
        self.names: dict[str, str] = {}
        """Display names of these addresses, as far as they were asked for."""
        self.trusted = False
        """The peer proved who it is: listed certificate or account."""
        self.errors = 0
        self.mails = 0
        """MAIL commands so far."""


class MailEnvelope:
    """One message under way."""

    def __init__(self) -> None:
        self.sender: str | None = None
        """Reverse path as given, "" for the null one, None before MAIL."""
        self.recipients: list[Recipient] = []
        self.queued: list[QueuedRecipient] = []
        """Recipients elsewhere, and those here whose delivery is to be reported."""
        self.rcpts = 0
        """RCPT commands accepted so far, repeated recipients included (RFC 9422 §4.2)."""
        self.domains: set[str] = set()
        """Domains of these recipients."""
        self.report = ReportRequest()
        self.declared_bytes = 0
        """SIZE of MAIL (RFC 1870), 0 when it was not given."""
        self.require_tls = False
        """MAIL asked that no hop takes the message that does not know REQUIRETLS (RFC 8689)."""
        self.wishes = RecipientWishes()
        """What the RCPT under way asks of reports."""
        self.smtp_utf8 = False
        """SMTPUTF8 was declared with MAIL (RFC 6531)."""
        self.refused: Reply | None = None
        """The last refusal of a recipient, for DATA without any."""
        self.intake: Intake | None = None
        """Where the content that came so far went."""
        self.chunks: ChunkDecoder | None = None
        """Given once a first chunk came: the message travels by BDAT."""

    @property
    def protocol(self) -> str:
        """How the message came, for Received (RFC 3848, RFC 6531 §4.3), without the letters for TLS and AUTH."""
        return "UTF8SMTP" if self.smtp_utf8 else "ESMTP"

    def report_here(self, address: str) -> None:
        """Note that the delivery to a mailbox of ours is to be reported, when the RCPT under way asks for it."""
        wishes = self.wishes
        if wishes.success:
            here = QueuedRecipient(address=address, destination="", notify=wishes.notify, orcpt=wishes.orcpt)
            self.queued.append(here)


class Intake(Protocol):
    """Where the content of one message goes."""

    async def write(self, chunk: bytes) -> None:
        """Take the next bytes of the content.

        Raises:
            TemporaryFailure: they cannot be kept (disk full).
        """

    async def finish(self) -> Reply:
        """Decide and accept the whole; whatever is not accepted is discarded."""

    async def discard(self) -> None:
        """Forget what was written."""


class Steps(Protocol):
    """What a role answers at each step of a dialogue."""

    client_certificate: bool
    """Whether the role trusts certificates (MX) rather than accounts (submission)."""

    async def hello(self, session: PeerSession) -> Reply | None:
        """Look at a peer that presents itself; a refusal ends the connection."""

    def mechanisms(self, session: PeerSession) -> tuple[str, ...]:
        """Name the SASL mechanisms that a peer inside TLS is offered."""

    def begin_sign_in(self, session: PeerSession, mechanism: str) -> Exchange | None:
        """Begin a SASL exchange; None when this mechanism is not offered."""

    async def admit(self, session: PeerSession, account: Account) -> Reply:
        """Open the session to an account that proved who it is."""

    async def mail(self, session: PeerSession, sender: str) -> Reply:
        """Answer MAIL."""

    async def recipient(self, session: PeerSession, envelope: MailEnvelope, address: str) -> Reply:
        """Answer RCPT; a recipient that is accepted joins the envelope."""

    def receive(self, session: PeerSession, envelope: MailEnvelope) -> Intake:
        """Begin to take the content of a message whose envelope is complete."""


@dataclass(slots=True)
class Door:
    """What the connections of one listener share."""

    steps: Steps
    settings: SmtpSettings
    tls_context: SSLContext | None
    implicit_tls: bool = False
    end_point: Callable[[], bytes | None] = lambda: None
    """Hash of our certificate in force, to which SCRAM is bound."""
    draining: bool = False
    connections: "set[SmtpConnection]" = field(default_factory=set)
    per_address: Counter[str] = field(default_factory=Counter)

    def admit(self, connection: "SmtpConnection", host: str) -> Reply | None:
        """Count a connection in; a refusal says why it is one too many (it is counted all the same)."""
        self.connections.add(connection)
        self.per_address[host] += 1
        if self.draining:
            return refuse(Refusal.CLOSING)
        crowded = len(self.connections) > self.settings.max_connections
        if crowded or self.per_address[host] > self.settings.max_connections_per_address:
            return refuse(Refusal.TOO_MANY_CONNECTIONS)
        return None

    def leave(self, connection: "SmtpConnection", host: str) -> None:
        """Count a connection out."""
        if connection in self.connections:
            self.connections.discard(connection)
            self.per_address[host] -= 1
            if self.per_address[host] <= 0:
                del self.per_address[host]
