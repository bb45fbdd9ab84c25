"""A patient space with its people and mail, on a real catalogue, store and gateway: what portal tests start from."""

import asyncio
import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path

from access_core.activation import Activation, activate
from access_core.authentication.authenticator import Authenticator
from access_core.authentication.passwords import hash_password
from access_core.authentication.totp import code_at, new_secret, seal_secret
from access_core.care import declare_care
from access_core.config import AuthenticationSettings
from access_core.professionals import Professional
from access_core.profiles import Profile
from dmp_bridge.config import TEST_INS_AUTHORITIES, BridgeSettings
from dmp_bridge.direct import DirectFiling, file_document_directly
from dmp_bridge.intake import build_filer
from mailstore.config import MailStoreSettings
from mailstore.store import MailStore
from portal.config import PortalSettings
from portal.services import PortalServices
from smtp_gateway.acceptance import Acceptance
from smtp_gateway.arrival import Arrival, Origin, Receipt, Recipient, Writer, read_marks
from smtp_gateway.config import AntivirusSettings, ContentSettings, ConversationSettings, SmtpSettings
from smtp_gateway.content import ContentRules
from smtp_gateway.header import HeaderBlock
from smtp_gateway.patient_reply import PatientReplies, ReplyRules
from tests.conftest import NOON
from tests.fictional.people import INS_MERE, add_martin, add_patient
from vaguemestre.app.demo.fictional_documents import SOURCE_ID
from vaguemestre.kernel.blobs.local import LocalBlobs
from vaguemestre.kernel.bus.local import LocalBus
from vaguemestre.kernel.clock import ManualClock
from vaguemestre.kernel.database import Database, Transaction
from vaguemestre.kernel.ids import new_id
from vaguemestre.kernel.keys import InstanceKey

PASSWORD = "Cerisier-42!"
PATIENT_DOMAIN = "patient.mssante.fr"
STEP = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Enclosure:
    """A file to send: name, media type, content."""

    name: str
    media_type: str
    content: bytes


def address_of(patient: Profile) -> str:
    """Return a patient's MSSanté address."""
    return f"{patient.ins.value}@{PATIENT_DOMAIN}"


class PatientSpace:
    """One patient who can sign in, one doctor who can write to her, and everything between them."""

    def __init__(self, folder: Path, *, clock: ManualClock | None = None) -> None:
        self.clock = clock or ManualClock(NOON)
        self.bus = LocalBus(folder / "bus")
        self.database = Database(f"sqlite:///{folder}/catalogue.db", publish=self.bus.publish)
        self.database.create_all()
        self.key = InstanceKey(b"k" * 32)
        self.store = MailStore(
            blobs=LocalBlobs(folder / "blobs"), instance_key=self.key, clock=self.clock, settings=MailStoreSettings()
        )
        self.secret = new_secret()
        self.acceptance = Acceptance(
            self.database, self.store, ConversationSettings(), may_answer=lambda address: address.endswith(".fr")
        )
        self.doctor, self.patient = self.database.write_now(self._people)

    def _people(self, tx: Transaction) -> tuple[Professional, Profile]:
        now = self.clock.now()
        doctor = add_martin(tx, now)
        added = add_patient(tx, now, INS_MERE, family="PAT-TROIS", given="Dominique", birth_date=date(1979, 3, 28))
        sealed = seal_secret(self.key, added.account_id, self.secret)
        activation = Activation(activated_at=now, encoded_password=hash_password(PASSWORD), sealed_totp=sealed)
        patient = activate(tx, added.id, activation)
        for account_id in (doctor.account_id, patient.account_id):
            self.store.create_mailbox(tx, account_id)
        declare_care(tx, patient.id, doctor.account_id, until=None, now=now)
        return doctor, patient

    def services(self, **settings: object) -> PortalServices:
        """Build what the portal needs; call it inside the event loop that serves."""
        authentication = AuthenticationSettings(account_failures=5, first_delay_s=60)
        return PortalServices(
            database=self.database,
            store=self.store,
            authenticator=Authenticator(
                self.database, self.clock, self.key, authentication, patient_domains={PATIENT_DOMAIN}
            ),
            replies=PatientReplies(
                self.acceptance,
                self.store,
                self.database,
                self.clock,
                rules=ReplyRules(
                    smtp=SmtpSettings(),
                    conversations=ConversationSettings(),
                    content=ContentRules(ContentSettings(), AntivirusSettings()),
                ),
            ),
            instance_key=self.key,
            clock=self.clock,
            bus=self.bus,
            settings=PortalSettings(**settings),  # type: ignore[arg-type]
            patient_domains=frozenset({PATIENT_DOMAIN}),
        )

    def code(self) -> str:
        """Return a code that was not used yet: the clock moves to the next step."""
        self.clock.advance(STEP)
        return code_at(self.secret, self.clock.now())

    async def write(
        self,
        subject: str,
        text: str = "Bonjour,",
        *,
        html: str = "",
        files: Sequence[Enclosure] = (),
        answers: str = "",
        to: Profile | None = None,
    ) -> Receipt:
        """Have the doctor write to the patient (or to another one); ANSWERS is the Message-ID that she answers."""
        patient = to or self.patient
        message = EmailMessage(policy=SMTP)
        message["From"] = f"{self.doctor.name} <{self.doctor.address}>"
        message["To"] = address_of(patient)
        message["Subject"] = subject
        message["Message-ID"] = f"<{new_id()}@demo.mssante.fr>"
        if answers:
            message["In-Reply-To"] = answers
        if text:
            message.set_content(text)
        if html:
            message.add_alternative(html, subtype="html") if text else message.set_content(html, subtype="html")
        for file in files:
            main, _, sub = file.media_type.partition("/")
            message.add_attachment(file.content, main, sub, filename=file.name)
        return await self._accept(message.as_bytes(), patient)

    async def _accept(self, data: bytes, patient: Profile) -> Receipt:
        draft = self.store.draft()
        await draft.write(data)
        sealed = await draft.seal()
        arrival = Arrival(
            origin=Origin.SUBMISSION,
            at=self.clock.now(),
            message=sealed,
            marks=read_marks(HeaderBlock.parse(sealed.header.removesuffix(b"\r\n"))),
            writer=Writer(address=self.doctor.address, account_id=self.doctor.account_id),
            reverse_path=self.doctor.address,
            recipients=[Recipient(address=address_of(patient), mailbox_id=patient.account_id, profile=patient)],
        )
        return await self.acceptance.accept(arrival)

    def file(self, data: bytes, **fields: object) -> str:
        """File a document in her record as the doctor; returns the id of its row."""
        rules = BridgeSettings(ins_authorities=TEST_INS_AUTHORITIES)
        deposit = DirectFiling(
            profile=self.patient,
            professional=self.doctor,
            data=data,
            now=self.clock.now(),
            source_id=SOURCE_ID,
            rules=rules.reader_rules(),
        )
        filer = build_filer(self.store, rules)
        outcomes = self.database.write_now(
            lambda tx: file_document_directly(tx, filer, dataclasses.replace(deposit, **fields))
        )
        assert outcomes[0].document_id is not None, outcomes[0]
        return outcomes[0].document_id

    def close(self) -> None:
        """Give back the catalogue."""
        asyncio.run(self.bus.close())
        self.database.close()
