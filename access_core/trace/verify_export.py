"""Check a downloaded history: `python -m access_core.trace.verify_export FILE [--key HEX]`.

It stands alone: this file, Python and the library `cryptography` are all it needs, so that a patient, a lawyer or a
judge can run it, or write it again from docs/reference/trace.md. It reads nothing but the file.
"""

import argparse
import hashlib
import json
import sys
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

EXPORT = "vaguemestre/trace/export/v1"
CHECKPOINT = "vaguemestre/trace/checkpoint/v1"
ENTRY = b"vaguemestre/trace/entry/v1\0"


class Broken(Exception):
    """The file does not prove what it says."""


def main() -> int:
    """Check the file of the command line; 0 when everything in it is proved."""
    parser = argparse.ArgumentParser(prog="python -m access_core.trace.verify_export")
    parser.add_argument("file", type=Path, help="historique téléchargé, au format JSON")
    parser.add_argument("--key", help="clé publique de l'instance, connue par ailleurs (64 chiffres hexadécimaux)")
    arguments = parser.parse_args()
    try:
        said = verify(json.loads(arguments.file.read_text(encoding="utf-8")), arguments.key)
    except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
        said = None
        sys.stderr.write(f"illisible : ce n'est pas un historique exporté ({type(error).__name__})\n")
    except Broken as broken:
        said = None
        sys.stderr.write(f"NON PROUVÉ : {broken}\n")
    sys.stdout.write("" if said is None else f"{said}\n")
    return 1 if said is None else 0


def verify(export: dict[str, Any], key: str | None = None) -> str:
    """Check an export; returns one sentence that says what was proved.

    Raises:
        Broken: something does not fit; says what.
    """
    if export["format"] != EXPORT:
        raise Broken("format inconnu")
    if key is not None and key.lower() != export["public_key"]:
        raise Broken("la clé publique du fichier n'est pas celle de l'instance")
    public_key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(export["public_key"]))
    checkpoints = {facts["seq"]: facts for facts in (_checkpoint(each, public_key) for each in export["checkpoints"])}
    known: dict[int, bytes] = {}
    young = 0
    for item in export["entries"]:
        seq = item["entry"]["seq"]
        if seq in known or (known and seq < max(known)):
            raise Broken(f"l'entrée {seq} n'est pas à sa place")
        known[seq] = _digest(item, known)
        if item["checkpoint"] is None:
            young += 1
        else:
            _prove(item, known[seq], checkpoints[item["checkpoint"]])
    pinned = "" if key else f" ; comparez la clé publique {export['public_key']} à celle que l'instance publie"
    return f"{len(known) - young} entrées prouvées, {young} trop récentes pour l'être{pinned}"


def _checkpoint(item: dict[str, str], public_key: Ed25519PublicKey) -> dict[str, Any]:
    try:
        public_key.verify(bytes.fromhex(item["signature"]), item["statement"].encode())
    except InvalidSignature:
        raise Broken("un point de contrôle n'est pas signé par cette clé") from None
    facts: dict[str, Any] = json.loads(item["statement"])
    if facts["format"] != CHECKPOINT:
        raise Broken("un point de contrôle est d'un format inconnu")
    return facts


def _digest(item: dict[str, Any], known: dict[int, bytes]) -> bytes:
    """Compute the chain digest of an entry from its content and the digest of the entry before."""
    previous = bytes.fromhex(item["previous"])
    seq = item["entry"]["seq"]
    if known.get(seq - 1, previous) != previous:
        raise Broken(f"l'entrée {seq} ne suit pas la précédente")
    canonical = json.dumps(item["entry"], sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    return hashlib.sha256(ENTRY + previous + canonical).digest()


def _prove(item: dict[str, Any], digest: bytes, facts: dict[str, Any]) -> None:
    """Climb from the entry to the root that the checkpoint signs (RFC 6962 §2.1.1)."""
    seq, index = item["entry"]["seq"], item["index"]
    size = facts["seq"] - facts["first_seq"] + 1
    if not 0 <= index < size or seq != facts["first_seq"] + index:
        raise Broken(f"l'entrée {seq} n'est pas à sa place dans le point de contrôle")
    path = [bytes.fromhex(each) for each in item["path"]]
    node, last = hashlib.sha256(b"\0" + digest).digest(), size - 1
    while last:
        if index & 1:
            node = hashlib.sha256(b"\1" + _next(path, seq) + node).digest()
        elif index < last:
            node = hashlib.sha256(b"\1" + node + _next(path, seq)).digest()
        index, last = index >> 1, last >> 1
    if path or node.hex() != facts["root"]:
        raise Broken(f"l'entrée {seq} n'est pas celle que le point de contrôle a signée")


def _next(path: list[bytes], seq: int) -> bytes:
    if not path:
        raise Broken(f"l'entrée {seq} : preuve incomplète")
    return path.pop(0)


if __name__ == "__main__":
    sys.exit(main())
