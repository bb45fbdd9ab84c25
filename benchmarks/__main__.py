"""`make bench`: an instance of its own, the three workloads on it, one line per figure.

Compare figures of one run only: machines and their neighbours differ. To compare with another server, point that
server's load generator at a target written by `benchmarks/write_target.py`.
"""

import argparse
import json
import ssl
import tempfile
import tomllib
from collections.abc import Awaitable, Callable
from pathlib import Path

import uvloop
from rich.progress import Progress

from benchmarks.clients import Endpoint
from benchmarks.workloads import FIGURE, Load, deliveries, idle_sessions, imap_operations
from benchmarks.write_target import prepare
from vaguemestre.app.demo.program import Program

DOMAIN = "bench.mssante.fr"
ACCOUNTS = 200


def main() -> None:
    """Make the instance, run the workloads, print the figures."""
    options = _options()
    with tempfile.TemporaryDirectory(prefix="vaguemestre-bench-") as place:
        folder = Path(place) / "instance"
        program = Program(folder)
        said = program.run("init", str(folder), "--domain", DOMAIN, "--port-base", str(options.port_base))
        target = tomllib.loads(prepare(said, ACCOUNTS))
        program.serve()
        try:
            uvloop.run(_measure(_load(target), options))
        finally:
            program.stop()


async def _measure(load: Load, options: argparse.Namespace) -> None:
    workloads: dict[str, Callable[[], Awaitable[dict[str, FIGURE]]]] = {
        "deliveries of 2 KB": lambda: deliveries(load, count=options.messages, connections=8, size_bytes=2_048),
        "deliveries of 100 KB": lambda: deliveries(
            load, count=options.messages // 4, connections=8, size_bytes=102_400
        ),
        "IMAP operations": lambda: imap_operations(load, messages=500, repeat=300),
        "idle sessions": lambda: idle_sessions(load, connections=options.idle),
    }
    with Progress(transient=True) as progress:
        task = progress.add_task("measuring", total=len(workloads))
        for name, workload in workloads.items():
            progress.update(task, description=name)
            for figure, value in (await workload()).items():
                line = json.dumps({"workload": name, "figure": figure, "value": value})
                progress.console.print(line, soft_wrap=True, highlight=False)
            progress.advance(task)


def _load(target: dict[str, dict[str, str]]) -> Load:
    """Read the target file of the instance."""
    smtp, imap, accounts = target["smtp"], target["imap"], target["accounts"]
    trusting = ssl.create_default_context(cafile=smtp["ca"])
    presenting = ssl.create_default_context(cafile=smtp["ca"])
    presenting.load_cert_chain(smtp["cert"], smtp["key"])
    pid = int(Path(target["server"]["pid_files"][0]).read_text())
    return Load(
        mx=Endpoint(smtp["host"], int(smtp["port"]), presenting, True, smtp["server_name"]),
        imaps=Endpoint(imap["host"], int(imap["port"]), trusting, False, imap["server_name"]),
        sender="medecin@peer.mssante.fr",
        accounts=[accounts["pattern"].format(n=number) for number in range(int(accounts["count"]))],
        password=accounts["password"],
        pid=pid,
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--messages", type=int, default=2_000, help="deliveries of 2 KB (a quarter of it at 100 KB)")
    parser.add_argument("--idle", type=int, default=500, help="idle sessions")
    parser.add_argument("--port-base", type=int, default=30_000)
    return parser.parse_args()


if __name__ == "__main__":
    main()
