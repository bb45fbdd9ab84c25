"""The command line. Command modules import typer and nothing of the program until a command runs."""

import sys
from collections.abc import Sequence

from vaguemestre.kernel.errors import VaguemestreError


def main(arguments: Sequence[str] | None = None) -> None:
    """Run `vaguemestre` with ARGUMENTS, those of the process when None, and end it.

    Exit status: 0 done, 1 refused or failed, 2 wrong usage.
    """
    from typer.exceptions import Abort, TyperException

    from vaguemestre.app.cli.application import build

    try:
        sys.exit(build()(arguments, standalone_mode=False, prog_name="vaguemestre"))
    except VaguemestreError as error:
        from vaguemestre.app.sentences import in_french

        print(f"vaguemestre : {in_french(str(error))}", file=sys.stderr)
        sys.exit(1)
    except (Abort, BrokenPipeError):
        sys.exit(1)
    except TyperException as error:
        from vaguemestre.app.cli.usage import explain

        print(explain(error), file=sys.stderr)
        sys.exit(2)
