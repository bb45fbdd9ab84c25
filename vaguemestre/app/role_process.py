"""One role in this process: start its services, say so, serve until told to stop, drain.

A supervised process reads its standard input: end of file means that the supervisor is gone, and the process
ends at once rather than hold ports that a new supervisor needs.
"""

import asyncio
import functools
import gc
import json
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import uvloop

from access_core.matrix_in_force import IN_FORCE
from vaguemestre.app.bootstrap import Instance, build_services
from vaguemestre.app.migrations import require_newest
from vaguemestre.app.roles import Role
from vaguemestre.app.sentences import in_french
from vaguemestre.app.settings import Settings
from vaguemestre.kernel.errors import VaguemestreError
from vaguemestre.kernel.log import configure, get_logger, observe
from vaguemestre.kernel.service import Service

SWITCH_INTERVAL_S = 0.0005  # the writer thread needs the interpreter soon after each statement of a commit
COLLECT_AFTER = (10_000, 20, 20)
"""Objects made more than freed, then collections of the younger generation, before each generation is looked at."""
log = get_logger(__name__)
FRAMES = 4


def run_role(settings: Settings, role: Role, *, supervised: bool) -> int:
    """Run ROLE until SIGTERM; returns the exit status of the process."""
    configure(role=role)
    observe(_event_counter(role))
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    return uvloop.run(_serve(settings, role, supervised=supervised))


def _event_counter(role: Role) -> Callable[[str], None]:
    """Return what counts the events of this process for `/metrics`: their names are constants of the program."""
    from prometheus_client import Counter

    events = Counter("vaguemestre_events", "Events of the log, by role and name.", ["role", "event"])
    counter_of = functools.cache(lambda event: events.labels(role, event))
    return lambda event: counter_of(event).inc()


async def _serve(settings: Settings, role: Role, *, supervised: bool) -> int:
    asyncio.get_running_loop().set_exception_handler(log_unhandled)
    instance = Instance(settings)
    services: list[Service] = []
    stop = _Stop(settings.instance.grace_s)
    try:
        require_newest(settings.database_url())
        services = build_services(instance, role)
        stop.listen(supervised=supervised)
        await instance.start()
        ports = await _start(services)
        _on_signal(signal.SIGHUP, lambda: _reload(services))
        _settle_memory()
        _announce(role, ports)
        await stop.wait()
    except VaguemestreError as error:
        print(f"{role} : {in_french(str(error))}", file=sys.stderr, flush=True)
        return 1
    finally:
        await asyncio.gather(*(service.drain(stop.grace_s) for service in services))
        await instance.close()
    log.info("role_stopped")
    return 0


def _settle_memory() -> None:
    """Leave what the start made out of later collections, and collect less often: few cycles are made per message."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECT_AFTER)


class _Stop:
    """The wish to stop: SIGTERM and SIGINT with the usual grace, the supervisor's death with none."""

    def __init__(self, grace_s: float) -> None:
        self.grace_s = grace_s
        self._asked = asyncio.Event()

    def listen(self, *, supervised: bool) -> None:
        """Begin to hear signals and, when SUPERVISED, the end of standard input."""
        _on_signal(signal.SIGTERM, self._asked.set)
        _on_signal(signal.SIGINT, _ignore if supervised else self._asked.set)
        if supervised:
            asyncio.get_running_loop().add_reader(sys.stdin.fileno(), self._orphaned)

    async def wait(self) -> None:
        """Return when somebody asked."""
        await self._asked.wait()

    def _orphaned(self) -> None:
        asyncio.get_running_loop().remove_reader(sys.stdin.fileno())
        self.grace_s = 0.0
        self._asked.set()


async def _start(services: list[Service]) -> dict[str, int]:
    ports: dict[str, int] = {}
    for service in services:
        ports.update(await service.start())
    return ports


def _reload(services: list[Service]) -> None:
    for service in services:
        service.reload()
    try:
        IN_FORCE.reload()
    except VaguemestreError as error:
        log.warning("matrix_not_reloaded", error=error)
    log.info("reloaded", reloaded=len(services))


def _announce(role: Role, ports: dict[str, int]) -> None:
    log.info("role_ready")
    print(json.dumps({"event": "ready", "role": role, "ports": ports}), flush=True)


def log_unhandled(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Log where an exception came from that nobody caught; its text may quote data and is left out."""
    error = context.get("exception")
    frames = traceback.extract_tb(error.__traceback__)[-FRAMES:] if isinstance(error, BaseException) else []
    place = " > ".join(f"{Path(frame.filename).name}:{frame.lineno}" for frame in frames)
    log.error("unhandled_exception", error=error, place=place)


def _on_signal(number: signal.Signals, action: Callable[[], object]) -> None:
    asyncio.get_running_loop().add_signal_handler(number, action)


def _ignore() -> None:
    """Leave Ctrl-C in a terminal to the supervisor, which asks each role to stop."""
