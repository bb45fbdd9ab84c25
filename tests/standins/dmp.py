"""A record elsewhere: an HTTPS server with mutual TLS that answers as a good record does, or misbehaves as told.

The good answers come from the XDS.b services of another Vaguemestre; TD0.2 is answered here, from the national
sample. Misbehaviours are functions of a request and of the way back to the client.
"""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

from lxml import etree

from dmp_bridge.services.endpoint import XdsEndpoint
from tests.fictional.structure_keys import RsaPair

ENV = "http://www.w3.org/2003/05/soap-envelope"
WSA = "http://www.w3.org/2005/08/addressing"
HL7 = "urn:hl7-org:v3"


@dataclass(frozen=True)
class Asked:
    """One request, and the certificate that came with it."""

    service: str
    content_type: str
    body: bytes = field(repr=False)
    certificate: bytes = field(default=b"", repr=False)

    @property
    def action(self) -> str:
        """Its WS-Addressing action."""
        return self.header("Action")

    def header(self, name: str) -> str:
        """One WS-Addressing header."""
        start = self.body.index(b"<env:Envelope")
        end = self.body.index(b"</env:Envelope>") + len(b"</env:Envelope>")
        return etree.fromstring(self.body[start:end]).findtext(f".//{{{WSA}}}{name}") or ""


Behaviour = Callable[["DmpServer", Asked, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class DmpServer:
    """The server; BEHAVIOUR may change between two requests, and ASKED keeps what came."""

    endpoint: XdsEndpoint | None = None
    behaviour: Behaviour | None = None
    states: dict[str, tuple[str, str]] = field(default_factory=dict)
    """By INS: state of the record and authorisation; a patient who is not there has no record."""
    asked: list[Asked] = field(default_factory=list)
    url: str = ""
    _connections: set[asyncio.Task[None]] = field(default_factory=set)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection until it ends."""
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
                while (asked := await _read(reader, writer)) is not None:
                    self.asked.append(asked)
                    await (self.behaviour or well)(self, asked, writer)
        finally:
            self._connections.discard(task)
            writer.close()

    def hang_up(self) -> None:
        """Cut every connection."""
        for each in self._connections:
            each.cancel()

    def count(self, service: str) -> int:
        """How many requests one service got."""
        return sum(each.service == service for each in self.asked)


@contextlib.asynccontextmanager
async def start_dmp(pair: RsaPair, authority: bytes, folder: Path, **facts: object) -> AsyncIterator[DmpServer]:
    """Serve on a free port of the loopback interface, with a certificate for `localhost`; clients must show theirs."""
    certificate, key = pair.write(folder, "dmp-server")
    (folder / "dmp-clients.pem").write_bytes(authority)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    context.load_verify_locations(folder / "dmp-clients.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    dmp = DmpServer(**facts)  # type: ignore[arg-type]
    server = await asyncio.start_server(dmp.serve, "127.0.0.1", 0, ssl=context, limit=1 << 26)
    dmp.url = f"https://localhost:{server.sockets[0].getsockname()[1]}/services"
    try:
        yield dmp
    finally:
        server.close()
        dmp.hang_up()
        await server.wait_closed()


async def _read(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Asked | None:
    line = await reader.readline()
    if not line:
        return None
    headers = {}
    while (header := await reader.readline()).strip():
        name, _, value = header.decode("latin-1").partition(":")
        headers[name.lower()] = value.strip()
    body = await reader.readexactly(int(headers["content-length"]))
    certificate = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    return Asked(line.split()[1].decode().rpartition("/")[2], headers["content-type"], body, certificate)


async def send(writer: asyncio.StreamWriter, status: int, content_type: str, body: bytes) -> None:
    """Send a whole answer."""
    head = f"HTTP/1.1 {status} Said\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n"
    writer.write(head.encode() + body)
    await writer.drain()


async def well(dmp: DmpServer, asked: Asked, writer: asyncio.StreamWriter) -> None:
    """Answer as a good record does."""
    await send(writer, *await good_answer(dmp, asked))


async def good_answer(dmp: DmpServer, asked: Asked) -> tuple[int, str, bytes]:
    """Return status, media type and bytes of a good answer."""
    if asked.service == "patients":
        return 200, "application/soap+xml; charset=UTF-8", _existence(dmp, asked)
    assert dmp.endpoint is not None
    answer = await dmp.endpoint.answer(asked.service, asked.content_type, asked.body)
    return answer.status, answer.content_type, answer.body


def _existence(dmp: DmpServer, asked: Asked) -> bytes:
    query = etree.fromstring(asked.body)
    value = query.find(f".//{{{HL7}}}patientIdentifier/{{{HL7}}}value")
    assert value is not None
    state = dmp.states.get(value.get("extension", ""))
    line = patient = ""
    if state is not None:
        line = f'<attentionLine><keyWordText code="AUTORISATION" codeSystem="1.2.250.1.213.4.1.2.6.1"/><value code="{state[1]}"/></attentionLine>'  # noqa: E501
        patient = (
            '<subject typeCode="SUBJ"><registrationEvent classCode="REG" moodCode="EVN"><statusCode code="completed"/>'
            f'<subject1 typeCode="SBJ"><patient classCode="PAT"><id root="{value.get("root")}"'
            f' extension="{value.get("extension")}"/><statusCode code="{state[0]}"/></patient></subject1>'
            "</registrationEvent></subject>"
        )
    body = (
        f'<PRPA_IN201308UV02 xmlns="{HL7}" ITSVersion="XML_1.0"><interactionId root="2.16.840.1.113883.1.6"'
        f' extension="PRPA_IN201308UV02"/>{line}<acknowledgement typeCode="AA"/><controlActProcess classCode="CACT"'
        f' moodCode="EVN"><reasonCode code="TEST_EXST"/>{patient}<queryAck><queryResponseCode'
        f' code="{"OK" if state else "NF"}"/></queryAck></controlActProcess></PRPA_IN201308UV02>'
    )
    return envelope(body, "urn:hl7-org:v3:PRPA_IN201308UV02", asked.header("MessageID"))


def envelope(body: str, action: str, relates_to: str) -> bytes:
    """Write the envelope of an answer."""
    return (
        f'<e:Envelope xmlns:e="{ENV}" xmlns:a="{WSA}"><e:Header><a:Action>{action}</a:Action>'
        f"<a:RelatesTo>{relates_to}</a:RelatesTo></e:Header><e:Body>{body}</e:Body></e:Envelope>"
    ).encode()


def says(status: int, content_type: str, body: bytes) -> Behaviour:
    """Answer the same to everything."""

    async def behaviour(dmp: DmpServer, asked: Asked, writer: asyncio.StreamWriter) -> None:
        await send(writer, status, content_type, body)

    return behaviour


def faults(code: str, subcode: str = "", status: int = 500) -> Behaviour:
    """Answer a SOAP fault."""
    detail = f"<e:Subcode><e:Value>d:{subcode}</e:Value></e:Subcode>" if subcode else ""
    body = f"<e:Fault><e:Code><e:Value>e:{code}</e:Value>{detail}</e:Code><e:Reason><e:Text xml:lang='fr'>Non.</e:Text></e:Reason></e:Fault>"  # noqa: E501
    return says(status, "application/soap+xml", envelope(body, f"{WSA}/soap/fault", ""))


def registers(*codes: str) -> Behaviour:
    """Answer every submission with registry errors, or with success when there is none; the rest well."""

    async def behaviour(dmp: DmpServer, asked: Asked, writer: asyncio.StreamWriter) -> None:
        if "ProvideAndRegister" not in asked.action:
            await well(dmp, asked, writer)
            return
        rs = "urn:oasis:names:tc:ebxml-regrep:xsd:rs:3.0"
        kind = "Failure" if codes else "Success"
        errors = "".join(f'<r:RegistryError errorCode="{each}" codeContext="-"/>' for each in codes)
        listed = f"<r:RegistryErrorList>{errors}</r:RegistryErrorList>" if codes else ""
        body = f'<r:RegistryResponse xmlns:r="{rs}" status="urn:oasis:names:tc:ebxml-regrep:ResponseStatusType:{kind}">{listed}</r:RegistryResponse>'  # noqa: E501
        answer = envelope(body, f"{asked.action}Response", asked.header("MessageID"))
        await send(writer, 200, "application/soap+xml", answer)

    return behaviour


async def hangs(dmp: DmpServer, asked: Asked, writer: asyncio.StreamWriter) -> None:
    """Never answer."""
    await asyncio.Event().wait()


async def drips(dmp: DmpServer, asked: Asked, writer: asyncio.StreamWriter) -> None:
    """Answer one byte at a time, without end."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/soap+xml\r\nContent-Length: 100000\r\n\r\n")
    while True:
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.02)


async def floods(dmp: DmpServer, asked: Asked, writer: asyncio.StreamWriter) -> None:
    """Answer without end."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/soap+xml\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        writer.write(b"10000\r\n" + b" " * 0x10000 + b"\r\n")
        await writer.drain()


async def hangs_up(dmp: DmpServer, asked: Asked, writer: asyncio.StreamWriter) -> None:
    """Close the connection without a word."""
    writer.transport.abort()


async def does_and_hangs_up(dmp: DmpServer, asked: Asked, writer: asyncio.StreamWriter) -> None:
    """Do what was asked, and lose the answer of a submission."""
    answer = await good_answer(dmp, asked)
    if "ProvideAndRegister" in asked.action:
        writer.transport.abort()
        return
    await send(writer, *answer)


async def answers_another(dmp: DmpServer, asked: Asked, writer: asyncio.StreamWriter) -> None:
    """Answer well, but to another request."""
    status, content_type, body = await good_answer(dmp, asked)
    await send(writer, status, content_type, body.replace(asked.header("MessageID").encode(), b"urn:uuid:other"))


async def answers_another_kind(dmp: DmpServer, asked: Asked, writer: asyncio.StreamWriter) -> None:
    """Answer the right request with an action that was not asked for."""
    body = envelope("<x/>", "urn:other", asked.header("MessageID"))
    await send(writer, 200, "application/soap+xml", body)
