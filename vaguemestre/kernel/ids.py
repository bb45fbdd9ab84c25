"""Identifiers of rows: UUID version 7 (RFC 9562 §5.7) as 32 hexadecimal characters.

They sort by the time of their making, so that new rows stand together at the end of an index, and any
process can make them without asking the database.
"""

import os
import time

_RANDOM_BITS = 74


def new_id() -> str:
    """Return a fresh identifier: 48 bits of Unix milliseconds, version 7, 74 random bits."""
    milliseconds = time.time_ns() // 1_000_000
    random = int.from_bytes(os.urandom(10), "big") >> (80 - _RANDOM_BITS)
    high, low = random >> 62, random & ((1 << 62) - 1)
    return f"{(milliseconds << 80) | (0x7 << 76) | (high << 64) | (0b10 << 62) | low:032x}"
