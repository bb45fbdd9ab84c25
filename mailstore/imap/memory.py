"""Keeps the memory of idle sessions low on glibc.

uvloop gives each TLS connection a read buffer of 256 KiB of which a few pages are ever touched. glibc serves such
a block from untouched pages at first, but from its heap, whose pages are dirty, once the first connection has
closed. With a fixed threshold it never does: an idle session then costs half as much (24 KiB instead of 50).
"""

import ctypes

_M_MMAP_THRESHOLD = -3  # <malloc.h>
LARGE_BYTES = 131_072


def keep_large_buffers_apart() -> bool:
    """Have every block of LARGE_BYTES and more mapped on its own; False where the C library cannot."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and mallopt(_M_MMAP_THRESHOLD, LARGE_BYTES) == 1
