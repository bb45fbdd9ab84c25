"""The directories of an instance: which one answers (setting `access.directory.source`), and what it said kept.

To switch to the national directory: `source = "fhir"`, `fhir_url` and `api_key` under `[access.directory]`; the
worker then asks it for every professional of the instance, at intervals. To switch the identity check to the
téléservice INSi: `source = "insi"` with certificate, key and authorisation number under `[access.identity]`.
"""

from collections import Counter
from datetime import datetime
from importlib.metadata import version
from typing import TYPE_CHECKING
from uuid import NAMESPACE_DNS, uuid5

from access_core.directories.directory import ProfessionalDirectory
from access_core.directories.extracts import ExtractDirectory, is_loaded
from access_core.directories.fhir_directory import FhirDirectory, FhirEndpoint
from access_core.directories.identities import (
    AnswerCode,
    IdentityAnswer,
    KnownIdentities,
    Traits,
    keep_status,
    status_after,
)
from access_core.directories.insi_messages import Software
from access_core.directories.insi_service import InsiEndpoint, InsiService
from access_core.directories.layouts import Layout
from access_core.directories.standings import keep_standings, look_up, persons
from access_core.facts import Directory, IdentityStatus
from access_core.identifiers import RPPS
from access_core.profiles import Profile
from vaguemestre.kernel.database import Transaction
from vaguemestre.kernel.errors import ConfigurationError, PermanentFailure

if TYPE_CHECKING:
    from vaguemestre.app.bootstrap import Instance


class IdentityRefused(PermanentFailure):
    """The identity check does not confirm the person; the text is the sentence that the operator reads."""


def national_directory(instance: "Instance") -> FhirDirectory:
    """Return the national directory that the settings name."""
    settings = instance.settings.access.directory
    key = settings.api_key.get_secret_value()
    return FhirDirectory(FhirEndpoint(url=settings.fhir_url, api_key=key, timeout_s=settings.timeout_s))


def refresh_standings(instance: "Instance") -> Counter[Directory]:
    """Look every professional of the instance up, and keep what the directory says; counts by state.

    Raises:
        TemporaryFailure: the directory cannot be asked now; what stood stands.
    """
    database = instance.database
    numbers = database.read_now(persons)
    if instance.settings.access.directory.source == "fhir":
        found = look_up(national_directory(instance), numbers)
    elif database.read_now(lambda tx: is_loaded(tx, Layout.ACTIVITIES)):
        found = database.read_now(lambda tx: look_up(ExtractDirectory(tx), numbers))
    else:
        return Counter()
    now = instance.clock.now()
    database.write_now(lambda tx: keep_standings(tx, found, at=now))
    return Counter(found.values())


def look_up_new(tx: Transaction, account_id: str, rpps: str, now: datetime) -> None:
    """Look a professional up whose mailbox is being opened, in the extract if one is in force."""
    if is_loaded(tx, Layout.ACTIVITIES):
        directory: ProfessionalDirectory = ExtractDirectory(tx)
        keep_standings(tx, look_up(directory, {account_id: RPPS.parse(rpps)}), at=now)


def ask_identity(instance: "Instance", traits: Traits) -> IdentityAnswer:
    """Ask who has these traits, outside any transaction: the téléservice INSi, or the registry in its place.

    Raises:
        ConfigurationError: the téléservice is chosen and its certificate or key is not set or cannot be used.
        TemporaryFailure: the téléservice cannot be asked now.
    """
    if instance.settings.access.identity.source == "insi":
        return insi_service(instance).by_traits(traits)
    return instance.database.read_now(lambda tx: KnownIdentities(tx).by_traits(traits))


def insi_service(instance: "Instance") -> InsiService:
    """Return the téléservice that the settings name. Raises ConfigurationError when a setting is missing."""
    chosen = instance.settings.access.identity
    if chosen.certificate is None or chosen.key is None or not chosen.idam or not chosen.emitter:
        raise ConfigurationError('[access.identity] source = "insi" needs certificate, key, idam and emitter')
    endpoint = InsiEndpoint(
        url=chosen.url,
        certificate=chosen.certificate,
        key=chosen.key,
        authority=chosen.authority,
        timeout_s=chosen.timeout_s,
    )
    software = Software(
        idam=chosen.idam,
        name="vaguemestre",
        version=version("vaguemestre"),
        emitter=chosen.emitter,
        instance=str(uuid5(NAMESPACE_DNS, instance.settings.instance.domains[0])),
    )
    return InsiService(endpoint, software, instance.clock.now)


def keep_identity(
    tx: Transaction, profile: Profile, answer: IdentityAnswer, *, paper: bool, now: datetime
) -> IdentityStatus:
    """Keep the status of a patient's identity after an answer to her traits; PAPER: an identity paper was looked at.

    Raises:
        IdentityRefused: there is no such person, several, or another INS for her.
    """
    status = status_after(answer, profile.ins, paper=paper)
    if status is IdentityStatus.DISCORDANTE or answer.code is not AnswerCode.ONE:
        raise IdentityRefused(_why(answer))
    keep_status(tx, profile.id, status, at=now)
    return status


def _why(answer: IdentityAnswer) -> str:
    if answer.code is AnswerCode.NONE:
        return "identité non vérifiée (01) : aucune identité connue n'a ces traits"
    if answer.code is AnswerCode.SEVERAL:
        return "identité non vérifiée (02) : plusieurs identités ont ces traits"
    return "identité non vérifiée : ces traits sont ceux d'un autre INS ; le patient appelle le 34 22"
