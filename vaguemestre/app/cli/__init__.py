"""The command line. Command modules import typer and nothing of the program until a command runs."""

import sys

from vaguemestre.kernel.errors import VaguemestreError

IDENTIFIERS = {
    "INS: not 13 characters and a 2-digit key": "l'INS compte 13 caractères et une clé de 2 chiffres",
    "INS: key does not match the matricule": "la clé de l'INS ne va pas avec le matricule : vérifiez les 15 chiffres",
    "INS: unknown assigning authority": "l'autorité (OID) de l'INS n'est pas connue",
    "RPPS: not 11 digits": "le numéro RPPS compte 11 chiffres",
    "address: not local-part@domain": "l'adresse s'écrit nom@domaine, sans accent ni espace",
    "address: too long": "l'adresse est trop longue",
}
"""What is wrong with an identifier, as its reader says it and as the user is told."""


def main() -> None:
    """Run `vaguemestre`; exit status 0 done, 1 refused or failed, 2 wrong usage."""
    from typer.exceptions import Abort, TyperException

    from vaguemestre.app.cli.application import build

    try:
        sys.exit(build()(standalone_mode=False, prog_name="vaguemestre"))
    except VaguemestreError as error:
        print(f"vaguemestre : {IDENTIFIERS.get(str(error), error)}", file=sys.stderr)
        sys.exit(1)
    except (Abort, BrokenPipeError):
        sys.exit(1)
    except TyperException as error:
        from vaguemestre.app.cli.usage import explain

        print(explain(error), file=sys.stderr)
        sys.exit(2)
