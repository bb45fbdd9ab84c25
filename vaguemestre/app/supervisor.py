"""The parent of the role processes: starts them, restarts one that dies, passes signals on, stops them all.

A role may be served by several processes, which share its ports (`mx`, `mx-2`).

It never imports what the roles import, so that it stays small and cannot fail with them. Each child is the same
program with one `--role`; its standard input is a pipe from here, whose end tells it that this process died.
"""

import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from vaguemestre.app.health import HealthServer, RoleState
from vaguemestre.app.pid_file import PidFile
from vaguemestre.app.roles import PORTS_OF_ROLE, Role
from vaguemestre.app.settings import Settings
from vaguemestre.kernel.log import configure, get_logger

BACKOFF_FIRST_S = 0.5
STEADY_S = 60.0
FREE_PORT_WAIT_S = 5.0
KILL_AFTER_GRACE_S = 5.0
METRICS_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
log = get_logger(__name__)


def supervise(settings: Settings, config: Path, roles: Sequence[Role]) -> int:
    """Run ROLES until SIGTERM; returns the exit status: 0 drained, 1 when a role could not start at all."""
    configure(role="supervisor")
    run_folder = settings.run_folder()
    run_folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with PidFile(run_folder / "vaguemestre.pid"):
        ports = settings.instance.ports()
        needed = [ports[name] for role in roles for name in PORTS_OF_ROLE[role]]
        _wait_for_free_ports(settings.instance.host, [*needed, ports["metrics"]])
        return asyncio.run(Supervisor(settings, config, roles).run())


def name_processes(settings: Settings, roles: Sequence[Role]) -> dict[str, Role]:
    """Return what to run: each process under its own name, the first of a role under that of the role."""
    return {
        role if number == 1 else f"{role}-{number}": role
        for role in roles
        for number in range(1, settings.processes(role) + 1)
    }


class Supervisor:
    """Keeps the processes of the roles alive."""

    def __init__(self, settings: Settings, config: Path, roles: Sequence[Role]) -> None:
        self._settings = settings
        self._config = config
        self._roles = name_processes(settings, roles)
        self._states = {name: RoleState(name) for name in self._roles}
        self._processes: dict[str, asyncio.subprocess.Process] = {}
        self._stopping = asyncio.Event()
        self._failed = False
        self._announced = False
        self._metrics_folder = settings.run_folder() / "metrics"
        self._health = HealthServer(
            settings.instance.ports()["metrics"], tuple(self._states.values()), self._metrics_folder
        )

    async def run(self) -> int:
        """Start everything, wait for the wish to stop, stop everything."""
        self._listen_to_signals()
        self._empty_metrics_folder()
        self._health.start()
        try:
            async with asyncio.TaskGroup() as group:
                for name in self._states:
                    group.create_task(self._keep(name))
                await self._stopping.wait()
                group.create_task(self._stop_children())
        finally:
            self._health.stop()
        return 1 if self._failed else 0

    def _listen_to_signals(self) -> None:
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._stopping.set)
        loop.add_signal_handler(signal.SIGINT, self._stopping.set)
        loop.add_signal_handler(signal.SIGHUP, self._pass_on, signal.SIGHUP)

    async def _keep(self, name: str) -> None:
        """Run the process of that NAME again each time that it ends, until the program stops."""
        state, delay_s = self._states[name], BACKOFF_FIRST_S
        loop = asyncio.get_running_loop()
        while not self._stopping.is_set():
            started_at = loop.time()
            status = await self._run_once(name)
            if self._stopping.is_set():
                return
            if not state.was_ready:
                self._failed = True
                self._stopping.set()
                return
            if loop.time() - started_at > STEADY_S:
                delay_s = BACKOFF_FIRST_S
            state.restarts += 1
            log.error("role_died", kind=name, status=status, delay_s=delay_s, attempts=state.restarts)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), delay_s)
            delay_s = min(delay_s * 2, self._settings.instance.restart_longest_s)

    async def _run_once(self, name: str) -> int:
        process = await asyncio.create_subprocess_exec(
            *self._command(self._roles[name]),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env={**os.environ, METRICS_VARIABLE: str(self._metrics_folder)},
        )
        self._processes[name] = process
        if self._stopping.is_set():
            process.terminate()
        try:
            await self._hear(name, process)
            return await process.wait()
        finally:
            self._states[name].ready = False
            self._processes.pop(name, None)
            self._health.forget_process(process.pid)

    def _command(self, role: Role) -> list[str]:
        program = [sys.executable, "-P", "-m", "vaguemestre.app.cli"]
        return [*program, "serve", "--role", role, "--config", str(self._config), "--supervised"]

    async def _hear(self, name: str, process: asyncio.subprocess.Process) -> None:
        """Read what the child prints until it ends; its `ready` event is what counts."""
        assert process.stdout is not None
        async for line in process.stdout:
            with contextlib.suppress(ValueError):
                event = json.loads(line)
                if isinstance(event, dict) and event.get("event") == "ready":
                    self._states[name].became_ready(event["ports"])
                    self._announce_when_all_ready()

    def _announce_when_all_ready(self) -> None:
        if self._announced or not all(state.ready for state in self._states.values()):
            return
        self._announced = True
        ports = {name: port for state in self._states.values() for name, port in state.ports.items()}
        print(json.dumps({"event": "ready", "ports": {**ports, "metrics": self._health.port}}), flush=True)

    async def _stop_children(self) -> None:
        self._pass_on(signal.SIGTERM)
        deadline = asyncio.get_running_loop().time() + self._settings.instance.grace_s + KILL_AFTER_GRACE_S
        while self._processes:
            if asyncio.get_running_loop().time() > deadline:
                self._pass_on(signal.SIGKILL)
            await asyncio.sleep(0.05)

    def _pass_on(self, number: signal.Signals) -> None:
        for process in self._processes.values():
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(number)

    def _empty_metrics_folder(self) -> None:
        self._metrics_folder.mkdir(exist_ok=True)
        for file in self._metrics_folder.glob("*.db"):
            file.unlink()


def _wait_for_free_ports(host: str, ports: Iterable[int]) -> None:
    """Give the processes of a supervisor that was killed the moment that they need to let go of their ports."""
    deadline = time.monotonic() + FREE_PORT_WAIT_S
    for port in ports:
        while _accepts(host, port) and time.monotonic() < deadline:
            time.sleep(0.05)


def _accepts(host: str, port: int) -> bool:
    """Say whether somebody listens on PORT of this machine."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.settimeout(0.5)
        return probe.connect_ex((host, port)) == 0
