"""The fictional people of the demonstration and their passwords."""

from dataclasses import dataclass

DOMAIN = "demo.mssante.fr"
PATIENT_DOMAIN = "patient.mssante.fr"


@dataclass(frozen=True, slots=True)
class Doctor:
    """A professional with a personal mailbox (PER)."""

    address: str
    name: str
    rpps: str
    profession: str
    password: str


@dataclass(frozen=True, slots=True)
class Patient:
    """A patient: a fictitious INS with a right key, published for tests."""

    ins: str
    family: str
    given: str
    birth_date: str
    sex: str
    password: str

    @property
    def address(self) -> str:
        """Her address in the trust space."""
        return f"{self.ins}@{PATIENT_DOMAIN}"


MARTIN = Doctor(f"camille.martin@{DOMAIN}", "Dr Camille MARTIN", "10002422979", "10", "Facteur-des-salles-12")
DURAND = Doctor(f"paul.durand@{DOMAIN}", "Dr Paul DURAND", "10000441302", "10", "Facteur-des-salles-34")
ROUX = Patient("279035121518989", "ROUX", "JEANNE", "1979-03-28", "F", "Courrier-de-Jeanne-56")
