"""`python -m vaguemestre.app.demo [--once]`: play the first conversation, show it, stay up until Ctrl-C."""

import argparse
import asyncio
import shutil
import signal
import sys
import threading
from pathlib import Path

from rich.console import Console

from vaguemestre.app.demo.conversation import FirstConversation
from vaguemestre.app.demo.people import DOMAIN, MARTIN, ROUX
from vaguemestre.app.demo.report import print_report
from vaguemestre.app.demo.stage import Stage, check_room, prepare
from vaguemestre.app.initialise import CONFIG_NAME
from vaguemestre.kernel.errors import VaguemestreError


def main() -> int:
    """Run the demonstration; returns the exit status: 0 when each line is as expected, 1 otherwise."""
    options = _options()
    console = Console()
    try:
        check_room(options.folder, options.port_base)
        if (options.folder / CONFIG_NAME).exists():
            shutil.rmtree(options.folder)  # an earlier demonstration; any other folder is refused by `init`
        stage = prepare(options.folder.resolve(), options.port_base)
    except VaguemestreError as error:
        print(error, file=sys.stderr)
        return 1
    try:
        as_expected = print_report(asyncio.run(FirstConversation(stage).play()), console)
        if not options.once:
            _print_ways_in(stage, console)
            _wait_for_ctrl_c(console)
    finally:
        stopped = stage.program.stop()
    return 0 if as_expected and stopped == 0 else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--once", action="store_true", help="stop after the table")
    parser.add_argument(
        "--folder",
        type=Path,
        default=Path("var/demo"),
        help="where the instance is made; an earlier demonstration there is replaced",
    )
    parser.add_argument("--port-base", type=int, default=10_000)
    return parser.parse_args()


def _print_ways_in(stage: Stage, console: Console) -> None:
    ports, portal = stage.ports, f"https://localhost:{stage.ports['portal']}"
    config = stage.program.folder / CONFIG_NAME
    lines = f"""
Espace patient   {portal}/connexion
  identifiant    {ROUX.ins}
  mot de passe   {ROUX.password}
  code           secret {stage.totp_secret}, pour une application d'authentification (TOTP)
Espace pro       {portal}/pro/ (comme la messagerie ; code : vaguemestre mailbox second-factor ADRESSE)
Messagerie du Dr Martin ({DOMAIN})
  identifiant    {MARTIN.address}
  mot de passe   {MARTIN.password}
  IMAP           localhost, port {ports["imaps"]} (SSL/TLS) ou {ports["imap"]} (STARTTLS)
  SMTP           localhost, port {ports["submissions"]} (SSL/TLS) ou {ports["submission"]} (STARTTLS)
Autorité de TEST à approuver   {stage.authority}
Mesures          http://localhost:{ports["metrics"]}/metrics
Commandes        export VAGUEMESTRE_CONFIG={config}
                 {Path(sys.executable).with_name("vaguemestre")} doctor
"""
    console.print(lines, soft_wrap=True, markup=False, highlight=False)


def _wait_for_ctrl_c(console: Console) -> None:
    console.print("Tout reste en marche ; Ctrl-C arrête.")
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    try:
        while not stop.wait(1):
            pass
    except KeyboardInterrupt:
        return


if __name__ == "__main__":
    sys.exit(main())
