"""Content transfer encodings (RFC 2045 §6), undone as far as the bytes allow; never an error."""

import binascii

from mailstore.mime.words import text_of

_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_NOT_BASE64 = bytes(octet for octet in range(256) if octet not in _ALPHABET)


def decode_transfer(data: bytes, encoding: str) -> bytes:
    """Undo `base64` or `quoted-printable`; other encodings leave the bytes as they are."""
    if encoding == "base64":
        letters = data.translate(None, _NOT_BASE64)
        letters = letters[: len(letters) - (len(letters) % 4 == 1)]
        return binascii.a2b_base64(letters + b"=" * (-len(letters) % 4))
    if encoding == "quoted-printable":
        return binascii.a2b_qp(data)
    return data


def decode_text(data: bytes, charset: str | None) -> str:
    """Return text in that character set, with plain line feeds; unknown sets are read as `text_of` does."""
    return text_of(data, charset or "utf-8").replace("\r\n", "\n")
