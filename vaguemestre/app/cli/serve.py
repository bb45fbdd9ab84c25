"""`vaguemestre serve`: run the program, or one role of it, in the foreground."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from vaguemestre.app.cli.shared import Config
from vaguemestre.app.roles import ROLES, Role


def serve(
    role: Annotated[list[Role], typer.Option(help="Rôle à servir ; répétable ; all : tous.")] = [Role.ALL],  # noqa: B006  typer copies it
    config: Config = None,
    supervised: Annotated[bool, typer.Option(hidden=True)] = False,
) -> None:
    """Sert au premier plan.

    SIGTERM termine ce qui est en cours et sort avec 0 ; SIGHUP relit certificats et liste blanche.
    """
    from vaguemestre.app.settings import find_config, load_settings

    path: Path = find_config(config)
    settings = load_settings(path)
    if len(role) == 1 and role[0] is not Role.ALL:
        from vaguemestre.app.role_process import run_role

        sys.exit(run_role(settings, role[0], supervised=supervised))
    from vaguemestre.app.supervisor import supervise

    sys.exit(supervise(settings, path.resolve(), ROLES if Role.ALL in role else tuple(dict.fromkeys(role))))
