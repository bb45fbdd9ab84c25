"""What a child process gives up before it looks at hostile bytes: files, sockets, programs, memory, time.

Called by the child itself, once everything it needs is loaded. What a machine cannot offer (namespaces, system
call filters) is left out; the limits of the process always hold. Linux.

Sources: setrlimit(2), prctl(2), unshare(2), seccomp(2); system call numbers of `asm/unistd.h`.
"""

import ctypes
import os
import platform
import resource
import struct
from dataclasses import dataclass

_PR_SET_NO_NEW_PRIVS = 38
_PR_SET_SECCOMP = 22
_SECCOMP_MODE_FILTER = 2
_CLONE_NEWUSER = 0x10000000
_CLONE_NEWNET = 0x40000000
_OPEN_FILES = 4096
_EPERM = 1

# What decoding needs: move bytes of open descriptors, ask for memory, wait for its own threads, look at clocks, end.
_CALLS = {
    "x86_64": (
        0xC000003E,
        "0 1 3 5 8 9 10 11 12 13 14 15 19 20 24 25 28 35 39 60 72 96 98 99 131 186 202 204 228 229 230 231 262 273 318",
        "56 324 334 435",
    ),
    "aarch64": (
        0xC00000B7,
        "25 57 62 63 64 65 66 79 80 93 94 96 98 113 115 123 124 132 134 135 139 172 178 214 215 216 222 226 233 278",
        "99 101 114 165 169 179 220 283 293 435",
    ),
}
_LOAD_ARCHITECTURE, _LOAD_NUMBER = (0x20, 0, 0, 4), (0x20, 0, 0, 0)
_ALLOW, _REFUSE = (0x06, 0, 0, 0x7FFF0000), (0x06, 0, 0, 0x00050000 | _EPERM)


@dataclass(frozen=True, slots=True)
class ChildLimits:
    """What a confined process may use: bytes of address space, seconds of processor; threads of its own or none."""

    memory_bytes: int
    seconds: int
    threads: bool = False


def confine(limits: ChildLimits) -> None:
    """Give up everything but standard input, output, error and what LIMITS name, for good."""
    limit_process(limits)
    os.closerange(3, _OPEN_FILES)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))
    forbid_calls(threads=limits.threads)


def limit_process(limits: ChildLimits) -> None:
    """Bound memory and time, write no file, get no privilege and no network; files can still be read."""
    libc = ctypes.CDLL(None)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if libc.unshare(_CLONE_NEWNET) != 0:
        libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET)  # an ordinary user needs a namespace of users for it
    resource.setrlimit(resource.RLIMIT_AS, (limits.memory_bytes, limits.memory_bytes))
    resource.setrlimit(resource.RLIMIT_CPU, (limits.seconds, limits.seconds))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if not limits.threads:
        resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))


def forbid_calls(*, threads: bool) -> bool:
    """Let only the system calls through that decoding needs; any other fails with EPERM.

    Returns:
        False when this machine has no such filter or is of another architecture: nothing was changed.
    """
    known = _CALLS.get(platform.machine())
    if known is None:
        return False
    architecture, always, for_threads = known
    numbers = [int(number) for number in f"{always} {for_threads if threads else ''}".split()]
    return _install(_program(architecture, numbers))


def _program(architecture: int, numbers: list[int]) -> list[tuple[int, int, int, int]]:
    """Return the BPF program: another architecture or number is refused, a listed number allowed."""
    count = len(numbers)
    jumps = [(0x15, count - place, 0, number) for place, number in enumerate(numbers)]
    return [
        _LOAD_ARCHITECTURE,
        (0x15, 0, count + 1, architecture),
        _LOAD_NUMBER,
        *jumps,
        _REFUSE,
        _ALLOW,
    ]


def _install(program: list[tuple[int, int, int, int]]) -> bool:
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *each) for each in program))
    header = ctypes.create_string_buffer(struct.pack("HP", len(program), ctypes.addressof(code)))
    return bool(ctypes.CDLL(None).prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(header), 0, 0) == 0)
