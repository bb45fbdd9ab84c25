"""A PKCS#11 token in software (SoftHSM2), private to the test run, with one RSA key that was put into it."""

import contextlib
import os
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pkcs11

from vaguemestre.kernel.pkcs11_keys import TokenKey

MODULE = Path("/usr/lib/softhsm/libsofthsm2.so")
TOKEN, LABEL, PIN = "vaguemestre-test", "sign", "7391"
EMPTY_TOKEN = "vaguemestre-empty"
CONFIGURATION = "SOFTHSM2_CONF"


@dataclass(frozen=True)
class Token:
    """Where the key is, and the folder in which the token keeps it."""

    folder: Path

    @property
    def place(self) -> TokenKey:
        """The key as the settings name it."""
        return TokenKey(module=MODULE, token=TOKEN, label=LABEL, pin=PIN)


@contextlib.contextmanager
def start_token(key_pem: bytes) -> Iterator[Token]:
    """Make a token that holds KEY_PEM (RSA, PKCS #8); the library finds it by its environment variable."""
    with tempfile.TemporaryDirectory(prefix="vaguemestre-token-") as name:
        folder = Path(name)
        (folder / "tokens").mkdir()
        (folder / "softhsm2.conf").write_text(f"directories.tokendir = {folder}/tokens\nlog.level = ERROR\n")
        (folder / "key.pem").write_bytes(key_pem)
        before = os.environ.get(CONFIGURATION)
        os.environ[CONFIGURATION] = str(folder / "softhsm2.conf")
        try:
            for label in (TOKEN, EMPTY_TOKEN):
                _run("--init-token", "--free", "--label", label, "--pin", PIN, "--so-pin", PIN)
            _run("--import", str(folder / "key.pem"), "--token", TOKEN, "--label", LABEL, "--id", "01", "--pin", PIN)
            yield Token(folder)
        finally:
            pkcs11.unload(str(MODULE))  # so that the next token of this process is found
            os.environ.pop(CONFIGURATION)
            if before is not None:
                os.environ[CONFIGURATION] = before


def _run(*arguments: str) -> None:
    subprocess.run(["softhsm2-util", *arguments], check=True, capture_output=True)
