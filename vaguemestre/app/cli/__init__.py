"""The command line. Command modules import typer and nothing of the program until a command runs."""

import sys

from vaguemestre.kernel.errors import VaguemestreError


def main() -> None:
    """Run `vaguemestre`; exit status 0 done, 1 refused or failed, 2 wrong usage."""
    from vaguemestre.app.cli.application import build

    try:
        build()()
    except VaguemestreError as error:
        print(f"vaguemestre : {error}", file=sys.stderr)
        sys.exit(1)
    except BrokenPipeError:
        sys.exit(1)
