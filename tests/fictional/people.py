"""Fictional people: the doctor, her service and the family of the tests. No name or number is a real person's."""

from datetime import date, datetime

from access_core.activation import Activation, activate
from access_core.identifiers import INS, ins_key
from access_core.professionals import MailboxType, NewProfessional, Professional, add_professional
from access_core.profiles import NewProfile, Profile, add_profile
from vaguemestre.kernel.database import Transaction

INS_MERE = INS.parse("279035121518989")


def ins_of(matricule: str) -> INS:
    """Return a well-formed INS for 13 characters."""
    return INS.parse(f"{matricule}{ins_key(matricule):02d}")


INS_ENFANT = ins_of("2160351215001")
INS_PERE = ins_of("1770351215002")
INS_TANTE = ins_of("2810351215003")


def add_martin(tx: Transaction, now: datetime) -> Professional:
    """Dr Camille Martin, general practitioner."""
    return add_professional(
        tx,
        NewProfessional(
            address="Camille.Martin@demo.mssante.fr",
            type=MailboxType.PER,
            name="Dr Camille Martin",
            created_at=now,
            rpps="10002422979",
            profession="10",
        ),
    )


def add_service(tx: Transaction, now: datetime, *members: str) -> Professional:
    """The cardiology department and its members."""
    return add_professional(
        tx,
        NewProfessional(
            address="cardiologie@ch-demo.mssante.fr",
            type=MailboxType.ORG,
            name="Cardiologie, CH Démo",
            created_at=now,
            structure="1750000000",
            members=members,
        ),
    )


def add_patient(tx: Transaction, now: datetime, ins: INS = INS_MERE, **changes: object) -> Profile:
    """A patient added by the operator, not activated; an adult born in 1979 unless CHANGES say otherwise."""
    person = {"family": "Dupond", "given": "Léa", "birth_date": date(1979, 3, 12), "sex": "F"}
    return add_profile(tx, NewProfile(ins=ins, created_at=now, **{**person, **changes}))  # type: ignore[arg-type]


def add_active_patient(tx: Transaction, now: datetime, ins: INS = INS_MERE, **changes: object) -> Profile:
    """A patient whose space is activated; she has credentials that open nothing."""
    added = add_patient(tx, now, ins, **changes)
    return activate(tx, added.id, Activation(activated_at=now, encoded_password="-", sealed_totp=b"-"))


def add_child(tx: Transaction, now: datetime) -> Profile:
    """A girl of ten, not activated and represented by nobody."""
    return add_patient(tx, now, INS_ENFANT, given="Zoé", birth_date=date(2016, 3, 12))
