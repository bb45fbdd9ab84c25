"""The SMTP server: what answers each SMTP command, on a connection of `connection.py`; content comes by `receiving.py`.

Nothing is decided here: syntax and order are checked, the role's steps answer the rest, and every reply comes from
`replies.py` with an enhanced code.
"""

from access_core.accounts import Account
from access_core.authentication.exchange import Exchange
from smtp_gateway import replies
from smtp_gateway.commands import (
    Path,
    is_host_name,
    is_mailbox,
    parse_path,
    read_report_request,
    read_wishes,
)
from smtp_gateway.receiving import MessageReceiver
from smtp_gateway.replies import Refusal, Reply, refuse
from smtp_gateway.rules.peer_domain import domain_of
from smtp_gateway.rules.recipient import read_role
from smtp_gateway.rules.size import check_declared_size
from smtp_gateway.sign_in import challenge_line, take


class EsmtpProtocol(MessageReceiver):
    """The commands of one connection."""

    async def smtp_helo(self, arg: str) -> None:
        """Greet without extensions."""
        if await self._greet(arg, extended=False):
            self._reply(Reply(f"250 {self._settings.hostname}\r\n".encode("ascii")))

    async def smtp_ehlo(self, arg: str) -> None:
        """Greet and say what is offered."""
        if await self._greet(arg, extended=True):
            lines = [self._settings.hostname, *self._extensions()]
            text = "".join(f"250-{line}\r\n" for line in lines[:-1]) + f"250 {lines[-1]}\r\n"
            self._reply(Reply(text.encode("ascii")))

    async def _greet(self, name: str, *, extended: bool) -> bool:
        name = name.strip()
        # A computer may be called anything; an operator's name is written into Received.
        if not is_host_name(name) and (self._steps.client_certificate or not name.isprintable() or not name):
            self._reply(refuse(Refusal.SYNTAX))
            return False
        await self._forget()
        refusal = await self._steps.hello(self._peer) if self._peer.tls else None
        if refusal is not None:
            self._reply(refusal)
            self._ending = True
            return False
        self._peer.host_name = name
        self._peer.extended_smtp = extended
        return True

    def _extensions(self) -> list[str]:
        offered = ["PIPELINING", f"SIZE {self._settings.max_message_bytes}", "8BITMIME", "ENHANCEDSTATUSCODES"]
        offered.append(self._limits())
        if self._settings.smtputf8:
            offered.append("SMTPUTF8")
        offered.append("DSN")
        if not self._peer.tls:
            return [*offered, "STARTTLS"]
        offered += ["CHUNKING", "REQUIRETLS"]
        mechanisms = self._steps.mechanisms(self._peer)
        if mechanisms and self._peer.account is None:
            offered.append(" ".join(("AUTH", *mechanisms)))
        return offered

    def _limits(self) -> str:
        """Say the limits that hold (RFC 9422 §4)."""
        settings = self._settings
        domains = f" RCPTDOMAINMAX={settings.max_recipient_domains}" if settings.max_recipient_domains else ""
        return f"LIMITS MAILMAX={settings.max_mails} RCPTMAX={settings.max_recipients}{domains}"

    async def smtp_starttls(self, arg: str) -> None:
        """Go on inside TLS."""
        context = self._door.tls_context
        if arg:
            self._reply(refuse(Refusal.SYNTAX))
        elif self._peer.tls:
            self._reply(refuse(Refusal.SEQUENCE))
        elif context is None or self.transport is None:
            self._reply(refuse(Refusal.TLS_UNAVAILABLE))
        else:
            self._reply(replies.READY_FOR_TLS)
            await self._flush()
            await self._start_tls(context)

    async def smtp_auth(self, arg: str) -> None:
        """Identify the account by one of the SASL mechanisms offered (RFC 4954)."""
        words = arg.split()
        if not self._steps.mechanisms(self._peer):
            self._reply(refuse(Refusal.UNKNOWN_COMMAND))
        elif not self._peer.extended_smtp or self._peer.account is not None or self._mail.sender is not None:
            self._reply(refuse(Refusal.SEQUENCE))
        elif not words or len(words) > 2:
            self._reply(refuse(Refusal.SYNTAX))
        elif (exchange := self._steps.begin_sign_in(self._peer, words[0])) is None:
            self._reply(refuse(Refusal.AUTH_MECHANISM))
        else:
            await self._sign_in(exchange, words[1] if len(words) == 2 else None)

    async def _sign_in(self, exchange: Exchange, initial: str | None) -> None:
        """Go on until the exchange ends, the client gives it up, or the connection is lost."""
        line = initial if initial is not None else await self._challenge(challenge_line(exchange.start()))
        while line is not None:
            outcome = await take(exchange, line)
            if isinstance(outcome, Account):
                self._reply(await self._steps.admit(self._peer, outcome))
                return
            if isinstance(outcome, Refusal):
                self._reply(refuse(outcome))
                return
            line = await self._challenge(challenge_line(outcome))

    async def _challenge(self, line: bytes) -> str | None:
        self._replies.append(line)
        response = await self._read_line()
        if response == "*":
            self._reply(refuse(Refusal.AUTH_ABORTED))
            return None
        return response

    async def smtp_mail(self, arg: str | None) -> None:
        """Begin a message."""
        self._peer.mails += 1
        refusal = self._not_ready()
        if refusal is None:
            path = parse_path("FROM:", arg or "")
            refusal = self._bad_parameters(path)
            if refusal is None and path.mailbox and not is_mailbox(path.mailbox):
                refusal = Refusal.ADDRESS
        if refusal is not None:
            self._reply(refuse(refusal))
            return
        reply = await self._steps.mail(self._peer, path.mailbox)
        if reply.accepted:
            self._mail.sender = path.mailbox
            self._mail.report = read_report_request(path.parameters)
            self._mail.declared_bytes = int(path.parameters.get("SIZE") or 0)
            self._mail.smtp_utf8 = "SMTPUTF8" in path.parameters
            self._mail.require_tls = "REQUIRETLS" in path.parameters
        self._reply(reply)

    def _not_ready(self) -> Refusal | None:
        if self._peer.host_name is None or self._mail.sender is not None:
            return Refusal.SEQUENCE
        if not self._peer.trusted and not self._steps.client_certificate:
            return Refusal.AUTH_REQUIRED  # an operator that is not listed gets its answer at RCPT
        if self._peer.mails > self._settings.max_mails:
            return Refusal.TOO_MANY_MAILS
        return None

    def _bad_parameters(self, path: Path) -> Refusal | None:
        parameters = dict(path.parameters)
        size = parameters.pop("SIZE", "0")
        body = parameters.pop("BODY", "7BIT")
        utf8 = self._settings.smtputf8 and "SMTPUTF8" in parameters
        for name in ("REQUIRETLS", "SMTPUTF8") if self._settings.smtputf8 else ("REQUIRETLS",):
            if parameters.pop(name, None) is not None:
                return Refusal.SYNTAX  # neither takes a value
        if not self._steps.client_certificate:
            parameters.pop("AUTH", None)  # RFC 4954 §5: taken and not believed
        read_report_request(parameters)
        for name in ("RET", "ENVID"):
            parameters.pop(name, None)
        if parameters:
            return Refusal.PARAMETER
        if (body or "").upper() not in ("7BIT", "8BITMIME"):
            return Refusal.SYNTAX
        if not utf8 and not path.mailbox.isascii():
            return Refusal.NOT_ASCII
        return check_declared_size(size, self._settings.max_message_bytes)

    async def smtp_rcpt(self, arg: str | None) -> None:
        """Add a recipient."""
        envelope = self._mail
        if envelope.sender is None or envelope.chunks is not None:
            self._reply(refuse(Refusal.SEQUENCE))
            return
        path = parse_path("TO:", arg or "")
        address = read_role(path.mailbox, self._settings)
        envelope.wishes = read_wishes(path.parameters)
        if set(path.parameters) - {"NOTIFY", "ORCPT"}:
            reply = refuse(Refusal.PARAMETER)
        elif not address.isascii() and not envelope.smtp_utf8:
            reply = refuse(Refusal.NOT_ASCII)
        elif not is_mailbox(address):
            reply = refuse(Refusal.ADDRESS)
        elif self._is_one_too_many(address):
            reply = refuse(Refusal.TOO_MANY_RECIPIENTS)
        else:
            reply = await self._steps.recipient(self._peer, envelope, address)
        if reply.accepted:
            envelope.rcpts += 1
            envelope.domains.add(domain_of(address))
        else:
            envelope.refused = reply
        self._reply(reply)

    def _is_one_too_many(self, address: str) -> bool:
        """Tell whether a recipient is beyond what LIMITS announced: commands count, repeated addresses too."""
        envelope, most_domains = self._mail, self._settings.max_recipient_domains
        if envelope.rcpts >= self._settings.max_recipients:
            return True
        return bool(most_domains) and len(envelope.domains | {domain_of(address)}) > most_domains

    async def smtp_rset(self, arg: str) -> None:
        """Forget the message under way."""
        if not arg:
            await self._forget()
        self._reply(refuse(Refusal.SYNTAX) if arg else replies.OK)

    async def smtp_noop(self, arg: str) -> None:
        """Do nothing."""
        self._reply(replies.OK)

    async def smtp_quit(self, arg: str) -> None:
        """End the session."""
        self._reply(refuse(Refusal.SYNTAX) if arg else replies.BYE)
        self._ending = not arg

    async def smtp_vrfy(self, arg: str) -> None:
        """Tell nothing about addresses."""
        self._reply(replies.CANNOT_VERIFY)

    async def smtp_expn(self, arg: str) -> None:
        """Tell nothing about lists."""
        self._reply(refuse(Refusal.NOT_OFFERED))

    async def smtp_help(self, arg: str) -> None:
        """Point at the norm."""
        self._reply(replies.HELP)
