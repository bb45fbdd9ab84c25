"""Dr Martin's mail program: submission with smtplib, reading with aioimaplib."""

import smtplib
import ssl
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default
from email.utils import formatdate, make_msgid

import aioimaplib

from vaguemestre.app.demo.people import DOMAIN, Doctor

TIMEOUT_S = 30
WAKE_S = 30


def compose(sender: Doctor, recipient: str, subject: str, text: str) -> EmailMessage:
    """Build a message as an ordinary mail program does."""
    message = EmailMessage()
    message["From"] = f"{sender.name} <{sender.address}>"
    message["To"] = recipient
    message["Subject"] = subject
    message["Date"] = formatdate()
    message["Message-ID"] = make_msgid(domain=DOMAIN)
    message.set_content(text)
    return message


def submit(port: int, tls: ssl.SSLContext, sender: Doctor, message: EmailMessage) -> str:
    """Submit with STARTTLS and AUTH; returns the server's last answer as `CODE text`."""
    with smtplib.SMTP("localhost", port, timeout=TIMEOUT_S) as client:
        client.starttls(context=tls)
        client.login(sender.address, sender.password)
        try:
            client.send_message(message)
        except smtplib.SMTPResponseException as refused:
            return f"{refused.smtp_code} {_text(refused.smtp_error)}"
        except smtplib.SMTPRecipientsRefused as refused:
            code, text = next(iter(refused.recipients.values()))
            return f"{code} {_text(text)}"
    return "250"


def knock_at_mx(port: int, tls: ssl.SSLContext, message: EmailMessage) -> str:
    """Try to hand a message over as another operator; returns the answer that ended the attempt."""
    sender, recipient = str(message["From"]), str(message["To"])
    try:
        with smtplib.SMTP("localhost", port, timeout=TIMEOUT_S) as client:
            client.starttls(context=tls)
            code, text = client.ehlo()
            for line in (f"MAIL FROM:<{sender}>", f"RCPT TO:<{recipient}>"):
                if code >= 400:
                    break
                code, text = client.docmd(line)
            return f"{code} {_text(text)}"
    except smtplib.SMTPServerDisconnected as closed:
        return f"closed: {closed}"


class Reader:
    """An IMAP session that waits in IDLE."""

    def __init__(self, port: int, tls: ssl.SSLContext, owner: Doctor) -> None:
        self._client = aioimaplib.IMAP4_SSL("localhost", port, ssl_context=tls, timeout=TIMEOUT_S)
        self._owner = owner

    async def open(self) -> int:
        """Log in, select INBOX and return how many messages it holds."""
        await self._client.wait_hello_from_server()
        await self._client.login(self._owner.address, self._owner.password)
        answer = await self._client.select("INBOX")
        return next(int(line.split()[0]) for line in answer.lines if line.endswith(b" EXISTS"))

    async def wait(self) -> int:
        """Stay in IDLE until a message arrives; returns the new number of messages.

        Raises:
            TimeoutError: nothing came within WAKE_S.
        """
        idle = await self._client.idle_start(timeout=WAKE_S)
        found = 0
        while not found:
            pushed = await self._client.wait_server_push(timeout=WAKE_S)
            found = max((int(line.split()[0]) for line in pushed if line.endswith(b" EXISTS")), default=0)
        self._client.idle_done()
        await idle
        return found

    async def fetch(self, number: int) -> EmailMessage:
        """Fetch one whole message."""
        answer = await self._client.fetch(str(number), "(BODY.PEEK[])")
        message = BytesParser(policy=default).parsebytes(bytes(answer.lines[1]))
        assert isinstance(message, EmailMessage)
        return message

    async def close(self) -> None:
        """Log out."""
        await self._client.logout()


def _text(reply: bytes | str) -> str:
    return reply.decode(errors="replace") if isinstance(reply, bytes) else reply
