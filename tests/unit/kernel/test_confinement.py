"""What a confined child cannot do any more, and how its parent deals with one that misbehaves."""

import base64
import platform
import subprocess
import sys

import pytest

from vaguemestre.kernel.children import ChildRun, run_child

GIVE_UP = "from vaguemestre.kernel.confinement import ChildLimits, confine\nconfine(ChildLimits(2**31, 5))\n"
FILTERED = pytest.mark.skipif(platform.machine() not in ("x86_64", "aarch64"), reason="no filter for this processor")


def attempt(statement: str, imports: str = "os, socket, sys, threading") -> str:
    """Run STATEMENT in a confined process; returns `done`, or the name of the exception."""
    program = f"import {imports}\n{GIVE_UP}try:\n    {statement}\n    said = 'done'\n"
    program += "except BaseException as error:\n    said = type(error).__name__\nos.write(1, said.encode())\n"
    done = subprocess.run([sys.executable, "-I", "-c", program], capture_output=True, check=True, timeout=30)
    return done.stdout.decode()


@pytest.mark.parametrize("statement", ["open('/etc/passwd')", "os.open('/etc/hostname', 0)", "socket.socket()"])
def test_a_confined_process_opens_neither_files_nor_sockets(statement):
    assert attempt(statement) in ("PermissionError", "OSError")  # by the filter, else by the limit on descriptors


@FILTERED
@pytest.mark.parametrize(
    "statement",
    [
        "os.unlink('/nowhere')",
        "os.mkdir('/tmp/child')",
        "os.execve('/bin/true', ['true'], {})",
        "os.kill(os.getppid(), 0)",
        "os.chmod('/nowhere', 0)",
        "os.listdir('/')",
        "os.fork()",
        "os.readlink('/proc/self/exe')",
    ],
)
def test_a_confined_process_reaches_nothing_outside_itself(statement):
    assert attempt(statement) == "PermissionError"


def test_a_confined_process_has_so_much_memory_and_no_more():
    assert attempt("bytearray(2**20)") == "done"
    assert attempt("bytearray(2**32)") == "MemoryError"


def run(module: str, *arguments: str, seconds: float = 30, most: int = 10_000) -> ChildRun:
    return ChildRun(module=module, arguments=arguments, seconds=seconds, max_answer_bytes=most)


def test_a_child_answers_what_it_is_given():
    assert run_child(run("base64", "-e"), b"Bonjour") == base64.encodebytes(b"Bonjour")


def test_a_child_that_never_ends_is_killed():
    assert run_child(run("timeit", "-n", "1", "while True: pass", seconds=0.5), b"") is None


def test_a_child_that_answers_too_much_or_fails_has_no_answer():
    assert run_child(run("base64", "-e", most=100), bytes(1000)) is None
    assert run_child(run("base64", "-d"), b"a") is None


def test_a_child_that_does_not_read_is_no_trouble():
    assert run_child(run("timeit", "-n", "1", "pass"), bytes(10_000_000)) is not None


def test_a_child_sees_no_environment(monkeypatch):
    monkeypatch.setenv("VAGUEMESTRE__KEYS__SECRET", "secret")
    statement = "import os, sys; sys.stdout.write(repr(sorted(os.environ))); sys.stdout.flush(); os._exit(0)"

    answer = run_child(run("timeit", "-n", "1", statement), b"")

    assert answer is not None
    assert b"VAGUEMESTRE" not in answer
