"""A mailbox of the kind APP at another operator, as its own users fill it: by IMAP, on a real server."""

import contextlib
import imaplib
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import make_msgid
from pathlib import Path

from vaguemestre.app.demo.fictional_documents import fictional_archive, fictional_cda


@dataclass(frozen=True)
class WatchedMailbox:
    """Where it is, and who may open it."""

    port: int
    authority: Path
    login: str
    password: str

    @contextlib.contextmanager
    def opened(self) -> Iterator[imaplib.IMAP4_SSL]:
        """Sign in."""
        context = ssl.create_default_context(cafile=str(self.authority))
        with imaplib.IMAP4_SSL("localhost", self.port, ssl_context=context, timeout=60) as client:
            client.login(self.login, self.password)
            yield client

    def create(self, folder: str) -> None:
        """Make a folder, anew when it is there: its UIDVALIDITY is then another."""
        with self.opened() as client:
            client.delete(folder)
            assert client.create(folder)[0] == "OK"

    def put(self, folder: str, *messages: bytes) -> None:
        """Let messages arrive."""
        with self.opened() as client:
            for each in messages:
                assert client.append(folder, "", "", each)[0] == "OK"  # type: ignore[arg-type]

    def flags(self, folder: str) -> list[bytes]:
        """The flags of each message, in order."""
        with self.opened() as client:
            client.select(folder, readonly=True)
            _, answer = client.fetch("1:*", "(FLAGS)")
            return [each for each in answer if isinstance(each, bytes)]


def message(*documents: bytes) -> bytes:
    """A mail with an IHE_XDM.zip of the documents, one fresh document unless some are given."""
    return message_with(fictional_archive(*(documents or (fictional_cda(),))))


def message_with(archive: bytes, name: str = "IHE_XDM.zip") -> bytes:
    """A mail with a zip."""
    written = EmailMessage()
    written["From"] = "Dr Ailleurs <dr.ailleurs@autre.mssante.fr>"
    written["To"] = "integration@ch.mssante.fr"
    written["Subject"] = "XDM/1.0/DDM+Compte rendu"
    written["Message-ID"] = make_msgid(domain="autre.mssante.fr")
    written.set_content("Bonjour")
    written.add_attachment(archive, maintype="application", subtype="zip", filename=name)
    return written.as_bytes()


def plain_message() -> bytes:
    """A mail without a document."""
    written = EmailMessage()
    written["From"], written["To"], written["Message-ID"] = "a@autre.mssante.fr", "b@ch.mssante.fr", make_msgid()
    written.set_content("Bonjour")
    return written.as_bytes()
