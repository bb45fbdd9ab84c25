"""Marionette, the remote control that Mozilla's programs have built in: one connection, one script after the other.

Source: firefox-source-docs.mozilla.org/testing/marionette/Protocol.html
"""

import contextlib
import json
import socket
from collections.abc import Iterator
from typing import Any

ANSWER_S = 60


class ScriptFailed(Exception):
    """The program refused a command, or a script ended with an error."""


class Marionette:
    """Runs scripts inside the program, with its own rights."""

    def __init__(self, link: socket.socket) -> None:
        self._link = link
        self._reader = link.makefile("rb")
        self._number = 0
        self._receive()  # it greets
        self.call("WebDriver:NewSession", {"strictFileInteractability": True})
        self.call("Marionette:SetContext", {"value": "chrome"})
        self.call("WebDriver:SetTimeouts", {"script": ANSWER_S * 1_000})

    def run(self, script: str, *arguments: Any) -> Any:
        """Run a function's body, which may wait for promises; returns what it returns.

        Raises:
            ScriptFailed: it threw something.
        """
        body = f"return (async () => {{ {script} }})();"
        answer = self.call("WebDriver:ExecuteScript", {"script": body, "args": list(arguments), "sandbox": "system"})
        return answer["value"]

    def call(self, command: str, parameters: dict[str, Any]) -> Any:
        """Send a command and return its result."""
        self._number += 1
        said = json.dumps([0, self._number, command, parameters]).encode()
        self._link.sendall(b"%d:%s" % (len(said), said))
        _, number, error, result = self._receive()
        assert number == self._number
        if error is not None:
            raise ScriptFailed(f"{error['error']}: {error['message']}\n{error['stacktrace']}")
        return result

    def close(self) -> None:
        """Let the program go on alone."""
        self._reader.close()
        self._link.close()

    def _receive(self) -> Any:
        length = b""
        while (octet := self._reader.read(1)) != b":":
            if not octet:
                raise ConnectionError("the program has closed the connection")
            length += octet
        return json.loads(self._reader.read(int(length)))


@contextlib.contextmanager
def control(port: int) -> Iterator[Marionette]:
    """Yield the control of the program that listens on PORT."""
    remote = Marionette(socket.create_connection(("127.0.0.1", port), timeout=ANSWER_S))
    try:
        yield remote
    finally:
        remote.close()
