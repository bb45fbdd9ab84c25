"""What errors say to who typed a command or started the service: French, whatever the code calls them.

Errors of settings and files are written in English where they are raised, with file, line and column; each part is put
into French here. What no row knows is passed on as it is.
"""

import re

_WHOLE = {
    "INS: not 13 characters and a 2-digit key": "l'INS compte 13 caractères et une clé de 2 chiffres",
    "INS: key does not match the matricule": "la clé de l'INS ne va pas avec le matricule : vérifiez les 15 chiffres",
    "INS: unknown assigning authority": "l'autorité (OID) de l'INS n'est pas connue",
    "RPPS: not 11 digits": "le numéro RPPS compte 11 chiffres",
    "address: not local-part@domain": "l'adresse s'écrit nom@domaine, sans accent ni espace",
    "address: too long": "l'adresse est trop longue",
    "instance key: not 32 bytes": "la clé de l'instance ne compte pas 32 octets",
}
_PARTS = tuple(
    (re.compile(english), french)
    for english, french in (
        (r": cannot be read: FileNotFoundError", " : fichier absent"),
        (r": cannot be read: PermissionError", " : lecture interdite à cet utilisateur"),
        (r": cannot be read: IsADirectoryError", " : c'est un dossier"),
        (r": cannot be read(?:: (\w+))?", r" : illisible"),
        (r": exists already", " : existe déjà"),
        (r": readable by others; chmod 600 it", " : lisible par d'autres ; chmod 600"),
        (r": no usable instance key: \w+", " : ce n'est pas une clé d'instance, ou elle manque"),
        (r": no usable (?:private )?(key|certificate): \w+", r" : illisible comme clé ou certificat"),
        (r"^(\S+): port (\d+) cannot be opened: .*", r"\1 : le port \2 est pris, ou interdit à cet utilisateur"),
        (r"^portal: cannot listen on port (\d+): .*", r"portal : le port \1 est pris, ou interdit à cet utilisateur"),
        (r"^TLS: cannot use (\S+) or a file beside it: .*", r"\1, ou un fichier à côté : clé ou certificat illisible"),
        (r"^XML: not well-formed \(line (\d+)\)", r"XML mal formé, ligne \1"),
        (r": line (\d+)", r", ligne \1"),
        (r", column (.+?): ", r", colonne \1 : "),
        (r", character (\d+)", r", caractère \1"),
        (r"the columns must be", "les colonnes attendues sont"),
        (r"the column (.+) is missing", r"il manque la colonne \1"),
        (r"a column is named twice", "une colonne est nommée deux fois"),
        (r"not as many cells as columns", "pas autant de cellules que de colonnes"),
        (r"(\d+) (?:columns|fields) instead of (\d+)", r"\1 colonnes au lieu de \2"),
        (r"this (?:pair|identity) has a row already", "déjà donné par une autre ligne"),
        (r"not well-formed CSV", "CSV mal formé"),
        (r"not UTF-8 text", "ce n'est pas du texte UTF-8"),
        (r"the file is empty", "le fichier est vide"),
        (r"unknown (?:code|right|profession|type|key)", "valeur inconnue"),
        (r"write YYYY-MM-DD", "écrivez AAAA-MM-JJ"),
        (r"\bM or F\b", "M ou F"),
        (r"^character (\d+)", r"caractère \1"),
        (r"neither (.+) nor one column for each profession", r"ni \1, ni une colonne par profession"),
        (r"neither (\S+) nor (\S+)", r"ni \1 ni \2"),
        (r"expected key=value", "écrivez clé=valeur"),
        (r"the key (\S+) is there twice", r"la clé \1 est donnée deux fois"),
        (r"(?<=[\w»]): (?=\S)", " : "),
    )
)


def in_french(text: str) -> str:
    """Return the sentence of an error for people."""
    if text in _WHOLE:
        return _WHOLE[text]
    for english, french in _PARTS:
        text = english.sub(french, text)
    return text
