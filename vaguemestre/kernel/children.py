"""The parent's side of a confined child: bytes in, bytes out, or nothing.

The child is one module of ours in a fresh interpreter, with an empty environment and no descriptor but its three
standard ones. It confines itself (`confinement.py`) before it reads; it is killed when its time is over.
"""

import contextlib
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildRun:
    """What to run: a module of ours and its arguments (never data), seconds of the clock, bytes of its answer."""

    module: str
    arguments: Sequence[str]
    seconds: float
    max_answer_bytes: int


def run_child(run: ChildRun, data: bytes) -> bytes | None:
    """Give DATA to a child and return its answer. Blocks for as long as the child lives: call it from a thread.

    Returns:
        None when the child failed, was killed, took too long or answered too much.
    """
    command = [sys.executable, "-I", "-m", run.module, *run.arguments]
    process = subprocess.Popen(  # noqa: S603 - our own module, words of ours as arguments
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env={}, close_fds=True
    )
    clock = threading.Timer(run.seconds, process.kill)
    clock.start()
    with process:
        assert process.stdin is not None
        assert process.stdout is not None
        _give(process.stdin, data)
        answer = process.stdout.read(run.max_answer_bytes + 1)
        if len(answer) > run.max_answer_bytes:
            process.kill()
        process.wait()
        clock.cancel()
    return answer if process.returncode == 0 and len(answer) <= run.max_answer_bytes else None


def _give(pipe: IO[bytes], data: bytes) -> None:
    """Write DATA and close; a child that is gone already has answered by its exit status."""
    with contextlib.suppress(BrokenPipeError):
        pipe.write(data)
    with contextlib.suppress(BrokenPipeError):
        pipe.close()
