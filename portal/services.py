"""What the portal is given by `bootstrap.py`: doors of the packages below, one clock, its settings."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from starlette.types import ASGIApp

from access_core.authentication.authenticator import Authenticator
from dmp_bridge.config import BridgeSettings
from mailstore.store import MailStore
from portal.config import PortalSettings
from smtp_gateway.config import SmtpSettings
from smtp_gateway.patient_reply import PatientReplies
from smtp_gateway.setup.servers import MailServers
from vaguemestre.kernel.bus import Bus
from vaguemestre.kernel.clock import Clock
from vaguemestre.kernel.database import Database
from vaguemestre.kernel.keys import InstanceKey


@dataclass(frozen=True, slots=True, kw_only=True)
class MailSetup:
    """What mail programs are told, and how an Apple profile is signed."""

    servers: MailServers
    sign_profile: Callable[[bytes], bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class PortalServices:
    """Everything that a page may use.

    Attributes:
        patient_domains: domains whose local part is an INS, in lower case.
        dmp: settings of the record, for what a patient files herself.
        message_bytes: largest message that the gateway takes (`smtp.max_message_bytes`); files of a reply must fit in.
        xds: the XDS.b services of the record, served under `/xds`; None: not served.
        mail_setup: what mail programs are told; None: nothing.
        fhir: the FHIR service of the record, served under `/fhir`; None: not served.
    """

    database: Database
    store: MailStore
    authenticator: Authenticator
    replies: PatientReplies
    instance_key: InstanceKey
    clock: Clock
    bus: Bus
    settings: PortalSettings
    patient_domains: Collection[str]
    dmp: BridgeSettings = field(default_factory=BridgeSettings)
    message_bytes: int = field(default_factory=lambda: SmtpSettings().max_message_bytes)
    xds: ASGIApp | None = None
    fhir: ASGIApp | None = None
    mail_setup: MailSetup | None = None
