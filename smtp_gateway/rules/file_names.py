"""What a file may be called: an extension of the list, none of a program behind it, no trick to hide it.

Source: domain note §7.4 (what a patient may add), §13 (programs and scripts, by name).
"""

import re
import unicodedata
from collections.abc import Collection

from smtp_gateway.replies import Refusal

_PROGRAMS = (
    "ade adp app appx apk bat bash bin cab chm class cmd com cpl dll dmg docm dotm elf exe gadget hlp hta img inf ins "
    "iso isp jar js jse jsp lib lnk mde msc msi msp mst msix ocx one php pif pl ppam pptm ps1 ps2 psm1 py pyc rb reg "
    "scf scr sct sh shb shs sys url vb vbe vbs vhd vhdx vxd war wsc wsf wsh xlam xll xlsm xltm xpi zsh"
)
PROGRAMS = frozenset(_PROGRAMS.split())
"""Extensions of what a machine would run, whatever the list of a policy says."""
_ALSO_A_DOMAIN = frozenset({"com", "app", "py", "sh", "pl"})
"""Extensions that also end names of the Internet: `compte-rendu.clinique.com.pdf` hides nothing."""
_HIDING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\x00")


def extension_of(name: str) -> str:
    """Return the extension that a system goes by, lower case, empty for none; blanks and dots at the end are lost."""
    base = _base(name)
    return base.rpartition(".")[2].lower() if "." in base.strip(".") else ""


def check_name(name: str, allowed: Collection[str]) -> Refusal | None:
    """Check the name of a file, of a message or in an archive; ALLOWED extensions, all when it holds `*`."""
    base = _base(name)
    if any(letter in _HIDING or unicodedata.category(letter) == "Cc" for letter in name):
        return Refusal.FILE_NAME
    extension = extension_of(name)
    inner = {each.strip().lower() for each in re.split(r"[.:]", base)[1:-1]}
    if extension in PROGRAMS or inner & (PROGRAMS - _ALSO_A_DOMAIN):
        return Refusal.FILE_TYPE
    return None if "*" in allowed or extension in allowed else Refusal.FILE_TYPE


def _base(name: str) -> str:
    return name.replace("\\", "/").rpartition("/")[2].rstrip(". \t\u00a0")
