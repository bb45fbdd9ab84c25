"""`vaguemestre init --dmp embedded|URL`: where documents are filed, and what a TEST instance needs to file elsewhere.

The TEST authority issues what the structure would get from IGC-Santé: AUTH_CLI and SIGN, both naming the structure.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography.x509.oid import NameOID

from dmp_bridge.external.config import RecordChoice
from vaguemestre.app.pki import Authority, CertificateRequest, operator_subject
from vaguemestre.kernel.errors import ConfigurationError

EMBEDDED = "embedded"
STRUCTURE_NAME = "STRUCTURE TEST"
_CERTIFICATES = (("auth-cli", "TEST AUTH_CLI"), ("sign", "TEST SIGN"))


@dataclass(frozen=True, slots=True)
class ChosenRecord:
    """Where documents are filed; URL: of the record elsewhere, "" when there is none."""

    choice: RecordChoice = RecordChoice.EMBEDDED
    url: str = ""

    @classmethod
    def parse(cls, values: Sequence[str]) -> "ChosenRecord":
        """Read the options: `embedded`, an address, or both.

        Raises:
            ConfigurationError: an address that is not of HTTPS, or several.
        """
        addresses = [each for each in dict.fromkeys(values) if each != EMBEDDED]
        if len(addresses) > 1 or any(not each.startswith("https://") for each in addresses):
            raise ConfigurationError("--dmp : embedded, une adresse https://, ou l'un et l'autre")
        if not addresses:
            return cls()
        return cls(RecordChoice.BOTH if EMBEDDED in values else RecordChoice.EXTERNAL, addresses[0])

    def lines(self) -> list[str]:
        """Return the settings, with values of TEST where the structure has to say who it is."""
        if not self.url:
            return []
        subject = operator_subject(STRUCTURE_NAME, STRUCTURE_NAME)
        structure = subject.get_attributes_for_oid(NameOID.ORGANIZATIONAL_UNIT_NAME)[0].value
        return [
            "",
            "[dmp.external]",
            f'url = "{self.url}"',
            "# Valeurs de TEST : mettez celles de votre structure, et ses certificats pki/auth-cli et pki/sign.",
            'authority = "pki/ca.pem"',
            f'structure = "{structure!s}"',
            f'structure_name = "{STRUCTURE_NAME}"',
            'responsible = "899900000000"',
            'homologation = "TEST"',
        ]

    def write_certificates(self, authority: Authority, pki: Path, now: datetime) -> None:
        """Write the two certificates of the structure, when there is a record elsewhere."""
        for stem, name in _CERTIFICATES if self.url else ():
            subject = operator_subject(name, STRUCTURE_NAME)
            request = CertificateRequest(subject=subject, hosts=("localhost",), for_client=True, for_server=False)
            authority.issue(request, now).write(pki, stem)


ONLY_HERE = ChosenRecord()
