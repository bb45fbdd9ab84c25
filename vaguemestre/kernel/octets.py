"""Searching octets. A sequence is found by an octet of it that is rare in what messages hold.

One octet is found fifty times faster than several: a body in base64, where no dot and no hyphen occurs, is passed over.
"""

SHORT_BYTES = 8_192
TRIES = 64


def find_by_octet(data: bytes, sequence: bytes, at: int, start: int = 0) -> int:
    """Do as `data.find(sequence, start)` does, by the octet that SEQUENCE has at AT; it is in no other way special."""
    octet = sequence[at : at + 1]
    place = data.find(octet, start + at)
    tries = TRIES if len(data) - start > SHORT_BYTES else 0
    while place >= 0 and tries:
        if data.startswith(sequence, place - at):
            return place - at
        place = data.find(octet, place + 1)
        tries -= 1
    return data.find(sequence, place - at, data.rfind(octet) + len(sequence)) if place >= 0 else -1
