"""A DNS server on loopback that answers from a list of zone lines; what it does not know does not exist."""

import socketserver
import threading
from collections.abc import Iterable
from typing import Self

import dns.flags
import dns.message
import dns.rcode
import dns.rrset


class DnsServer:
    """Answers over UDP and TCP; `lines` as in a zone file, names absolute, `NAME IN TYPE VALUE`."""

    def __init__(self, lines: Iterable[str]) -> None:
        self.records: dict[tuple[str, str], list[str]] = {}
        for line in lines:
            name, _, kind, value = line.split(" ", 3)
            self.records.setdefault((name.lower(), kind), []).append(value)
        handler = type("Handler", (_Udp,), {"zone": self})
        over_tcp = type("HandlerTcp", (_Tcp,), {"zone": self})
        self._udp, self._tcp = _pair(handler, over_tcp)
        self.port: int = self._udp.server_address[1]

    @property
    def address(self) -> str:
        """Where to ask."""
        return f"127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        for server in (self._udp, self._tcp):
            threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_exception: object) -> None:
        for server in (self._udp, self._tcp):
            server.shutdown()
            server.server_close()

    def answer(self, question: bytes) -> dns.message.Message:
        """Answer one question."""
        asked = dns.message.from_wire(question)
        response = dns.message.make_response(asked)
        response.flags |= dns.flags.RA
        [query] = asked.question
        name, kind = query.name.to_text().lower(), query.rdtype.name
        values = self.records.get((name, kind), [])
        if values:
            response.answer.append(dns.rrset.from_text(query.name, 60, "IN", kind, *values))
        elif not any(known == name for known, _ in self.records):
            response.set_rcode(dns.rcode.NXDOMAIN)
        return response


def _pair(
    handler: type["_Udp"], over_tcp: type["_Tcp"]
) -> tuple[socketserver.ThreadingUDPServer, socketserver.ThreadingTCPServer]:
    """Listen on one port by both protocols: a port that is free for one may be taken for the other."""
    for _ in range(50):
        tcp = socketserver.ThreadingTCPServer(("127.0.0.1", 0), over_tcp)
        try:
            return socketserver.ThreadingUDPServer(tcp.server_address, handler, bind_and_activate=True), tcp
        except OSError:
            tcp.server_close()
    raise OSError("no port that is free for UDP and TCP")


class _Udp(socketserver.BaseRequestHandler):
    zone: DnsServer

    def handle(self) -> None:
        """Answer one datagram; a long answer is asked again over TCP."""
        question, connection = self.request
        response = self.zone.answer(question)
        wire = response.to_wire()
        if len(wire) > 512:
            response.answer.clear()
            response.flags |= dns.flags.TC
            wire = response.to_wire()
        connection.sendto(wire, self.client_address)


class _Tcp(socketserver.StreamRequestHandler):
    zone: DnsServer

    def handle(self) -> None:
        """Answer one question."""
        size = int.from_bytes(self.rfile.read(2), "big")
        wire = self.zone.answer(self.rfile.read(size)).to_wire()
        self.wfile.write(len(wire).to_bytes(2, "big") + wire)
