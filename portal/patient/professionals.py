"""« Vos professionnels de santé »: who wrote to the patient, and who declared to take part in her care."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from access_core.accounts import AccountState
from access_core.care import Care, care_of
from access_core.professionals import Professional, professionals
from portal.patient.viewer import Viewer
from portal.services import PortalServices
from smtp_gateway.conversation import Conversation, conversations_of_patient
from vaguemestre.kernel.database import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownProfessional:
    """A professional in the patient's list; `wrote` counts conversations, `open`: one of them takes a reply."""

    name: str
    address: str
    in_care: bool
    care_until: datetime | None
    wrote: int
    open: bool
    inactive: bool
    last_conversation: str


async def list_professionals(services: PortalServices, viewer: Viewer) -> list[KnownProfessional]:
    """Return those who wrote or are in care of this patient, by name."""
    return await services.database.read(partial(_list, viewer=viewer, now=services.clock.now()))


def _list(tx: Transaction, viewer: Viewer, now: datetime) -> list[KnownProfessional]:
    exchanges: dict[str, list[Conversation]] = {}
    for each in conversations_of_patient(tx, viewer.profile.id):
        exchanges.setdefault(each.correspondent, []).append(each)
    local = {person.address: person for person in professionals(tx)}
    care = {address: care_of(tx, viewer.profile.id, person.account_id, now=now) for address, person in local.items()}
    addresses = set(exchanges) | {address for address, relation in care.items() if relation is not None}
    known = [
        _known(address, local.get(address), care.get(address), exchanges.get(address, [])) for address in addresses
    ]
    return sorted(known, key=lambda person: (person.name.casefold(), person.address))


def _known(
    address: str, person: Professional | None, care: Care | None, exchanges: Sequence[Conversation]
) -> KnownProfessional:
    return KnownProfessional(
        name=address if person is None else person.name,
        address=address,
        in_care=care is not None,
        care_until=None if care is None else care.until,
        wrote=len(exchanges),
        open=any(each.open for each in exchanges),
        inactive=person is not None and person.state is not AccountState.ACTIVE,
        last_conversation=exchanges[0].id if exchanges else "",
    )
