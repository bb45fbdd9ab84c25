"""Wrong usage in French: typer says in English what is wrong with a command line, this file says it as users read it.

A sentence that is not in the table is passed on as it is.
"""

import re

from typer.exceptions import TyperException

SENTENCES = (
    (r"No such command '(.+)'\.?", r"commande inconnue : \1"),
    (r"Missing command\.", "il manque une commande"),
    (r"Missing argument '(.+)'\.", r"il manque l'argument \1"),
    (r"Missing option '(.+)'\.(?: Choose from:\s*(.+))?", r"il manque l'option \1"),
    (r"No such option: (\S+) \((?:Possible options: |Did you mean )(.+?)\??\)", r"option inconnue : \1 (\2 ?)"),
    (r"No such option: (\S+)", r"option inconnue : \1"),
    (r"Got unexpected extra argument(?:s|\(s\))? \((.+)\)", r"de trop : \1"),
    (r"Option '(.+)' requires an argument\.", r"l'option \1 attend une valeur"),
    (r"Invalid value for '(.+?)': Value error, '(.+)' is not one of (.+)\.", r"\1 : « \2 » n'est pas parmi \3"),
    (r"Invalid value for '(.+?)': Input should be a valid integer.*", r"\1 attend un nombre entier"),
    (r"Invalid value: (.+)", r"\1"),
    (r"Invalid value for '(.+?)': (.+)", r"\1 : valeur refusée (\2)"),
)


def explain(error: TyperException) -> str:
    """Return what standard error shows: the sentence and where help is; the help itself when nothing was asked."""
    said = str(getattr(error, "format_message", error.__str__)())
    if said.startswith("Usage:"):
        return said
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "vaguemestre"
    return f"vaguemestre : {_french(said)} ; voyez « {command} --help »"


def _french(said: str) -> str:
    for pattern, sentence in SENTENCES:
        match = re.fullmatch(pattern, said, re.DOTALL)
        if match:
            return match.expand(sentence)
    return said
