"""The client's side of SCRAM-SHA-256, written from RFC 5802 §3 apart from the program: an oracle for its server."""

import base64
import hashlib
import hmac
import os
from dataclasses import dataclass, field


@dataclass
class ScramClient:
    """One exchange; `gs2` is the header with its two commas, `binding` the channel's bytes."""

    user: str
    password: str
    gs2: str = "n,,"
    binding: bytes = b""
    nonce: str = field(default_factory=lambda: base64.b64encode(os.urandom(18)).decode())
    _signature: bytes = b""

    @property
    def _bare(self) -> str:
        name = self.user.replace("=", "=3D").replace(",", "=2C")
        return f"n={name},r={self.nonce}"

    def first(self) -> bytes:
        return (self.gs2 + self._bare).encode()

    def final(self, server_first: bytes) -> bytes:
        facts = dict(part.split("=", 1) for part in server_first.decode().split(","))
        assert facts["r"].startswith(self.nonce)
        assert len(facts["r"]) > len(self.nonce)
        salt, iterations = base64.b64decode(facts["s"]), int(facts["i"])
        salted = hashlib.pbkdf2_hmac("sha256", self.password.encode(), salt, iterations)
        client_key = hmac.new(salted, b"Client Key", "sha256").digest()
        stored_key = hashlib.sha256(client_key).digest()
        channel = base64.b64encode(self.gs2.encode() + self.binding).decode()
        without_proof = f"c={channel},r={facts['r']}"
        message = f"{self._bare},{server_first.decode()},{without_proof}".encode()
        signature = hmac.new(stored_key, message, "sha256").digest()
        proof = bytes(a ^ b for a, b in zip(client_key, signature, strict=True))
        self._signature = hmac.new(hmac.new(salted, b"Server Key", "sha256").digest(), message, "sha256").digest()
        return f"{without_proof},p={base64.b64encode(proof).decode()}".encode()

    def believes(self, server_final: bytes) -> bool:
        return hmac.compare_digest(server_final, b"v=" + base64.b64encode(self._signature))
